import { extname } from 'node:path'
import type { LibraryDescription } from '../../../shared/library'
import { CuvetteError } from '../../../shared/problem'
import { readHead } from '../bytes'
import { requireFile } from '../looks-like'
import { parseReference } from '../reference'
import { openEnviLibrary } from './envi-library'
import { openTableLibrary } from './table-library'

/**
 * An open spectral library: what is known of it, and one spectrum at a time. Numbers are as the file holds them (no scale
 * applied); NaN where it holds none. Reads throw CuvetteError: 'bad-argument' for a spectrum that is not there, 'truncated'.
 */
export interface SpectralLibrary {
  readonly description: LibraryDescription
  /** [channels] of the spectrum with that 0-based number. */
  spectrum(index: number, signal?: AbortSignal): Promise<Float64Array>
  close(): Promise<void>
}

/** Endings of texts that may be a table of spectra. */
const TABLE_ENDINGS = ['.csv', '.tsv', '.txt']

const HEAD_BYTES = 1024

/** Whether the file is a text whose name says that it may be a table of spectra: no cube is read from such a file. */
export async function isTable(path: string): Promise<boolean> {
  return TABLE_ENDINGS.includes(extname(path).toLowerCase()) && !(await readHead(path, HEAD_BYTES)).includes(0)
}

/**
 * Opens a spectral library: ENVI (header and data, either may be named), or a table of spectra as text. Throws
 * CuvetteError: 'missing-file', 'bad-data' for a table that cannot be understood, with the line; 'not-a-cube' for other
 * files; and as reading ENVI.
 */
export async function openLibrary(reference: string, signal?: AbortSignal): Promise<SpectralLibrary> {
  const { path } = parseReference(reference)
  await requireFile(path)
  return (await isTable(path)) ? await openTableLibrary(path) : await openEnviLibrary(path, signal)
}

/** What a library holds. Errors as `openLibrary`. */
export async function describeLibrary(reference: string, signal?: AbortSignal): Promise<LibraryDescription> {
  const library = await openLibrary(reference, signal)
  await library.close()
  return library.description
}

/**
 * The 0-based number of an entry: by its name, or by its number from 1 as lists show it. Throws CuvetteError('bad-argument')
 * that names what there is, or that asks for the number where several have the name.
 */
export function entryIndex({ path, library: { spectra } }: LibraryDescription, entry: string | number): number {
  if (typeof entry === 'number') {
    if (Number.isInteger(entry) && entry >= 1 && entry <= spectra.length) return entry - 1
    throw new CuvetteError('bad-argument', `${path} holds ${spectra.length} spectra, numbered from 1; there is no number ${entry}.`, { path })
  }
  const exact = indicesOf(spectra, (name) => name === entry)
  const found = exact.length > 0 ? exact : indicesOf(spectra, (name) => name.toLowerCase() === entry.trim().toLowerCase())
  if (found.length === 1) return found[0]
  if (found.length > 1) {
    throw new CuvetteError('bad-argument', `${path} holds ${found.length} spectra called "${entry}"; name the one that is meant by its number, ${found.map((index) => index + 1).join(' or ')}.`, { path })
  }
  const shown = spectra.slice(0, 8).join(', ')
  throw new CuvetteError('bad-argument', `${path} holds no spectrum called "${entry}"; it holds ${shown}${spectra.length > 8 ? ` and ${spectra.length - 8} more` : ''}.`, { path })
}

function indicesOf(names: readonly string[], matches: (name: string) => boolean): number[] {
  return names.flatMap((name, index) => (matches(name) ? [index] : []))
}
