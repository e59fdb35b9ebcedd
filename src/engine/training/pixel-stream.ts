import { CHUNK_PIXELS, scan } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import type { Frame } from './data'
import { isIgnored } from './data'
import type { PixelPool } from './pixel-pool'
import { targetsOfPool } from './pixel-pool'

/** Usable pixels of the training cubes [count, bands]; `targets` [count]: 1 anomalous, null when a cube has no mask. */
export interface PixelsOfStream {
  pixels: Float32Array
  count: number
  targets: Uint8Array | null
}

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
  blocks(): AsyncIterable<PixelsOfStream>
  /** The cubes, whole and in order, with pixels that cannot be used in their places. */
  images(): AsyncIterable<StreamedImage>
}

export interface StreamReading {
  /** Bytes read from a cube at once, where it need not be whole. */
  readBytes: number
  usable: PixelTest
  signal?: AbortSignal
}

/** The stream of a pool that holds every usable pixel of `frames`. */
export function streamOfPool(pool: PixelPool, frames: readonly Frame[], reading: StreamReading): PixelStream {
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
export function streamOfCubes(frames: readonly Frame[], count: number, reading: StreamReading): PixelStream {
  const bands = frames[0].cube.description.shape[2]
  const masked = frames.every(({ targets }) => targets !== null)
  const { readBytes, usable, signal } = reading
  return {
    count,
    bands,
    images: () => imagesOf(frames, reading),
    async *blocks() {
      const buffer = new Float32Array(CHUNK_PIXELS * bands)
      const anomalous = masked ? new Uint8Array(CHUNK_PIXELS) : null
      let filled = 0
      for (const frame of frames) {
        const { cube, targets } = frame
        for await (const { first, pixels, count: read } of scan(cube, { bytes: readBytes, signal })) {
          for (let pixel = 0; pixel < read; pixel += 1) {
            if (!usable(pixels, pixel) || isIgnored(frame, first + pixel)) continue
            buffer.set(pixels.subarray(pixel * bands, (pixel + 1) * bands), filled * bands)
            if (anomalous) anomalous[filled] = targets?.[first + pixel] === 1 ? 1 : 0
            filled += 1
            if (filled < CHUNK_PIXELS) continue
            yield { pixels: buffer, count: filled, targets: anomalous }
            filled = 0
          }
        }
      }
      if (filled > 0) yield { pixels: buffer.subarray(0, filled * bands), count: filled, targets: anomalous?.subarray(0, filled) ?? null }
    },
  }
}

async function* imagesOf(frames: readonly Frame[], { usable, signal }: StreamReading): AsyncGenerator<StreamedImage> {
  for (const frame of frames) {
    const { cube, targets } = frame
    const { path, shape: [lines, samples] } = cube.description
    const pixels = await cube.readPixels({ line: 0, sample: 0, lines, samples }, null, undefined, signal)
    yield { path, lines, samples, pixels, usable: (values, pixel) => usable(values, pixel) && !isIgnored(frame, pixel), targets: targets && targets.map((target) => (target === 1 ? 1 : 0)) }
  }
}
