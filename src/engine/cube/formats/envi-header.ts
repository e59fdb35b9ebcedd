import { CuvetteError } from '../../../shared/problem'

/** One entry of an ENVI header. */
export interface HeaderEntry {
  /** Value as written, without the braces around a list. */
  text: string
  braced: boolean
  /** 1-based. */
  line: number
}

export interface EnviHeader {
  path: string
  /** Keys in lower case, single spaces. In the order of the file. */
  entries: Map<string, HeaderEntry>
  warnings: string[]
  /** It was an ESRI header. */
  esri?: boolean
  /** What it states of gaps between rows or bands. */
  gaps?: string | null
}

/** Headers are UTF-8 where they can be, otherwise Latin-1 ("µm" as one byte). */
export function decodeHeaderText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('latin1').decode(bytes)
  }
}

/** Whether a file begins as an ENVI header does: the word ENVI alone on the first line. */
export function isEnviHeader(head: Uint8Array): boolean {
  return /^\ufeff?ENVI[ \t]*(\r|\n|$)/.test(decodeHeaderText(head.subarray(0, 64)))
}

/** Whether a file is the other header that is called .hdr (band interleaved by line, ESRI): key and value with a space between. */
export function isEsriHeader(head: Uint8Array): boolean {
  const text = decodeHeaderText(head.subarray(0, 1024))
  return /^\s*(BYTEORDER|LAYOUT|NROWS|NCOLS|NBANDS|NBITS)[ \t]+\S/i.test(text) && !text.includes('=')
}

/**
 * Parses `key = value` lines. Values in braces run over lines; lines that begin with ';' are comments, also
 * inside braces. Throws CuvetteError('bad-header') when the first line is not ENVI or braces are not closed.
 */
export function parseEnviHeader(text: string, path: string): EnviHeader {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/)
  if (lines[0].trim() !== 'ENVI') {
    throw new CuvetteError('bad-header', `${path} does not begin with the line "ENVI"; it is not an ENVI header.`, { path, where: 'line 1' })
  }
  const entries = new Map<string, HeaderEntry>()
  const warnings: string[] = []
  for (let at = 1; at < lines.length; at += 1) {
    const line = lines[at].trim()
    if (line === '' || line.startsWith(';')) continue
    const equals = line.indexOf('=')
    if (equals <= 0) {
      warnings.push(`Line ${at + 1} of the header is not "key = value" and was left out.`)
      continue
    }
    const key = line.slice(0, equals).trim().toLowerCase().replace(/\s+/g, ' ')
    const entry: HeaderEntry = { text: line.slice(equals + 1).trim(), braced: false, line: at + 1 }
    if (entry.text.startsWith('{')) {
      entry.braced = true
      const closed = bracedValue(lines, at, entry.text)
      if (!closed) {
        throw new CuvetteError('bad-header', `${path}: the braces of "${key}", opened on line ${at + 1}, are never closed; add the missing "}".`, { path, where: key })
      }
      entry.text = closed.text
      at = closed.lastLine
    }
    if (entries.has(key) && entries.get(key)?.text !== entry.text) warnings.push(`The header gives "${key}" twice; the one on line ${entry.line} is used.`)
    entries.set(key, entry)
  }
  return { path, entries, warnings }
}

/** Follows a value from its opening brace to the matching closing one. */
function bracedValue(lines: string[], first: number, opening: string): { text: string; lastLine: number } | null {
  const parts: string[] = []
  let depth = 0
  for (let at = first; at < lines.length; at += 1) {
    const line = at === first ? opening : lines[at]
    if (at !== first && line.trimStart().startsWith(';')) continue
    for (let column = 0; column < line.length; column += 1) {
      if (line[column] === '{') depth += 1
      else if (line[column] === '}') depth -= 1
      if (depth === 0) {
        parts.push(line.slice(0, column))
        return { text: parts.join('\n').slice(1).trim(), lastLine: at }
      }
    }
    parts.push(line)
  }
  return null
}

/**
 * The text of a header in which some keys say something else; null takes a key away. Every other line stays as it is,
 * comments included; keys that were not there come last. Throws as `parseEnviHeader`.
 */
export function editEnviHeader(text: string, path: string, changes: ReadonlyMap<string, string | null>): string {
  parseEnviHeader(text, path)
  const newline = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n'
  const lines = text.split(/\r\n|\n|\r/)
  const written = new Set<string>()
  const out: string[] = []
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at].trim()
    const equals = line.indexOf('=')
    if (at === 0 || line.startsWith(';') || equals <= 0) {
      out.push(lines[at])
      continue
    }
    const value = line.slice(equals + 1).trim()
    const last = value.startsWith('{') ? (bracedValue(lines, at, value)?.lastLine ?? at) : at
    const key = line.slice(0, equals).trim().toLowerCase().replace(/\s+/g, ' ')
    const change = changes.get(key)
    if (change === undefined) out.push(...lines.slice(at, last + 1))
    // A key that is there twice is written once.
    else if (change !== null && !written.has(key)) out.push(`${key} = ${change}`)
    written.add(key)
    at = last
  }
  while (out.length > 0 && out[out.length - 1].trim() === '') out.pop()
  for (const [key, change] of changes) if (change !== null && !written.has(key)) out.push(`${key} = ${change}`)
  return out.join(newline) + newline
}

/** Numbers of a list; commas and line ends separate, wherever they stand. null when one is not a number. */
export function numberList(text: string): number[] | null {
  const numbers = text.split(/[,\s]+/).filter((part) => part !== '').map(Number)
  return numbers.some(Number.isNaN) ? null : numbers
}

/** Names of a list of known length; null when neither commas nor lines give that many. */
export function nameList(text: string, count: number): string[] | null {
  const byComma = text.split(',').map((name) => name.trim().replace(/\s+/g, ' '))
  if (byComma.length === count) return byComma
  const filled = byComma.filter((name) => name !== '')
  if (filled.length === count) return filled
  const byLine = text.split('\n').map((name) => name.trim().replace(/^,|,$/g, '').trim()).filter((name) => name !== '')
  return byLine.length === count ? byLine : null
}
