import { dirname, isAbsolute, resolve } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { FitRequest } from '../../shared/reports'
import { parseReference } from '../cube'
import { nodeType } from '../nodes/registry'
import type { PipelineDocument } from '../pipeline/document'
import { isMapping, place, shown } from '../pipeline/yaml-source'
import { isFolder, withFoldersOpened } from './cube-folder'

/** Cubes of one purpose. */
export interface NamedCubes {
  cubes: string[]
  /** One per cube: null for none, undefined for the one that is found beside or inside it. */
  masks: (string | null | undefined)[]
}

export interface DataSplits {
  train: NamedCubes
  /** Empty: the training cubes. */
  validation: NamedCubes
  /** Scored after the training. */
  test: NamedCubes
}

const SPLITS = { train: 'train_ids', validation: 'val_ids', test: 'test_ids' } as const
const CLASSES = ['normal_class_ids', 'anomaly_class_ids'] as const
const KEYS = [...Object.keys(SPLITS), 'cubes', 'masks', ...Object.values(SPLITS), ...CLASSES, 'batch_size']

/**
 * Which cubes a fit trains, validates and tests on: those of the request, and where it names none and allows it, those of
 * the document's `data` section, whose paths are relative to the document. Throws CuvetteError('bad-pipeline' | 'bad-argument').
 */
export async function splitsOf(request: FitRequest, document: PipelineDocument, signal?: AbortSignal): Promise<DataSplits> {
  const section = request.dataOfDocument ? new DataSection(document, signal) : null
  const split = async (name: keyof typeof SPLITS, cubes: readonly string[], masks: readonly (string | null)[], flag: string): Promise<NamedCubes> => {
    if (cubes.length === 0 && masks.length > 0) throw new CuvetteError('bad-argument', `Masks were named with ${flag}mask, but no cubes with ${flag === '--' ? '--data' : flag.slice(0, -1)}; name both.`)
    if (cubes.length === 0) return section ? await section.split(name) : { cubes: [], masks: [] }
    const opened = await withFoldersOpened(cubes, signal)
    return { cubes: opened, masks: masks.length === 0 ? opened.map(() => undefined) : [...masks] }
  }
  const train = await split('train', request.data, request.masks, '--')
  if (train.cubes.length === 0) {
    const session = section?.session ? ` The document names ${section.session}, which cannot be read here.` : ''
    throw new CuvetteError('bad-argument', `No cube was named; name at least one with --data, or in the data section of the document.${session}`)
  }
  return {
    train,
    validation: await split('validation', request.validation, request.validationMasks ?? [], '--val-'),
    test: await split('test', request.test ?? [], request.testMasks ?? [], '--test-'),
  }
}

/** The document with the class ids of its `data` section as parameters of its cube node, which may state them itself. */
export function withClassesOfData(document: PipelineDocument): PipelineDocument {
  const data = document.extra.data
  if (!isMapping(data)) return document
  const stated = Object.fromEntries(CLASSES.flatMap((key) => (data[key] === undefined || data[key] === null ? [] : [[key, data[key]]])))
  if (Object.keys(stated).length === 0) return document
  return {
    ...document,
    nodes: document.nodes.map((node) => {
      if (nodeType(node.type)?.description.role !== 'source') return node
      const other = CLASSES.find((key) => key in node.config && key in stated && JSON.stringify(node.config[key]) !== JSON.stringify(stated[key]))
      if (other) throw new CuvetteError('bad-pipeline', `The data section has ${shown(stated[other])} as ${other} and the node ${node.name} ${shown(node.config[other])}; state it in one place.`, { path: document.path, where: place(`data.${other}`, document.lineOf(`data.${other}`)) })
      return { ...node, config: { ...stated, ...node.config } }
    }),
  }
}

class DataSection {
  private readonly values: Readonly<Record<string, unknown>>
  private listed: Promise<NamedCubes> | null = null

  constructor(private readonly document: PipelineDocument, private readonly signal: AbortSignal | undefined) {
    const { data } = document.extra
    if (data !== undefined && data !== null && !isMapping(data)) throw this.bad('', `The data section is ${shown(data)}; a mapping such as {train: [scene.hdr]} is expected.`)
    this.values = isMapping(data) ? data : {}
    // A training run of the repository says more of its own loader.
    const unknown = document.dialect === 'short' ? Object.keys(this.values).find((key) => !KEYS.includes(key)) : undefined
    if (unknown !== undefined) throw this.bad(unknown, `The data section has no setting ${unknown}; it has ${KEYS.join(', ')}.`)
  }

  /** The recording that a training run of the repository names. */
  get session(): string | null {
    return typeof this.values.cu3s_file_path === 'string' ? this.values.cu3s_file_path : null
  }

  async split(name: keyof typeof SPLITS): Promise<NamedCubes> {
    const idsKey = SPLITS[name]
    const { [name]: written, cubes, [idsKey]: ids } = this.values
    if (written !== undefined && written !== null) {
      if (cubes !== undefined || ids !== undefined) throw this.bad(name, `The data section lists ${name} and has ${cubes === undefined ? idsKey : 'cubes'}; use one of the two ways.`)
      return await this.entries(written, name)
    }
    if (cubes === undefined) return { cubes: [], masks: [] }
    const all = await (this.listed ??= this.withMasks(cubes))
    const chosen = this.idsOf(name, all.cubes.length)
    return { cubes: chosen.map((id) => all.cubes[id]), masks: chosen.map((id) => all.masks[id]) }
  }

  /** Training cubes are, when nothing else is said, those that nothing else names. */
  private idsOf(name: keyof typeof SPLITS, count: number): number[] {
    const key = SPLITS[name]
    const written = this.values[key] ?? null
    if (written === null) {
      if (name !== 'train') return []
      const others = new Set([...this.idsOf('validation', count), ...this.idsOf('test', count)])
      return Array.from({ length: count }, (_, id) => id).filter((id) => !others.has(id))
    }
    if (!Array.isArray(written) || !written.every((id) => Number.isInteger(id))) throw this.bad(key, `The data section has ${shown(written)} as ${key}; a list of places in cubes, from 0, is expected.`)
    const outside = written.findIndex((id: number) => id < 0 || id >= count)
    if (outside >= 0) throw this.bad(`${key}.${outside}`, `The data section names cube ${String(written[outside])} in ${key}, but there ${count === 1 ? 'is one cube' : `are ${count} cubes`}; ids go from 0 to ${count - 1}.`)
    const twice = written.find((id, index) => written.indexOf(id) !== index) as number | undefined
    if (twice !== undefined) throw this.bad(key, `The data section names cube ${twice} twice in ${key}; name it once.`)
    return written as number[]
  }

  private async withMasks(cubes: unknown): Promise<NamedCubes> {
    const entries = await this.entries(cubes, 'cubes')
    const { masks = null } = this.values
    if (masks === null) return entries
    if (!Array.isArray(masks) || !masks.every((mask) => mask === null || typeof mask === 'string')) throw this.bad('masks', `The data section has ${shown(masks)} as masks; a list of paths, null for none, is expected.`)
    if (masks.length !== entries.cubes.length) throw this.bad('masks', `The data section has ${entries.cubes.length} cubes and ${masks.length} masks; name one mask for each cube, null for none.`)
    return { ...entries, masks: masks.map((mask) => mask && this.relative(mask as string)) }
  }

  /** Paths of cubes, {cube, mask}, and folders. */
  private async entries(written: unknown, key: string): Promise<NamedCubes> {
    const list = typeof written === 'string' ? [written] : written
    if (!Array.isArray(list)) throw this.bad(key, `The data section has ${shown(list)} as ${key}; a list of cubes is expected.`)
    const found: NamedCubes = { cubes: [], masks: [] }
    for (const [index, entry] of list.entries()) {
      const { cube, mask } = isMapping(entry) ? entry : { cube: entry as unknown, mask: undefined }
      if (typeof cube !== 'string' || !(mask === undefined || mask === null || typeof mask === 'string')) {
        throw this.bad(`${key}.${index}`, `The data section has ${shown(entry)} in ${key}; a path, or {cube: path, mask: path}, is expected.`)
      }
      const path = this.relative(cube)
      const opened = await withFoldersOpened([path], this.signal)
      if (mask !== undefined && (await isFolder(path))) throw this.bad(`${key}.${index}`, `The data section names one mask for the folder ${cube}; leave it out, so that masks are found beside the cubes.`)
      found.cubes.push(...opened)
      found.masks.push(...opened.map(() => (typeof mask === 'string' ? this.relative(mask) : mask)))
    }
    return found
  }

  private relative(written: string): string {
    if (isAbsolute(written)) return written
    const { path, variable } = parseReference(resolve(dirname(this.document.path), written))
    return variable === null ? path : `${path}#${variable}`
  }

  private bad(key: string, message: string): CuvetteError {
    const full = key === '' ? 'data' : `data.${key}`
    return new CuvetteError('bad-pipeline', message, { path: this.document.path, where: place(full, this.document.lineOf(full) || this.document.lineOf('data')) })
  }
}
