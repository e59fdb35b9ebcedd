import { CHUNK_PIXELS } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import type { Frame, LearnedPixels, PixelReading } from './frame'
import { isIgnored, learnedPixels } from './frame'
import type { PixelPool } from './pixel-pool'
import { targetsOfPool } from './pixel-pool'

/** A training cube as one image. */
export interface StreamedImage {
  path: string
  lines: number
  samples: number
  /** [lines * samples, bands]. */
  pixels: Float32Array
  /** Which of them are learned from. */
  usable: PixelTest
  /** [lines * samples]: 1 anomalous; null without a mask. */
  targets: Uint8Array | null
}

/** All usable pixels of the training cubes, to be walked as often as needed. */
export interface PixelStream {
  /** How many there are. */
  count: number
  bands: number
  /** Blocks of at most CHUNK_PIXELS pixels; a block is valid until the next one is asked for. */
  blocks(): AsyncIterable<LearnedPixels>
  /** The cubes, whole and in order, with pixels that cannot be used in their places. */
  images(): AsyncIterable<StreamedImage>
}

/** The stream of a pool that holds every usable pixel of `frames`. */
export function streamOfPool(pool: PixelPool, frames: readonly Frame[], reading: PixelReading): PixelStream {
  const { bands, count, values } = pool
  return {
    count,
    bands,
    images: () => imagesOf(frames, reading),
    async *blocks() {
      const targets = targetsOfPool(pool, frames.map((frame) => frame.targets))
      for (let start = 0; start < count; start += CHUNK_PIXELS) {
        const end = Math.min(start + CHUNK_PIXELS, count)
        yield { pixels: values.subarray(start * bands, end * bands), count: end - start, targets: targets && targets.subarray(start, end) }
      }
    },
  }
}

/** The stream of cubes that do not fit into memory: every walk reads them anew. `count` is known from a first pass. */
export function streamOfCubes(frames: readonly Frame[], count: number, reading: PixelReading): PixelStream {
  return { count, bands: frames[0].cube.description.shape[2], images: () => imagesOf(frames, reading), blocks: () => learnedPixels(frames, CHUNK_PIXELS, reading) }
}

async function* imagesOf(frames: readonly Frame[], { usable, signal }: PixelReading): AsyncGenerator<StreamedImage> {
  for (const frame of frames) {
    const { cube, targets } = frame
    const { path, shape: [lines, samples] } = cube.description
    const pixels = await cube.readPixels({ line: 0, sample: 0, lines, samples }, null, undefined, signal)
    yield { path, lines, samples, pixels, usable: (values, pixel) => usable(values, pixel) && !isIgnored(frame, pixel), targets: targets && targets.map((target) => (target === 1 ? 1 : 0)) }
  }
}
