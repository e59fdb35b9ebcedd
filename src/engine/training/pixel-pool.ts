import type { Cube } from '../cube'
import { scan } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import type { RandomSource } from '../nodes/random'

/** Pixels of one or more cubes in memory, for training. */
export interface PixelPool {
  bands: number
  count: number
  /** [count, bands] row-major. */
  values: Float32Array
  /** Which cube each pixel is from. */
  cubes: Uint16Array
  /** Place of each pixel in its cube, in scan order. */
  places: Uint32Array
  /** What was seen while filling it, over all cubes. */
  seen: { total: number; valid: number; leftOut: number }
}

export interface PoolOptions {
  /** Largest size of `values`. */
  bytes: number
  /** Bytes read from a cube at once. */
  readBytes: number
  usable: PixelTest
  /** Pixels that are not to be learned from, although they can be used. */
  leftOut?(cube: number, place: number): boolean
  signal?: AbortSignal
  onPixels?(count: number): void
  /** Told the cube and the place of every pixel that cannot be used. */
  onUnusable?(cube: number, place: number): void
}

/**
 * Fills a pool with the valid pixels of `cubes` in one streaming pass: all of them where they fit, otherwise
 * a sample without replacement in which each has the same chance (reservoir sampling). Pixels that
 * cannot be used are left out.
 */
export async function fillPool(cubes: readonly Cube[], random: RandomSource, options: PoolOptions): Promise<PixelPool> {
  const bands = cubes[0].description.shape[2]
  const available = cubes.reduce((sum, { description: { shape } }) => sum + shape[0] * shape[1], 0)
  const capacity = Math.max(1, Math.min(available, Math.floor(options.bytes / (4 * bands))))
  const values = new Float32Array(capacity * bands)
  const fromCube = new Uint16Array(capacity)
  const places = new Uint32Array(capacity)
  let total = 0
  let valid = 0
  let leftOut = 0
  for (const [index, cube] of cubes.entries()) {
    for await (const { first, count, pixels } of scan(cube, { bytes: options.readBytes, signal: options.signal })) {
      for (let pixel = 0; pixel < count; pixel += 1) {
        if (!options.usable(pixels, pixel)) {
          options.onUnusable?.(index, first + pixel)
          continue
        }
        if (options.leftOut?.(index, first + pixel)) {
          leftOut += 1
          continue
        }
        const slot = valid < capacity ? valid : random.integer(valid + 1)
        valid += 1
        if (slot >= capacity) continue
        values.set(pixels.subarray(pixel * bands, (pixel + 1) * bands), slot * bands)
        fromCube[slot] = index
        places[slot] = first + pixel
      }
      total += count
      options.onPixels?.(count)
    }
  }
  const count = Math.min(valid, capacity)
  return {
    bands,
    count,
    values: values.subarray(0, count * bands),
    cubes: fromCube.subarray(0, count),
    places: places.subarray(0, count),
    seen: { total, valid, leftOut },
  }
}

/** Counts the valid pixels of cubes that do not fit into a pool. */
export async function countValid(cubes: readonly Cube[], options: Omit<PoolOptions, 'bytes'>): Promise<PixelPool['seen']> {
  const seen = { total: 0, valid: 0, leftOut: 0 }
  for (const [index, cube] of cubes.entries()) {
    for await (const { first, count, pixels } of scan(cube, { bytes: options.readBytes, signal: options.signal })) {
      for (let pixel = 0; pixel < count; pixel += 1) {
        if (!options.usable(pixels, pixel)) options.onUnusable?.(index, first + pixel)
        else if (options.leftOut?.(index, first + pixel)) seen.leftOut += 1
        else seen.valid += 1
      }
      seen.total += count
      options.onPixels?.(count)
    }
  }
  return seen
}

/** The numbers 0 to count - 1 in random order (Fisher and Yates). */
export function shuffled(count: number, random: RandomSource): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index)
  for (let index = count - 1; index > 0; index -= 1) {
    const other = random.integer(index + 1)
    const held = order[index]
    order[index] = order[other]
    order[other] = held
  }
  return order
}
