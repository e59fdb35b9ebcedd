import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { BYTES_PER_ELEMENT } from '../numbers'
import type { TiffDirectory } from './tiff-directory'
import { damaged, TAGS, tagName } from './tiff-directory'
import type { Compression } from './tiff-decompress'
import { COMPRESSIONS } from './tiff-decompress'

/** One page: how its numbers are laid out in blocks (strips, or tiles), row by row, left to right, for planar images plane by plane. */
export interface TiffImage {
  page: number
  /** Pixels: lines, samples. */
  height: number
  width: number
  /** Numbers of a pixel. */
  bands: number
  dtype: CubeDataType
  compression: Compression
  /** 1 none, 2 differences of integers, 3 differences of floats. */
  predictor: 1 | 2 | 3
  /** Each band has blocks of its own. */
  planar: boolean
  tiled: boolean
  /** Pixels of a full block. Strips are as wide as the image. */
  blockHeight: number
  blockWidth: number
  /** Blocks of one plane along each axis. */
  blocksDown: number
  blocksAcross: number
  /** Byte positions and lengths in the file, one a block. */
  offsets: Float64Array
  byteCounts: Float64Array
}

/** Pages that are not pictures of their own: smaller copies, and transparency masks. */
export async function isSecondary(directory: TiffDirectory): Promise<boolean> {
  const type = (await directory.numbers(TAGS.subfileType))?.[0] ?? 0
  const old = (await directory.numbers(TAGS.oldSubfileType))?.[0] ?? 0
  return (type & 1) !== 0 || (type & 4) !== 0 || old === 2
}

/** Reads the layout of a page and checks it against the size of the file. Throws CuvetteError('bad-data' | 'unsupported' | 'truncated'). */
export async function readTiffImage(directory: TiffDirectory, path: string, size: number): Promise<TiffImage> {
  const one = async (tag: number, missing: number | null): Promise<number> => {
    const value = (await directory.numbers(tag))?.[0] ?? missing
    if (value === null) throw damaged(path, `no tag ${tag} (${tagName(tag)}) in page ${directory.page + 1}`)
    return value
  }
  const whole = async (tag: number, missing: number | null): Promise<number> => {
    const value = await one(tag, missing)
    if (Number.isSafeInteger(value) && value >= 1) return value
    throw damaged(path, `${value} in tag ${tag} (${tagName(tag)}) of page ${directory.page + 1}, where a whole number from 1 is expected`)
  }
  const height = await whole(TAGS.height, null)
  const width = await whole(TAGS.width, null)
  const bands = await whole(TAGS.samplesPerPixel, 1)
  const dtype = await readType(directory, bands, path)
  const compression = readCompression(await one(TAGS.compression, 1), path)
  const predictor = await readPredictor(await one(TAGS.predictor, 1), dtype, path)
  const planarConfiguration = await one(TAGS.planarConfiguration, 1)
  if (planarConfiguration !== 1 && planarConfiguration !== 2) throw damaged(path, `the planar configuration ${planarConfiguration}, where 1 or 2 is expected`)
  const planar = planarConfiguration === 2 && bands > 1
  const tiled = directory.has(TAGS.tileWidth)
  const blockWidth = tiled ? await whole(TAGS.tileWidth, null) : width
  const blockHeight = tiled ? await whole(TAGS.tileHeight, null) : Math.min(height, await whole(TAGS.rowsPerStrip, height))
  const blocksAcross = Math.ceil(width / blockWidth)
  const blocksDown = Math.ceil(height / blockHeight)
  const blocks = blocksAcross * blocksDown * (planar ? bands : 1)
  const kind = tiled ? 'tiles' : 'strips'
  const [offsetsTag, countsTag] = tiled ? [TAGS.tileOffsets, TAGS.tileByteCounts] as const : [TAGS.stripOffsets, TAGS.stripByteCounts] as const
  const expected = `${height} lines x ${width} samples x ${bands} bands in ${kind} of ${blockHeight} x ${blockWidth} need ${blocks}`
  if (directory.count(offsetsTag) < blocks) throw damaged(path, `${directory.count(offsetsTag)} ${kind} in page ${directory.page + 1}, where ${expected}`)
  const offsets = await directory.numbers(offsetsTag) ?? new Float64Array()
  const image = { page: directory.page, height, width, bands, dtype, compression, predictor, planar, tiled, blockHeight, blockWidth, blocksDown, blocksAcross, offsets }
  const stated = await directory.numbers(countsTag)
  if (stated && stated.length >= blocks) return checkedBlocks({ ...image, byteCounts: stated }, path, size)
  // Old writers leave the counts out where nothing is compressed.
  if (compression !== 'none') throw damaged(path, `${stated?.length ?? 0} byte counts in page ${directory.page + 1}, where ${expected}`)
  return checkedBlocks({ ...image, byteCounts: Float64Array.from({ length: blocks }, (_, block) => blockBytes(image, block)) }, path, size)
}

type Geometry = Pick<TiffImage, 'height' | 'width' | 'bands' | 'dtype' | 'planar' | 'tiled' | 'blockHeight' | 'blockWidth' | 'blocksDown' | 'blocksAcross'>

/** Lines of a block that are stored: tiles are filled up at the edge, the last strip is not. */
export function storedLines(image: Geometry, block: number): number {
  if (image.tiled) return image.blockHeight
  return Math.min(image.blockHeight, image.height - (block % image.blocksDown) * image.blockHeight)
}

/** Numbers of a pixel within one block. */
export function pixelStep(image: Geometry): number {
  return image.planar ? 1 : image.bands
}

/** Bytes of a block when nothing is compressed. */
export function blockBytes(image: Geometry, block: number): number {
  return storedLines(image, block) * image.blockWidth * pixelStep(image) * BYTES_PER_ELEMENT[image.dtype]
}

/** Every block must lie within the file; an uncompressed one must be as long as its numbers. Offset 0 with no bytes is a block that was never written. */
function checkedBlocks(image: TiffImage, path: string, size: number): TiffImage {
  const kind = image.tiled ? 'tile' : 'strip'
  const blocks = image.blocksAcross * image.blocksDown * (image.planar ? image.bands : 1)
  for (let block = 0; block < blocks; block += 1) {
    const start = image.offsets[block]
    const length = image.byteCounts[block]
    if (start === 0 && length === 0) continue
    const needed = image.compression === 'none' ? blockBytes(image, block) : length
    if (length < needed) throw damaged(path, `${length} bytes in ${kind} ${block} of page ${image.page + 1}, where its numbers take ${needed}`)
    if (start + needed > size) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but ${kind} ${block} of page ${image.page + 1} would end at byte ${start + needed}; it is incomplete, so copy or export it again.`, { path })
    }
  }
  return image
}

async function readType(directory: TiffDirectory, bands: number, path: string): Promise<CubeDataType> {
  const bits = await directory.numbers(TAGS.bitsPerSample) ?? Float64Array.of(1)
  const formats = await directory.numbers(TAGS.sampleFormat) ?? Float64Array.of(1)
  for (const [values, tag] of [[bits, TAGS.bitsPerSample], [formats, TAGS.sampleFormat]] as const) {
    if (values.length !== 1 && values.length < bands) throw damaged(path, `${values.length} values of tag ${tag} (${tagName(tag)}) for ${bands} bands`)
    if (values.some((value) => value !== values[0])) {
      throw new CuvetteError('unsupported', `${path} has bands of different types (${tagName(tag)} ${[...new Set(values)].join(', ')}), which cannot be read; write all bands in one type.`, { path, where: tagName(tag) })
    }
  }
  const found = numberTypes[`${formats[0] === 4 ? 1 : formats[0]}/${bits[0]}`]
  if (found) return found
  throw new CuvetteError(
    'unsupported',
    `${path} holds numbers of ${bits[0]} bits in the sample format ${formats[0]}, which cannot be read; expected integers of 8, 16, 32 or 64 bits or floats of 16, 32 or 64 bits.`,
    { path, where: 'bits per sample' },
  )
}

/** Sample format (1 unsigned, 2 signed, 3 float, 6 complex float) and bits. */
const numberTypes: Record<string, CubeDataType | undefined> = {
  '1/8': 'uint8', '1/16': 'uint16', '1/32': 'uint32', '1/64': 'uint64', '2/8': 'int8', '2/16': 'int16', '2/32': 'int32', '2/64': 'int64',
  '3/16': 'float16', '3/32': 'float32', '3/64': 'float64', '6/64': 'complex64', '6/128': 'complex128',
}

function readCompression(code: number, path: string): Compression {
  const known = COMPRESSIONS[code]
  if (known?.kind) return known.kind
  throw new CuvetteError(
    'unsupported',
    `${path} is compressed with ${known?.name ?? `method ${code}`}, which cannot be read; write it uncompressed or with LZW, Deflate or PackBits.`,
    { path, where: 'compression' },
  )
}

async function readPredictor(value: number, dtype: CubeDataType, path: string): Promise<1 | 2 | 3> {
  const float = dtype === 'float16' || dtype === 'float32' || dtype === 'float64'
  const complex = dtype === 'complex64' || dtype === 'complex128'
  if (value === 1 || (value === 2 && !complex) || (value === 3 && float)) return value
  throw new CuvetteError('unsupported', `${path} uses predictor ${value} on ${dtype} numbers, which cannot be read; write it without a predictor.`, { path, where: 'predictor' })
}
