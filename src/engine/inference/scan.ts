import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'

/** Pixels in one call of a session: measured fastest, because the intermediate values stay in the processor's cache. */
export const CHUNK_PIXELS = 4096

/** Consecutive pixels of a cube in scan order (line by line). */
export interface PixelBlock {
  /** Index of the first pixel: line * samples + sample. */
  first: number
  count: number
  /** [count, C] row-major. The buffer is used again for the next block. */
  pixels: Float32Array
}

export interface ScanOptions {
  /** Bytes of float32 pixels read at once; at least one line, or one chunk of lines, is read. */
  bytes: number
  signal?: AbortSignal
}

/** Reads a whole cube once, in blocks of whole lines, in scan order. */
export async function* scan(cube: Cube, { bytes, signal }: ScanOptions): AsyncGenerator<PixelBlock> {
  const [lines, samples, bands] = cube.description.shape
  const strip = stripLines(samples)
  const step = Math.max(1, Math.floor(bytes / (samples * bands * 4 * strip))) * strip
  let buffer = new Float32Array(0)
  for (let line = 0; line < lines; line += step) {
    throwIfStopped(signal)
    const height = Math.min(step, lines - line)
    const count = height * samples
    if (buffer.length < count * bands) buffer = new Float32Array(count * bands)
    const pixels = buffer.subarray(0, count * bands)
    await cube.readPixels({ line, sample: 0, lines: height, samples }, null, pixels, signal)
    yield { first: line * samples, count, pixels }
  }
}

/**
 * Cuts a block into chunks for a session, [start, end) in pixels of the block. The cuts depend on the
 * width of the cube alone, so that every pixel meets the same neighbours however large the blocks are:
 * scores are the same to the last bit.
 */
export function* chunksOf(block: PixelBlock, samples: number): Generator<[start: number, end: number]> {
  if (samples <= CHUNK_PIXELS) {
    const size = stripLines(samples) * samples
    for (let start = 0; start < block.count; start += size) yield [start, Math.min(start + size, block.count)]
    return
  }
  for (let line = 0; line < block.count; line += samples) {
    for (let start = line; start < line + samples; start += CHUNK_PIXELS) yield [start, Math.min(start + CHUNK_PIXELS, line + samples)]
  }
}

/** Lines that make up one chunk. */
function stripLines(samples: number): number {
  return Math.max(1, Math.floor(CHUNK_PIXELS / samples))
}

/** Throws CuvetteError('cancelled') once the signal has fired. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CuvetteError('cancelled', 'The work was stopped before it was finished; nothing was changed.')
}
