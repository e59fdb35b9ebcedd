import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes, readHead } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { effectiveNoData } from '../cube'
import { stridedCube } from '../strided-cube'
import { guessedUnit } from '../wavelengths'
import { windowedCube } from '../windowed-cube'
import type { EnviFields } from './envi-fields'
import { enviFields } from './envi-fields'
import { headersOf } from './envi-files'
import { decodeHeaderText, isEnviHeader, parseEnviHeader } from './envi-header'
import { evenLayout, tiffBlocks } from './tiff-blocks'
import type { TiffDirectory } from './tiff-directory'
import { damaged, isTiff, readTiffStructure, TAGS } from './tiff-directory'
import { georeferenceFields } from './tiff-georeference'
import type { TiffImage } from './tiff-image'
import { isSecondary, readTiffImage } from './tiff-image'
import type { BandMetadata } from './tiff-metadata'
import { gdalMetadata, noDataOf } from './tiff-metadata'

const LARGEST_SIDE_FILE = 32 * 1024 * 1024

/** TIFF and BigTIFF: one page of several bands, or one page a band. */
export const tiff: CubeFormat = {
  name: 'TIFF',
  async recognises(_path, head) {
    return isTiff(head)
  },
  async open(path, options) {
    if (options.variable) throw new CuvetteError('bad-argument', `${path} holds one cube without a name; leave out "#${options.variable}".`, { path })
    const source = await openBytes(path)
    try {
      return await openTiff(path, source, options)
    } catch (error) {
      await source.close()
      throw error
    }
  },
  async files(path) {
    const auxiliary = auxiliaryPath(path)
    const there = await fileSize(auxiliary).catch(() => 0)
    return [path, ...(there > 0 ? [auxiliary] : []), ...await enviHeaders(path)]
  },
}

async function openTiff(path: string, source: ByteSource, options: OpenOptions): Promise<Cube> {
  const size = await fileSize(path)
  const { big, littleEndian, directories } = await readTiffStructure(source, size)
  const warnings: string[] = []
  const { directory, images } = await choosePages(directories, path, size, warnings)
  const [first] = images
  const bands = images.length > 1 ? images.length : first.bands
  const described = await describeBands(path, directory, first, bands, warnings)
  const { noData, warning } = noDataOf(await directory.text(TAGS.gdalNoData))
  if (warning) warnings.push(warning)
  const { metadata, side } = described
  const wavelengths = metadata.wavelengths ?? side?.wavelengths ?? null
  const description: CubeDescription = {
    path,
    variable: null,
    format: big ? 'BigTIFF' : 'TIFF',
    shape: [first.height, first.width, bands],
    dtype: first.dtype,
    interleave: images.length > 1 || first.planar || bands === 1 ? 'bsq' : 'bip',
    wavelengths,
    ...unitOf(metadata, side, wavelengths, warnings),
    fwhm: metadata.fwhm ?? side?.fwhm ?? null,
    bandNames: metadata.bandNames ?? side?.bandNames ?? null,
    badBands: metadata.badBands.length > 0 ? metadata.badBands : side?.badBands ?? [],
    defaultBands: side?.defaultBands ?? null,
    noData: noData ?? side?.noData ?? null,
    scale: metadata.scale ?? side?.scale ?? null,
    ...(metadata.gains && metadata.offsets ? { gains: metadata.gains, offsets: metadata.offsets } : {}),
    variables: [],
    mask: null,
    warnings,
  }
  const fields = new Map([...metadata.envi, ...await georeferenceFields(directory)])
  const even = evenLayout(images, littleEndian)
  if (even) return stridedCube(description, even, source, options, fields)
  return windowedCube(description, tiffBlocks(images, littleEndian, effectiveNoData(description, options), source, options), options, fields)
}

/** The first full page, or all full pages of one band and one size: one page a band. */
async function choosePages(directories: readonly TiffDirectory[], path: string, size: number, warnings: string[]): Promise<{ directory: TiffDirectory; images: TiffImage[] }> {
  const full: TiffDirectory[] = []
  for (const directory of directories) if (!(await isSecondary(directory))) full.push(directory)
  const [directory] = full
  if (!directory) throw damaged(path, `only pages that are smaller copies or masks (${directories.length})`)
  const first = await readTiffImage(directory, path, size)
  const images = [first]
  let left = 0
  for (const other of full.slice(1)) {
    if (first.bands > 1 || !(await sameSize(other, first))) {
      left += 1
      continue
    }
    const image = await readTiffImage(other, path, size)
    const same = image.bands === 1 && image.dtype === first.dtype
    if (!same) throw new CuvetteError('unsupported', `${path} has pages of different kinds: page ${image.page + 1} holds ${image.bands} bands of ${image.dtype}, page ${first.page + 1} one band of ${first.dtype}; write one page for each band, all alike.`, { path, where: `page ${image.page + 1}` })
    images.push(image)
  }
  if (left > 0) warnings.push(`${left} more ${left === 1 ? 'page is' : 'pages are'} in the file and ${left === 1 ? 'is' : 'are'} not read; the cube is page ${first.page + 1}.`)
  return { directory, images }
}

async function sameSize(directory: TiffDirectory, { width, height }: TiffImage): Promise<boolean> {
  return (await directory.numbers(TAGS.width))?.[0] === width && (await directory.numbers(TAGS.height))?.[0] === height
}

/** What the tag of GDAL, its .aux.xml file and an ENVI header beside the image say of the bands. */
async function describeBands(path: string, directory: TiffDirectory, image: TiffImage, bands: number, warnings: string[]): Promise<{ metadata: BandMetadata; side: EnviFields | null }> {
  const auxiliary = await smallText(auxiliaryPath(path))
  const metadata = gdalMetadata(await directory.text(TAGS.gdalMetadata) ?? '', auxiliary, bands)
  warnings.push(...metadata.warnings)
  return { metadata, side: await sideHeader(path, image, bands, warnings) }
}

function unitOf(metadata: BandMetadata, side: EnviFields | null, wavelengths: number[] | null, warnings: string[]): Pick<CubeDescription, 'wavelengthUnit' | 'wavelengthUnitGuessed'> {
  if (!wavelengths) return { wavelengthUnit: null }
  if (!metadata.wavelengths && side) return { wavelengthUnit: side.wavelengthUnit, ...(side.wavelengthUnitGuessed ? { wavelengthUnitGuessed: true } : {}) }
  if (metadata.wavelengthUnit) return { wavelengthUnit: metadata.wavelengthUnit }
  const guess = guessedUnit(wavelengths)
  warnings.push(guess ? `The metadata does not give the wavelength unit; ${guess} is assumed from the values.` : 'The metadata does not give the wavelength unit, and the values do not tell it.')
  return guess ? { wavelengthUnit: guess, wavelengthUnitGuessed: true } : { wavelengthUnit: null }
}

/** An ENVI header beside the image, with the layout of the image where it states none. */
async function sideHeader(path: string, image: TiffImage, bands: number, warnings: string[]): Promise<EnviFields | null> {
  for (const headerPath of await enviHeaders(path)) {
    try {
      const header = parseEnviHeader(decodeHeaderText(await readFile(headerPath)), headerPath)
      header.entries.delete('file type')
      const layout: [string, string][] = [['samples', String(image.width)], ['lines', String(image.height)], ['bands', String(bands)], ['data type', '4'], ['interleave', 'bsq'], ['byte order', '0']]
      for (const [key, text] of layout) if (!header.entries.get(key)?.text) header.entries.set(key, { text, braced: false, line: 0 })
      const fields = enviFields(header)
      if (fields.samples === image.width && fields.lines === image.height && fields.bands === bands) return fields
      warnings.push(`${basename(headerPath)} describes ${fields.lines} lines x ${fields.samples} samples x ${fields.bands} bands, another image; it is left out.`)
    } catch (error) {
      if (!(error instanceof CuvetteError)) throw error
      warnings.push(`${basename(headerPath)} is left out: ${error.message}`)
    }
  }
  return null
}

/** ENVI headers beside the image that are not too large to be one. */
async function enviHeaders(path: string): Promise<string[]> {
  const found: string[] = []
  for (const headerPath of await headersOf(path)) {
    const head = await readHead(headerPath, 1024).catch(() => new Uint8Array())
    if (isEnviHeader(head) && await fileSize(headerPath) <= LARGEST_SIDE_FILE) found.push(headerPath)
  }
  return found
}

/** Where GDAL keeps what it may not write into the image. */
function auxiliaryPath(path: string): string {
  return `${path}.aux.xml`
}

/** A text file, or '' where there is none. */
async function smallText(path: string): Promise<string> {
  const size = await fileSize(path).catch(() => 0)
  return size > 0 && size <= LARGEST_SIDE_FILE ? readFile(path, 'utf8').catch(() => '') : ''
}
