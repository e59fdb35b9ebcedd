import { basename, extname } from 'node:path'
import type { CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes, readHead } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { canHold, INFLATED_BYTES, inflatedBytes } from '../inflated-bytes'
import type { StridedLayout } from '../strided-cube'
import { stridedCube } from '../strided-cube'
import type { EnviFields } from './envi-fields'
import { enviFields } from './envi-fields'
import { bestFitting, DATA_ENDINGS, dataFilesOf, headersOf } from './envi-files'
import type { EnviHeader } from './envi-header'
import { decodeHeaderText, isEnviHeader, isEsriHeader, parseEnviHeader } from './envi-header'
import { parseEsriHeader } from './esri-header'

/** No sensible header comes near this. */
const LARGEST_HEADER = 32 * 1024 * 1024

/** A header and the data file it describes. */
interface Pair {
  header: EnviHeader
  fields: EnviFields
  dataPath: string
  dataFileBytes: number
}

/** ENVI raster: a text header and a file of bare numbers. Either may be named. The header may be an ESRI one, which has the same ending. */
export const envi: CubeFormat = {
  name: 'ENVI',
  async recognises(path, head) {
    if (isHeaderName(path)) return isEnviHeader(head) || isEsriHeader(head)
    return (await headerFor(path)) !== null
  },
  async open(path, options) {
    if (options.variable) {
      throw new CuvetteError('bad-argument', `${path} holds one cube without a name; leave out "#${options.variable}".`, { path })
    }
    const pair = isHeaderName(path) ? await pairOfHeader(path) : await pairOfData(path)
    return openPair(path, pair, options)
  },
  async files(path) {
    const { header, dataPath } = isHeaderName(path) ? await pairOfHeader(path) : await pairOfData(path)
    return [dataPath, header.path]
  },
}

function isHeaderName(path: string): boolean {
  return extname(path).toLowerCase() === '.hdr'
}

async function pairOfHeader(headerPath: string): Promise<Pair> {
  const header = await readHeader(headerPath)
  const fields = enviFields(header)
  const data = bestFitting(await dataFilesOf(headerPath), fields.dataBytes)
  if (!data) {
    const stem = basename(headerPath).slice(0, -extname(headerPath).length)
    throw new CuvetteError(
      'missing-file',
      `${headerPath} is a header without data: there is no ${stem}, ${stem}.img, ${stem}.dat or ${stem}.raw beside it; put the data file there or open it under its own name.`,
      { path: headerPath },
    )
  }
  return { header, fields, dataPath: data.path, dataFileBytes: data.bytes }
}

async function pairOfData(dataPath: string): Promise<Pair> {
  const headerPath = await headerFor(dataPath)
  if (headerPath === null) throw new CuvetteError('missing-file', `${dataPath} has no ENVI header; expected ${basename(dataPath)}.hdr beside it.`, { path: dataPath })
  const header = await readHeader(headerPath)
  return { header, fields: enviFields(header), dataPath, dataFileBytes: await fileSize(dataPath) }
}

/**
 * The header of a data file. a.b.hdr belongs to a.b; a.hdr belongs to a.b where b is a usual ending of
 * data files, or where the size is exactly what the header says.
 */
async function headerFor(dataPath: string): Promise<string | null> {
  const usual = DATA_ENDINGS.includes(extname(dataPath).toLowerCase())
  for (const headerPath of await headersOf(dataPath)) {
    const head = await readHead(headerPath, 1024).catch(() => new Uint8Array())
    const appended = basename(headerPath).length === basename(dataPath).length + 4
    if (isEsriHeader(head) && (appended || usual)) return headerPath
    if (!isEnviHeader(head)) continue
    if (appended || usual) return headerPath
    const fields = await readHeader(headerPath).then(enviFields).catch(() => null)
    if (fields && fields.dataBytes === (await fileSize(dataPath))) return headerPath
  }
  return null
}

async function readHeader(path: string): Promise<EnviHeader> {
  const size = await fileSize(path)
  if (size > LARGEST_HEADER) {
    throw new CuvetteError('bad-header', `${path} holds ${size} bytes, too many for a header; open the data file, or check which file is the header.`, { path })
  }
  const head = await readHead(path, size)
  return isEsriHeader(head) ? parseEsriHeader(decodeHeaderText(head), path) : parseEnviHeader(decodeHeaderText(head), path)
}

async function openPair(path: string, pair: Pair, options: OpenOptions): Promise<Cube> {
  const { header, dataPath } = pair
  const warnings = [...pair.fields.warnings]
  const compressed = await isCompressed(pair, warnings)
  const fields = compressed ? pair.fields : whatIsThere(pair, warnings)
  const source = compressed ? await unzipped(pair, options) : await openBytes(dataPath)
  if (fields.spectra) warnings.push(`The file is a spectral library of ${fields.lines} spectra; each line is one spectrum.`)
  const description: CubeDescription = {
    path,
    variable: null,
    format: header.esri ? 'ESRI BIL' : 'ENVI',
    shape: [fields.lines, fields.samples, fields.bands],
    dtype: fields.dtype,
    interleave: fields.interleave,
    wavelengths: fields.wavelengths,
    wavelengthUnit: fields.wavelengthUnit,
    fwhm: fields.fwhm,
    bandNames: fields.bandNames,
    badBands: fields.badBands,
    defaultBands: fields.defaultBands,
    noData: fields.noData,
    scale: fields.scale,
    variables: [],
    mask: null,
    warnings,
  }
  if (fields.wavelengthUnitGuessed) description.wavelengthUnitGuessed = true
  if (fields.gains) description.gains = fields.gains
  if (fields.offsets) description.offsets = fields.offsets
  if (fields.classes) description.classes = fields.classes
  if (fields.spectra) description.library = { spectra: fields.spectra }
  const texts = new Map([...header.entries].map(([key, { text, braced }]) => [key, braced ? `{${text}}` : text]))
  return stridedCube(description, layoutOf(fields), source, options, texts)
}

/** Steps of the axes: bsq = band, line, sample; bil = line, band, sample; bip = line, sample, band. */
function layoutOf(fields: EnviFields): StridedLayout {
  const { lines, samples, bands, interleave } = fields
  const steps =
    interleave === 'bsq' ? { line: samples, sample: 1, band: lines * samples }
    : interleave === 'bil' ? { line: samples * bands, sample: 1, band: samples }
    : { line: samples * bands, sample: bands, band: 1 }
  return { dtype: fields.dtype, littleEndian: fields.littleEndian, base: fields.headerOffset, steps }
}

/**
 * The fields, with the lines that the file really holds: where lines come last in the file (bil, bip, one band), what is
 * there of a copy that broke off can be used. What a bsq file lacks at its end is whole bands: that is an error.
 */
function whatIsThere({ header, fields, dataPath, dataFileBytes }: Pair, warnings: string[]): EnviFields {
  if (header.gaps) {
    if (dataFileBytes !== fields.dataBytes) {
      throw new CuvetteError('unsupported', `${header.path} states ${header.gaps}; images with gaps cannot be read, so save it as ENVI.`, { path: header.path })
    }
    warnings.push(`The header states ${header.gaps}, but the data has the size of an image without gaps; it is read as such.`)
  }
  if (dataFileBytes >= fields.dataBytes) {
    if (dataFileBytes > fields.dataBytes) warnings.push(`${basename(dataPath)} holds ${dataFileBytes - fields.dataBytes} bytes more than the header describes; they are not read.`)
    return fields
  }
  const lineBytes = (fields.dataBytes - fields.headerOffset) / fields.lines
  const lines = fields.interleave === 'bsq' && fields.bands > 1 ? 0 : Math.floor((dataFileBytes - fields.headerOffset) / lineBytes)
  if (lines < 1) {
    throw new CuvetteError(
      'truncated',
      `${dataPath} holds ${dataFileBytes} bytes, but ${basename(header.path)} describes ${fields.dataBytes} (${shapeText(fields)}); copy the file again or correct the header.`,
      { path: dataPath },
    )
  }
  warnings.push(`${basename(dataPath)} is incomplete: it holds ${lines} of the ${fields.lines} lines that the header describes, and only those are shown.`)
  return { ...fields, lines, spectra: fields.spectra && fields.spectra.slice(0, lines) }
}

function shapeText({ lines, samples, bands, dtype, headerOffset }: EnviFields): string {
  return `${lines} lines x ${samples} samples x ${bands} bands of ${dtype}${headerOffset > 0 ? ` after ${headerOffset} bytes` : ''}`
}

/** `file compression = 1` means that the whole data file is gzip-ed while its name stays; a gzip-ed file that is too short says it by itself. */
async function isCompressed({ fields, dataPath, dataFileBytes }: Pair, warnings: string[]): Promise<boolean> {
  if (!fields.compressed && dataFileBytes >= fields.dataBytes) return false
  const head = await readHead(dataPath, 3)
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) {
    if (!fields.compressed) warnings.push(`${basename(dataPath)} is compressed (gzip), which the header does not say; it is read as compressed.`)
    return true
  }
  if (fields.compressed) warnings.push(`The header says that ${basename(dataPath)} is compressed, but it is not; it is read as it is.`)
  return false
}

async function unzipped({ header, fields, dataPath, dataFileBytes }: Pair, options: OpenOptions): Promise<ByteSource> {
  const deflated = { path: dataPath, subject: dataPath, start: 0, length: dataFileBytes, kind: 'gzip' as const, inflatedLength: fields.dataBytes }
  if (!canHold(deflated)) {
    throw new CuvetteError(
      'truncated',
      `${dataPath} holds ${dataFileBytes} compressed bytes, which cannot be the ${fields.dataBytes} that ${basename(header.path)} describes (${shapeText(fields)}); copy the file again or correct the header.`,
      { path: dataPath },
    )
  }
  return inflatedBytes(deflated, options.inflatedBytes ?? INFLATED_BYTES, options.signal)
}
