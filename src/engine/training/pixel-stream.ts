import type { Cube } from '../cube'
import { CHUNK_PIXELS, scan } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import type { PixelPool } from './pixel-pool'

/** All valid pixels of the training cubes, to be walked as often as needed. */
export interface PixelStream {
  /** How many there are. */
  count: number
  bands: number
  /** Blocks of at most CHUNK_PIXELS pixels [count, bands]; a block is valid until the next one is asked for. */
  blocks(): AsyncIterable<{ pixels: Float32Array; count: number }>
}

/** The stream of a pool that holds every valid pixel. */
export function streamOfPool({ bands, count, values }: PixelPool): PixelStream {
  return {
    count,
    bands,
    async *blocks() {
      for (let start = 0; start < count; start += CHUNK_PIXELS) {
        const size = Math.min(CHUNK_PIXELS, count - start)
        yield { pixels: values.subarray(start * bands, (start + size) * bands), count: size }
      }
    },
  }
}

/** The stream of cubes that do not fit into memory: every walk reads them anew. `count` is known from a first pass. */
export function streamOfCubes(cubes: readonly Cube[], count: number, { readBytes, usable, signal }: { readBytes: number; usable: PixelTest; signal?: AbortSignal }): PixelStream {
  const bands = cubes[0].description.shape[2]
  return {
    count,
    bands,
    async *blocks() {
      const buffer = new Float32Array(CHUNK_PIXELS * bands)
      let filled = 0
      for (const cube of cubes) {
        for await (const { pixels, count: read } of scan(cube, { bytes: readBytes, signal })) {
          for (let pixel = 0; pixel < read; pixel += 1) {
            if (!usable(pixels, pixel)) continue
            buffer.set(pixels.subarray(pixel * bands, (pixel + 1) * bands), filled * bands)
            filled += 1
            if (filled < CHUNK_PIXELS) continue
            yield { pixels: buffer, count: filled }
            filled = 0
          }
        }
      }
      if (filled > 0) yield { pixels: buffer.subarray(0, filled * bands), count: filled }
    },
  }
}
