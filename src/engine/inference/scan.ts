import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'

/** Pixels in one call of a session: measured fastest, because the intermediate values stay in the processor's cache. */
export const CHUNK_PIXELS = 4096

/** Consecutive pixels of a cube in scan order (line by line). */
export interface PixelBlock {
  /** Index of the first pixel: line * samples + sample. */
  first: number
  count: number
  /** [count, C] row-major. The buffer is used again after the next block was asked for, unless the caller gave it. */
  pixels: Float32Array
}

export interface ScanOptions {
  /** Bytes of float32 pixels in memory at once, in two blocks; each holds at least one line, or one chunk of lines. */
  bytes: number
  signal?: AbortSignal
  /** Where the pixels from `first` are to be read to, [count, C]; null: into a buffer. Asked before the block ahead of them is done with. */
  into?(first: number, count: number): Float32Array | null
}

/** Reads a whole cube once, in blocks of whole lines, in scan order. While a block is worked on, the next one is read. */
export async function* scan(cube: Cube, { bytes, signal, into }: ScanOptions): AsyncGenerator<PixelBlock> {
  const [lines, samples, bands] = cube.description.shape
  const strip = stripLines(samples)
  const step = Math.max(1, Math.floor(bytes / 2 / (samples * bands * 4 * strip))) * strip
  const buffers = [new Float32Array(0), new Float32Array(0)]
  yield* readAhead(
    multiplesOf(step, lines),
    async (line, stop) => {
      const height = Math.min(step, lines - line)
      const count = height * samples
      const which = (line / step) % 2
      const given = into?.(line * samples, count)
      if (!given && buffers[which].length < count * bands) buffers[which] = new Float32Array(count * bands)
      const pixels = given ?? buffers[which].subarray(0, count * bands)
      await cube.readPixels({ line, sample: 0, lines: height, samples }, null, pixels, stop)
      return { first: line * samples, count, pixels }
    },
    signal,
  )
}

function* multiplesOf(step: number, end: number): Generator<number> {
  for (let at = 0; at < end; at += step) yield at
}

/**
 * What `read` makes of each item, in order. While one is worked on, the next one is read. A read that fails is told when
 * its turn comes. Who leaves early may close what is read from: nothing is under way any more then.
 */
export async function* readAhead<Item, Read>(items: Iterable<Item>, read: (item: Item, signal: AbortSignal) => Promise<Read>, signal?: AbortSignal): AsyncGenerator<Read> {
  const left = new AbortController()
  const stop = signal ? AbortSignal.any([signal, left.signal]) : left.signal
  const remaining = items[Symbol.iterator]()
  const begin = (): Promise<Read> | null => {
    const { done, value } = remaining.next()
    if (done) return null
    const reading = read(value, stop)
    // Looked at when its turn comes.
    reading.catch(() => undefined)
    return reading
  }
  throwIfStopped(signal)
  let ahead = begin()
  try {
    while (ahead) {
      const value: Read = await ahead
      throwIfStopped(signal)
      ahead = begin()
      yield value
    }
  } finally {
    left.abort()
    await ahead?.catch(() => undefined)
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
