import { extname } from 'node:path'
import type { Interleave } from '../../../shared/cube'
import { openAtomic } from '../../files/atomic'
import { DATA_ENDINGS } from '../formats/envi-files'
import type { RasterContent, RasterType, RasterValues, RasterWriter } from './raster-writer'
import { bytesOf, linesOf, RASTER_BYTES, requireAllLines, writeContent } from './raster-writer'

/** What an ENVI header says beside the layout of the numbers. */
export interface EnviHeaderFields {
  description?: string
  wavelengths?: readonly number[] | null
  /** As descriptions give it: nm, µm, ... */
  wavelengthUnit?: string | null
  fwhm?: readonly number[] | null
  bandNames?: readonly string[] | null
  /** 0-based. */
  badBands?: readonly number[]
  /** 0-based. */
  defaultBands?: readonly number[] | null
  noData?: number | null
  scale?: number | null
  /** Makes the file an ENVI Classification: class ids are positions in the list; colours are 0 to 255. */
  classes?: readonly { name: string; colour: readonly [number, number, number] }[]
  /** `headerFields` of the cube it came from: map info, coordinate system and all keys that do not speak of bands are passed on. */
  others?: ReadonlyMap<string, string>
}

export interface EnviRaster {
  lines: number
  samples: number
  bands: number
  dataType: RasterType
  /** Default bsq. */
  interleave?: Interleave
  header?: EnviHeaderFields
}

/**
 * Writes an ENVI raster, data first, header last, both atomically. `path` may be the header (.hdr), the data
 * (.img, .dat, ...), or neither: then .img and .hdr are appended. Answers both paths, data first.
 * Throws CuvetteError('cannot-write').
 */
export async function writeEnvi(path: string, raster: EnviRaster & { values: RasterContent }): Promise<string[]> {
  return writeContent(await openEnvi(path, raster), raster.lines, raster.values)
}

/** The same, line by line as they come. */
export async function openEnvi(path: string, raster: EnviRaster): Promise<RasterWriter> {
  const { lines, samples, bands, dataType, interleave = 'bsq' } = raster
  const { data, header } = enviPaths(path)
  const text = enviHeaderText({ ...raster, interleave })
  const file = await openAtomic(data)
  const width = RASTER_BYTES[dataType]
  let written = 0

  async function writeBands(values: RasterValues, count: number): Promise<void> {
    // Each band of a bsq file has its own place.
    for (let band = 0; band < bands; band += 1) {
      await file.write(bytesOf(oneBand(values, count * samples, bands, band)), (band * lines + written) * samples * width)
    }
  }

  return {
    async writeLines(values) {
      const count = linesOf(data, values, dataType, samples * bands, lines - written)
      if (bands === 1 || interleave === 'bip') await file.write(bytesOf(values))
      else if (interleave === 'bil') await file.write(bytesOf(byLine(values, count, samples, bands)))
      else await writeBands(values, count)
      written += count
    },
    async commit() {
      requireAllLines(data, written, lines)
      // The header is safe on the disk before the data takes its place: a full disk leaves neither.
      const headerFile = await openAtomic(header)
      try {
        await headerFile.write(text)
        await file.commit()
        await headerFile.commit()
      } finally {
        await headerFile.abort()
      }
      return [data, header]
    },
    abort: () => file.abort(),
  }
}

/** Names of the two files for what the caller gave. */
export function enviPaths(path: string): { data: string; header: string } {
  const ending = extname(path).toLowerCase()
  const base = path.slice(0, path.length - ending.length)
  if (ending === '.hdr') return { data: `${base}.img`, header: path }
  if (ending !== '' && DATA_ENDINGS.includes(ending)) return { data: path, header: `${base}.hdr` }
  return { data: `${path}.img`, header: `${path}.hdr` }
}

/** One band of pixels that lie one after the other. */
export function oneBand(values: RasterValues, pixels: number, bands: number, band: number): RasterValues {
  const out = sameType(values, pixels)
  for (let pixel = 0; pixel < pixels; pixel += 1) out[pixel] = values[pixel * bands + band]
  return out
}

function byLine(values: RasterValues, lines: number, samples: number, bands: number): RasterValues {
  const out = sameType(values, values.length)
  for (let line = 0; line < lines; line += 1) {
    for (let band = 0; band < bands; band += 1) {
      const row = (line * bands + band) * samples
      for (let sample = 0; sample < samples; sample += 1) out[row + sample] = values[(line * samples + sample) * bands + band]
    }
  }
  return out
}

function sameType(values: RasterValues, length: number): RasterValues {
  if (values instanceof Float32Array) return new Float32Array(length)
  return values instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length)
}

/** Keys that this writer states itself, or that speak of the bands of another image. */
export const OWN_KEYS: ReadonlySet<string> = new Set([
  'description', 'samples', 'lines', 'bands', 'header offset', 'file type', 'data type', 'interleave', 'byte order',
  'file compression', 'major frame offsets', 'minor frame offsets', 'classes', 'class names', 'class lookup',
  'wavelength', 'wavelength units', 'fwhm', 'bbl', 'band names', 'default bands', 'data ignore value', 'reflectance scale factor',
  'data gain values', 'data offset values', 'data reflectance gain values', 'data reflectance offset values', 'spectra names',
  'default stretch', 'z plot range', 'z plot titles', 'z plot average', 'solar irradiance', 'dem band', 'bands per spectrum',
])

function enviHeaderText(raster: EnviRaster & { interleave: Interleave }): string {
  const { header = {} } = raster
  const rows: [key: string, value: string | null][] = [
    ['description', `{${unbraced(header.description ?? 'Written by Cuvette')}}`],
    ['samples', String(raster.samples)],
    ['lines', String(raster.lines)],
    ['bands', String(raster.bands)],
    ['header offset', '0'],
    ['file type', header.classes ? 'ENVI Classification' : 'ENVI Standard'],
    ['data type', { float32: '4', uint8: '1', uint16: '12' }[raster.dataType]],
    ['interleave', raster.interleave],
    ['byte order', '0'],
    ['data ignore value', header.noData === undefined || header.noData === null ? null : String(header.noData)],
    ['reflectance scale factor', header.scale ? String(header.scale) : null],
    ['default bands', header.defaultBands ? list(header.defaultBands.map((band) => band + 1)) : null],
    ...classRows(header.classes),
    ['band names', header.bandNames ? list(header.bandNames.map(plain)) : null],
    ['wavelength units', header.wavelengths && header.wavelengthUnit ? unitName(header.wavelengthUnit) : null],
    ['wavelength', header.wavelengths ? list(header.wavelengths) : null],
    ['fwhm', header.fwhm ? list(header.fwhm) : null],
    ['bbl', header.badBands?.length ? list(Array.from({ length: raster.bands }, (_, band) => (header.badBands?.includes(band) ? 0 : 1))) : null],
    ...[...(header.others ?? [])].filter(([key, value]) => !OWN_KEYS.has(key) && value !== ''),
  ]
  return `ENVI\n${rows.filter(([, value]) => value !== null).map(([key, value]) => `${key} = ${value}\n`).join('')}`
}

function classRows(classes: EnviHeaderFields['classes']): [string, string][] {
  if (!classes) return []
  return [
    ['classes', String(classes.length)],
    ['class names', list(classes.map(({ name }) => plain(name)))],
    ['class lookup', list(classes.flatMap(({ colour }) => colour))],
  ]
}

function list(items: readonly (string | number)[]): string {
  return `{${items.join(', ')}}`
}

/** Braces end a text in a header, so it cannot hold them. */
function unbraced(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replaceAll('{', '(').replaceAll('}', ')').trim()
}

/** A name in a list cannot hold the commas that separate the names. */
function plain(text: string): string {
  return unbraced(text).replaceAll(',', ' ').replace(/ {2,}/g, ' ')
}

const unitNames: Record<string, string> = { nm: 'Nanometers', 'µm': 'Micrometers', mm: 'Millimeters', cm: 'Centimeters', m: 'Meters', 'Å': 'Angstroms', 'cm⁻¹': 'Wavenumber' }

/** As headers and the metadata of GDAL spell a unit. */
export function unitName(unit: string): string {
  return unitNames[unit] ?? unit
}
