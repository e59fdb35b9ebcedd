import { CuvetteError } from '../../../shared/problem'
import { openAtomic } from '../../files/atomic'
import { TAGS } from '../formats/tiff-directory'
import { reciprocal } from '../formats/tiff-metadata'
import type { EnviHeaderFields } from './envi'
import { oneBand, OWN_KEYS, unitName } from './envi'
import { geoTags } from './geotiff-georeference'
import type { RasterContent, RasterType, RasterWriter } from './raster-writer'
import { bytesOf, linesOf, RASTER_BYTES, requireAllLines, writeContent } from './raster-writer'
import type { TiffTag } from './tiff-tags'
import { directoryBytes, directoryLength } from './tiff-tags'

export interface GeoTiffRaster {
  lines: number
  samples: number
  /** At most 65,535. */
  bands: number
  dataType: RasterType
  /** bsq: each band by itself (planar configuration 2); bip: pixel by pixel (1). Default bsq. */
  interleave?: 'bsq' | 'bip'
  /** What an ENVI header would say; map info and "geotiff ..." keys of `others` become tags. */
  header?: EnviHeaderFields
}

const LARGEST_TIFF = 2 ** 32 - 1
/** Bytes of a strip, about. */
const STRIP_BYTES = 64 * 1024

/**
 * Writes a GeoTIFF (little-endian, uncompressed strips; BigTIFF where 4 GiB are not enough) atomically. Bands are
 * described in the metadata of GDAL. Throws CuvetteError('cannot-write' | 'bad-argument').
 */
export async function writeGeoTiff(path: string, raster: GeoTiffRaster & { values: RasterContent }): Promise<string[]> {
  return writeContent(await openGeoTiff(path, raster), raster.lines, raster.values)
}

/** The same, line by line as they come. */
export async function openGeoTiff(path: string, raster: GeoTiffRaster): Promise<RasterWriter> {
  const { lines, samples, bands, dataType, interleave = 'bsq' } = raster
  if (bands > 65_535) throw new CuvetteError('bad-argument', `${path} was to hold ${bands} bands, but TIFF counts them to 65535; write ENVI instead.`, { path })
  const planar = interleave === 'bsq' && bands > 1
  const { bytes, dataStart } = headerOf(raster, planar)
  const file = await openAtomic(path)
  await file.write(bytes)
  const lineBytes = samples * RASTER_BYTES[dataType]
  let written = 0
  return {
    async writeLines(values) {
      const count = linesOf(path, values, dataType, samples * bands, lines - written)
      if (!planar) await file.write(bytesOf(values), dataStart + written * lineBytes * bands)
      else for (let band = 0; band < bands; band += 1) await file.write(bytesOf(oneBand(values, count * samples, bands, band)), dataStart + (band * lines + written) * lineBytes)
      written += count
    },
    async commit() {
      requireAllLines(path, written, lines)
      await file.commit()
      return [path]
    },
    abort: () => file.abort(),
  }
}

/** Header and directory come first: every place is known before the first line is. */
function headerOf(raster: GeoTiffRaster, planar: boolean): { bytes: Uint8Array; dataStart: number } {
  const { lines, samples, bands, dataType } = raster
  const rowBytes = samples * RASTER_BYTES[dataType] * (planar ? 1 : bands)
  const rowsPerStrip = Math.max(1, Math.min(lines, Math.floor(STRIP_BYTES / rowBytes)))
  const stripsDown = Math.ceil(lines / rowsPerStrip)
  const planes = planar ? bands : 1
  const dataBytes = planes * lines * rowBytes
  const strips = Array.from({ length: planes * stripsDown }, (_, strip) => strip)
  const linesOfStrip = (strip: number): number => Math.min(rowsPerStrip, lines - (strip % stripsDown) * rowsPerStrip)

  function tags(dataStart: number, big: boolean): TiffTag[] {
    const place = big ? 'long8' as const : 'long' as const
    const each = (value: number): number[] => new Array<number>(bands).fill(value)
    const { header = {} } = raster
    return [
      { tag: TAGS.width, type: 'long', values: [samples] },
      { tag: TAGS.height, type: 'long', values: [lines] },
      { tag: TAGS.bitsPerSample, type: 'short', values: each(8 * RASTER_BYTES[dataType]) },
      { tag: TAGS.compression, type: 'short', values: [1] },
      { tag: TAGS.photometric, type: 'short', values: [isPalette(raster) ? 3 : 1] },
      { tag: 270, type: 'text', text: header.description ?? 'Written by Cuvette' },
      { tag: TAGS.stripOffsets, type: place, values: strips.map((strip) => dataStart + (Math.floor(strip / stripsDown) * lines + (strip % stripsDown) * rowsPerStrip) * rowBytes) },
      { tag: TAGS.samplesPerPixel, type: 'short', values: [bands] },
      { tag: TAGS.rowsPerStrip, type: 'long', values: [rowsPerStrip] },
      { tag: TAGS.stripByteCounts, type: place, values: strips.map((strip) => linesOfStrip(strip) * rowBytes) },
      { tag: TAGS.planarConfiguration, type: 'short', values: [planar ? 2 : 1] },
      { tag: 305, type: 'text', text: 'Cuvette' },
      // Bands after the first are no colours and no transparency.
      ...(bands > 1 ? [{ tag: 338, type: 'short' as const, values: new Array<number>(bands - 1).fill(0) }] : []),
      { tag: TAGS.sampleFormat, type: 'short', values: each(dataType === 'float32' ? 3 : 1) },
      ...(isPalette(raster) ? [{ tag: 320, type: 'short' as const, values: colourMap(header.classes ?? []) }] : []),
      ...geoTags(header.others),
      { tag: TAGS.gdalMetadata, type: 'text', text: metadataXml(raster) },
      ...(header.noData === undefined || header.noData === null ? [] : [{ tag: TAGS.gdalNoData, type: 'text' as const, text: String(header.noData) }]),
    ]
  }

  const big = directoryLength(tags(0, false), false) + dataBytes > LARGEST_TIFF
  const dataStart = Math.ceil(directoryLength(tags(0, big), big) / 16) * 16
  return { bytes: directoryBytes(tags(dataStart, big), big, dataStart), dataStart }
}

function isPalette({ bands, dataType, header }: GeoTiffRaster): boolean {
  return bands === 1 && dataType === 'uint8' && (header?.classes?.length ?? 0) > 0
}

/** 256 reds, then greens, then blues, of 16 bits. */
function colourMap(classes: NonNullable<EnviHeaderFields['classes']>): number[] {
  return [0, 1, 2].flatMap((channel) => Array.from({ length: 256 }, (_, id) => (classes[id]?.colour[channel] ?? 0) * 257))
}

/** Items as GDAL reads them: per band, and what only ENVI knows in a domain of its own. */
function metadataXml({ bands, header = {} }: GeoTiffRaster): string {
  const rows: string[] = []
  const item = (name: string, text: string | number, more = ''): void => {
    rows.push(`  <Item name="${escaped(name)}"${more}>${escaped(String(text))}</Item>`)
  }
  for (let band = 0; band < bands; band += 1) {
    const sample = ` sample="${band}"`
    if (header.bandNames) item('DESCRIPTION', header.bandNames[band], `${sample} role="description"`)
    if (header.wavelengths) item('wavelength', header.wavelengths[band], sample)
    if (header.wavelengths && header.wavelengthUnit) item('wavelength_units', unitName(header.wavelengthUnit), sample)
    if (header.fwhm) item('fwhm', header.fwhm[band], sample)
    if (header.badBands?.length) item('bbl', header.badBands.includes(band) ? 0 : 1, sample)
    if (header.scale) {
      item('OFFSET', 0, `${sample} role="offset"`)
      item('SCALE', reciprocal(header.scale), `${sample} role="scale"`)
    }
  }
  header.classes?.forEach(({ name }, id) => item(`CLASS_${id}`, name))
  for (const [key, value] of header.others ?? []) {
    if (!OWN_KEYS.has(key) && !key.startsWith('geotiff ') && value !== '') item(key.replaceAll(' ', '_'), value, ' domain="ENVI"')
  }
  return `<GDALMetadata>\n${rows.map((row) => `${row}\n`).join('')}</GDALMetadata>`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll('\0', '')
}
