import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { throwIfCancelled } from '../bytes'
import type { OpenOptions } from '../cube'
import { BYTES_PER_ELEMENT, decoder } from '../numbers'
import type { AxisSelection } from '../strided-read'
import { readStrided } from '../strided-read'
import type { StridedLayout } from '../strided-cube'
import type { Box, BoxReader, Selection } from '../windowed-cube'
import { PIECE_BYTES } from '../windowed-cube'
import { addDifferences, decompress, DecompressionError, HOST_IS_LITTLE, joinFloats } from './tiff-decompress'
import { damaged } from './tiff-directory'
import type { TiffImage } from './tiff-image'
import { blockBytes, pixelStep, storedLines } from './tiff-image'

/** One decompressed block is held whole; larger ones are refused. */
const LARGEST_BLOCK = 256 * 1024 * 1024
/** Decompressed blocks kept for the next read, in bytes of float32. */
const KEPT_BYTES = 64 * 1024 * 1024

/** Where the numbers of uncompressed pages lie when they are evenly spaced over the whole cube; otherwise null. */
export function evenLayout(images: readonly TiffImage[], littleEndian: boolean): StridedLayout | null {
  const [first] = images
  const bytes = BYTES_PER_ELEMENT[first.dtype]
  const planes: number[] = []
  for (const image of images) {
    if (image.compression !== 'none' || image.tiled) return null
    const { blocksDown } = image
    for (let plane = 0; plane < (image.planar ? image.bands : 1); plane += 1) {
      let position = image.offsets[plane * blocksDown]
      planes.push(position)
      for (let strip = 0; strip < blocksDown; strip += 1) {
        const block = plane * blocksDown + strip
        // Offset 0 is a strip that was never written.
        if (image.offsets[block] !== position || position === 0) return null
        position += blockBytes(image, block)
      }
    }
  }
  const apart = planes.length > 1 ? planes[1] - planes[0] : bytes
  if (apart <= 0 || apart % bytes !== 0 || planes.some((position, plane) => position !== planes[0] + plane * apart)) return null
  const step = pixelStep(first)
  return {
    dtype: first.dtype, littleEndian, base: planes[0],
    steps: { line: first.width * step, sample: step, band: planes.length > 1 ? apart / bytes : 1 },
  }
}

/** Reads boxes of compressed, tiled or scattered blocks. `images`: one page, or one page a band. Throws at once where blocks are too large to hold. */
export function tiffBlocks(images: readonly TiffImage[], littleEndian: boolean, noData: number | null, source: ByteSource, options: OpenOptions): BoxReader {
  const [first] = images
  if (first.compression !== 'none') requireSmallBlocks(first, source.path)
  const bytesPerNumber = BYTES_PER_ELEMENT[first.dtype]
  const complexParts = first.dtype.startsWith('complex') ? 2 : 1
  const decodeStored = decoder(first.dtype, littleEndian, noData)
  const decodeHost = decoder(first.dtype, HOST_IS_LITTLE, noData)
  const keep = keeper(KEPT_BYTES)

  /** All numbers of a block as float32, [stored lines, block width, numbers of a pixel]. */
  async function unpacked(image: TiffImage, block: number): Promise<Float32Array> {
    const packed = new Uint8Array(image.byteCounts[block])
    await source.read(image.offsets[block], packed)
    const length = blockBytes(image, block)
    const lineNumbers = image.blockWidth * pixelStep(image)
    let bytes: Uint8Array
    try {
      bytes = aligned(decompress(packed, image.compression, length, image.blockHeight * lineNumbers * bytesPerNumber))
    } catch (error) {
      if (!(error instanceof DecompressionError)) throw error
      throw damaged(source.path, `${error.message} in ${image.tiled ? 'tile' : 'strip'} ${block} of page ${image.page + 1}, where ${length} bytes are expected`, error)
    }
    if (image.predictor === 2) addDifferences(bytes, bytesPerNumber / complexParts, littleEndian, lineNumbers, pixelStep(image))
    else if (image.predictor === 3) bytes = joinFloats(bytes, bytesPerNumber, lineNumbers, pixelStep(image))
    const numbers = new Float32Array(length / bytesPerNumber)
    const decode = image.predictor === 1 ? decodeStored : decodeHost
    decode(bytes, numbers.length, numbers)
    return numbers
  }

  async function readPart(image: TiffImage, block: number, lines: Selection, samples: Selection, bands: Selection, out: Float32Array, signals: (AbortSignal | undefined)[]): Promise<void> {
    const step = pixelStep(image)
    const axes: AxisSelection[] = [{ step: image.blockWidth * step, ...lines }, { step, ...samples }, { step: 1, ...bands }]
    if (image.offsets[block] === 0 && image.byteCounts[block] === 0) return fill(axes, noData === null ? 0 : NaN, out)
    if (image.compression === 'none') {
      return readStrided({
        source, base: image.offsets[block], bytesPerElement: bytesPerNumber, decode: decodeStored, axes, out,
        pieceBytes: options.pieceBytes ?? PIECE_BYTES, signals,
      })
    }
    scatter(await keep(`${image.page}/${block}`, () => unpacked(image, block)), axes, out)
  }

  async function readImage(image: TiffImage, plane: number, box: Box, out: Float32Array, signals: (AbortSignal | undefined)[]): Promise<void> {
    for (const down of partsOf(box.lines, image.blockHeight)) {
      for (const across of partsOf(box.samples, image.blockWidth)) {
        throwIfCancelled(source.path, ...signals)
        const block = (plane * image.blocksDown + down.block) * image.blocksAcross + across.block
        await readPart(image, block, down.selection, across.selection, box.bands, out, signals)
      }
    }
  }

  const interleaved = images.length === 1 && !first.planar && first.bands > 1
  return {
    bandBytes: interleaved ? first.byteCounts.reduce((sum, bytes) => sum + bytes, 0) : undefined,
    async read(box, out, signals) {
      if (images.length === 1 && !first.planar) return readImage(first, 0, box, out, signals)
      for (let n = 0; n < box.bands.indices.length; n += 1) {
        const band = box.bands.indices[n]
        const one: Selection = { indices: [0], targets: [box.bands.targets[n]] }
        const image = images.length > 1 ? images[band] : first
        await readImage(image, images.length > 1 ? 0 : band, { ...box, bands: one }, out, signals)
      }
    },
    close: () => source.close(),
  }
}

function requireSmallBlocks(image: TiffImage, path: string): void {
  const bytes = blockBytes(image, 0) * Math.max(1, Float32Array.BYTES_PER_ELEMENT / BYTES_PER_ELEMENT[image.dtype])
  if (bytes <= LARGEST_BLOCK) return
  const kind = image.tiled ? 'tiles' : 'strips'
  throw new CuvetteError('unsupported', `${path} is compressed in ${kind} of ${storedLines(image, 0)} x ${image.blockWidth} pixels (${bytes} bytes of memory), larger than the ${LARGEST_BLOCK} that are decompressed at once; write it with smaller ${kind}.`, { path, where: kind })
}

/** The part of a selection in each block, with indices counted from the block's start. */
function partsOf({ indices, targets }: Selection, extent: number): { block: number; selection: Selection }[] {
  const parts: { block: number; selection: Selection }[] = []
  for (let start = 0; start < indices.length; ) {
    const block = Math.floor(indices[start] / extent)
    let end = start + 1
    while (end < indices.length && Math.floor(indices[end] / extent) === block) end += 1
    const taken = Array.from({ length: end - start }, (_, n) => start + n)
    parts.push({ block, selection: { indices: taken.map((n) => indices[n] - block * extent), targets: taken.map((n) => targets[n]) } })
    start = end
  }
  return parts
}

function scatter(block: Float32Array, axes: readonly AxisSelection[], out: Float32Array): void {
  visit(axes, (from, to) => {
    out[to] = block[from]
  })
}

function fill(axes: readonly AxisSelection[], value: number, out: Float32Array): void {
  visit(axes, (_from, to) => {
    out[to] = value
  })
}

function visit([lines, samples, bands]: readonly AxisSelection[], at: (from: number, to: number) => void): void {
  for (let i = 0; i < lines.indices.length; i += 1) {
    for (let j = 0; j < samples.indices.length; j += 1) {
      const from = lines.indices[i] * lines.step + samples.indices[j] * samples.step
      const to = lines.targets[i] + samples.targets[j]
      for (let k = 0; k < bands.indices.length; k += 1) at(from + bands.indices[k] * bands.step, to + bands.targets[k])
    }
  }
}

/** Blocks that were used last, up to a number of bytes; two reads of one block at a time share it. */
function keeper(budget: number): (key: string, make: () => Promise<Float32Array>) => Promise<Float32Array> {
  const kept = new Map<string, { numbers: Promise<Float32Array>; bytes: number }>()
  let total = 0
  const drop = (key: string): void => {
    total -= kept.get(key)?.bytes ?? 0
    kept.delete(key)
  }
  return async (key, make) => {
    const found = kept.get(key)
    if (found) {
      kept.delete(key)
      kept.set(key, found)
      return found.numbers
    }
    const entry = { numbers: make(), bytes: 0 }
    kept.set(key, entry)
    try {
      const { byteLength } = await entry.numbers
      if (kept.get(key) === entry) {
        entry.bytes = byteLength
        total += byteLength
        // The newest stays even where it alone is too much: the next lines are most likely in it.
        for (const [oldest] of kept) {
          if (total <= budget || oldest === key) break
          drop(oldest)
        }
      }
    } catch (error) {
      if (kept.get(key) === entry) drop(key)
      throw error
    }
    return entry.numbers
  }
}

/** Decoders want numbers to start on a multiple of 8 in their buffer. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
}
