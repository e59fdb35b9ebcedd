import { lstat, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import type { CubeCorrections } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import { readCorrection } from './corrected-cube'
import { decodeHeaderText, editEnviHeader } from './formats/envi-header'
import { describeCube } from './open-cube'
import { filesOf } from './open-file'
import { unitName } from './writers/envi'

export interface WrittenHeader {
  path: string
  /** The data file that belongs beside the header, under this name, for it to be opened; null where it lies there. */
  dataToCopy: { from: string; to: string } | null
}

/**
 * Writes the ENVI header of a corrected cube (`reference`: the file with corrections) to `path`: its own header, in which
 * the corrected keys say what was said and everything else stays as written. No file of the cube is ever written over; another file only with `replace`. Throws
 * CuvetteError: 'unsupported' where the cube has no ENVI header, 'bad-argument', 'cannot-write', and as reading.
 */
export async function writeCorrectedHeader(reference: string, path: string, replace: boolean): Promise<WrittenHeader> {
  const { reference: own, corrections } = await readCorrection(reference)
  const description = await describeCube(own, { mask: false })
  if (description.format !== 'ENVI') {
    throw new CuvetteError('unsupported', `${description.path} is no ENVI file (${description.format}), so there is no header to correct; the corrections stay in the project.`, { path: description.path })
  }
  if (extname(path).toLowerCase() !== '.hdr') throw new CuvetteError('bad-argument', `${path} is no name of a header; let it end in .hdr.`, { path })
  const files = await filesOf(own)
  const [data, header] = files
  for (const file of files) if (await isSameFile(file, path)) throw new CuvetteError('bad-argument', `${path} belongs to the cube itself, which is never changed; choose another name.`, { path })
  const there = await lstat(path).catch(() => null)
  if (there && !there.isFile()) throw new CuvetteError('cannot-write', `${path} is there and is no plain file; choose another name.`, { path })
  if (there && !replace) throw new CuvetteError('cannot-write', `${path} is there already; choose another name, or say that it may be replaced.`, { path })
  const text = decodeHeaderText(await readFile(header))
  await writeFileAtomic(path, editEnviHeader(text, header, changesOf(corrections, description.shape[2])))
  const wanted = join(dirname(path), basename(path).slice(0, -extname(path).length) + extname(data))
  const [size, beside] = await Promise.all([data, wanted].map((file) => stat(file).then(({ size: bytes }) => bytes).catch(() => null)))
  return { path, dataToCopy: beside === size ? null : { from: data, to: wanted } }
}

/** Values of header keys; null takes a key away. */
function changesOf(corrections: CubeCorrections, bands: number): Map<string, string | null> {
  const { badBands, wavelengths, wavelengthUnit, fwhm, noData, scale } = corrections
  const changes = new Map<string, string | null>()
  const set = <T>(key: string, value: T | null | undefined, write: (value: T) => string): void => {
    if (value !== undefined) changes.set(key, value === null ? null : write(value))
  }
  const list = (values: readonly number[]): string => `{${values.join(', ')}}`
  set('bbl', badBands, (bad) => list(Array.from({ length: bands }, (_, band) => (bad.includes(band) ? 0 : 1))))
  set('wavelength units', wavelengthUnit, unitName)
  set('wavelength', wavelengths, list)
  set('fwhm', fwhm, list)
  set('data ignore value', noData, String)
  set('reflectance scale factor', scale, String)
  return changes
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => realpath(path).catch(() => null)))
  return a !== null && a === b
}
