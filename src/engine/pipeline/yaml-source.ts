import type { Alias, Document, Node } from 'yaml'
import { LineCounter, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { Problem } from '../../shared/problem'
import { CuvetteError } from '../../shared/problem'

/** Characters; a pipeline of a thousand nodes stays far below. */
const LARGEST_TEXT = 4 * 1024 * 1024
/** Values after anchors are followed: a text of a few lines can otherwise stand for billions. */
const MOST_VALUES = 200_000
const DEEPEST = 64

/** A YAML text as plain values, with the line of every key. */
export interface YamlSource {
  value: unknown
  /** 1-based line of a key such as "nodes.encoder.config" or "connections.0"; 0 when there is none. */
  lineOf(key: string): number
  /** Keys that stand twice in one mapping. */
  problems: Problem[]
}

/** Reads a text. Throws CuvetteError('bad-pipeline') when it is not YAML, or too large to be a pipeline. */
export function readYaml(text: string, path: string): YamlSource {
  if (text.length > LARGEST_TEXT) {
    throw new CuvetteError('bad-pipeline', `The document has ${text.length} characters; a pipeline document has at most ${LARGEST_TEXT}.`, { path })
  }
  const lines = new LineCounter()
  const document = onlyDocument(text, lines, path)
  if (!document) return { value: null, lineOf: () => 0, problems: [] }
  const [error] = document.errors
  if (error) {
    const line = lines.linePos(error.pos[0]).line
    const found = /call stack/.test(error.message) ? 'it is nested too deeply' : error.message.trim().replace(/[.:]$/, '')
    throw new CuvetteError('bad-pipeline', `The document is not valid YAML: ${found}.`, { path, where: `line ${line}` })
  }
  const places = new Map<string, number>()
  const problems: Problem[] = []
  const value = new Reader(document, lines, path, places, problems).plain(document.contents, '', 0)
  return { value, lineOf: (key) => places.get(key) ?? 0, problems }
}

function onlyDocument(text: string, lineCounter: LineCounter, path: string): Document.Parsed | undefined {
  const documents = parseAllDocuments(text, { lineCounter, uniqueKeys: false, prettyErrors: false, merge: true, logLevel: 'silent' }) as Document.Parsed[]
  if (documents.length > 1) {
    throw new CuvetteError('bad-pipeline', `The text holds ${documents.length} YAML documents, separated by "---"; a pipeline is one document.`, { path })
  }
  return documents[0]
}

class Reader {
  private values = 0
  /** What each alias stands for: the library looks through the whole document every time. */
  private readonly resolved = new Map<Alias, unknown>()

  constructor(
    private readonly document: Document,
    private readonly lines: LineCounter,
    private readonly path: string,
    private readonly places: Map<string, number>,
    private readonly problems: Problem[],
  ) {}

  plain(node: unknown, key: string, depth: number): unknown {
    this.values += 1
    if (this.values > MOST_VALUES || depth > DEEPEST) {
      throw new CuvetteError('bad-pipeline', 'The document is larger or deeper than a pipeline can be once its anchors are followed.', { path: this.path, where: key || undefined })
    }
    this.place(node, key)
    if (isAlias(node)) return this.plain(this.anchored(node), key, depth + 1)
    if (isScalar(node)) return node.value
    if (isSeq(node)) return node.items.map((item, index) => this.plain(item, join(key, index), depth + 1))
    if (isMap(node)) {
      const entries = new Map<string, unknown>()
      for (const { key: name, value } of node.items) this.entry(entries, name, value, key, depth)
      return Object.fromEntries(entries)
    }
    return null
  }

  private anchored(alias: Alias): unknown {
    if (!this.resolved.has(alias)) this.resolved.set(alias, alias.resolve(this.document))
    return this.resolved.get(alias)
  }

  private entry(entries: Map<string, unknown>, keyNode: unknown, value: unknown, parent: string, depth: number): void {
    const written = isScalar(keyNode) ? keyNode.value : keyNode
    if (written !== null && typeof written === 'object') {
      this.problems.push({ code: 'bad-pipeline', message: 'A key of the document is a list or a mapping; a name is expected.', path: this.path, where: this.at(parent, keyNode) })
      return
    }
    const name = String(written)
    const key = join(parent, name)
    // The library reads a plain << as a symbol.
    if (typeof written === 'symbol') {
      const merged = this.plain(value, key, depth + 1)
      for (const part of Array.isArray(merged) ? merged : [merged]) {
        if (part !== null && typeof part === 'object') for (const [inner, one] of Object.entries(part)) if (!entries.has(inner)) entries.set(inner, one)
      }
      return
    }
    const before = this.places.get(key)
    if (before !== undefined) {
      this.problems.push({ code: 'bad-pipeline', message: `The key ${name} stands twice, in lines ${before} and ${this.line(keyNode)}; keep one or rename the other.`, path: this.path, where: this.at(key, keyNode) })
    }
    entries.set(name, this.plain(value, key, depth + 1))
    this.place(keyNode, key)
  }

  private place(node: unknown, key: string): void {
    const line = this.line(node)
    if (line > 0) this.places.set(key, line)
  }

  private at(key: string, node: unknown): string {
    return place(key, this.line(node))
  }

  private line(node: unknown): number {
    const range = (node as Node | null)?.range
    return range ? this.lines.linePos(range[0]).line : 0
  }
}

/** "nodes.encoder.config.num_channels (line 12)" */
export function place(key: string, line: number): string {
  if (line === 0) return key
  return key === '' ? `line ${line}` : `${key} (line ${line})`
}

function join(parent: string, name: string | number): string {
  return parent === '' ? String(name) : `${parent}.${name}`
}

/** A mapping of a document: not a list, not null. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

/** How a value reads in a message. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (typeof value === 'string') return `the text "${value.length > 60 ? `${value.slice(0, 57)}...` : value}"`
  if (Array.isArray(value)) return value.length <= 8 && value.every((item) => typeof item !== 'object') ? `the list [${value.join(', ')}]` : `a list of ${value.length}`
  if (typeof value === 'object') return 'a mapping'
  return String(value)
}
