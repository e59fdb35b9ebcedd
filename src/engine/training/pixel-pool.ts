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
    // As long as all pixels so far fit, they are read to where they stay when none before them is left out.
    const before = total
    const into = (first: number, count: number): Float32Array | null => (before + first + count <= capacity ? values.subarray((before + first) * bands, (before + first + count) * bands) : null)
    for await (const { first, count, pixels } of scan(cube, { bytes: options.readBytes, signal: options.signal, into })) {
      const inPlace = pixels.buffer === values.buffer
      // Pixels that are taken in a row are moved in one go, where they do not lie in their place already.
      let taken = 0
      const copyTaken = (end: number): void => {
        const stays = inPlace && valid === before + first + end
        if (taken > 0 && !stays) values.set(pixels.subarray((end - taken) * bands, end * bands), (valid - taken) * bands)
        taken = 0
      }
      for (let pixel = 0; pixel < count; pixel += 1) {
        const unusable = !options.usable(pixels, pixel)
        if (unusable || options.leftOut?.(index, first + pixel)) {
          copyTaken(pixel)
          if (unusable) options.onUnusable?.(index, first + pixel)
          else leftOut += 1
          continue
        }
        if (valid < capacity) {
          fromCube[valid] = index
          places[valid] = first + pixel
          valid += 1
          taken += 1
          continue
        }
        copyTaken(pixel)
        const slot = random.integer(valid + 1)
        valid += 1
        if (slot >= capacity) continue
        copyPixel(pixels, pixel, values, slot, bands)
        fromCube[slot] = index
        places[slot] = first + pixel
      }
      copyTaken(count)
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

/** Copies one pixel of [n, bands] into another place. A loop, because setting so few numbers at once takes longer to begin than to do. */
export function copyPixel(from: Float32Array, pixel: number, to: Float32Array, place: number, bands: number): void {
  let source = pixel * bands
  let target = place * bands
  const end = target + bands
  for (; target + 4 <= end; target += 4, source += 4) {
    to[target] = from[source]
    to[target + 1] = from[source + 1]
    to[target + 2] = from[source + 2]
    to[target + 3] = from[source + 3]
  }
  for (; target < end; target += 1, source += 1) to[target] = from[source]
}

/** Pixels whose memory is fetched before they are copied. */
const AHEAD = 32
/** Numbers in one line of the processor's cache. */
const CACHE_LINE = 16
const touched = new Float64Array(1)

/**
 * Copies the pixels of [n, bands] that `indices` names to the front of `to`. They lie anywhere in memory, and a copy waits
 * for each; looking at some of them together first makes the waits overlap (3 times as fast).
 */
export function gatherPixels(from: Float32Array, indices: Uint32Array, to: Float32Array, bands: number): void {
  for (let start = 0; start < indices.length; start += AHEAD) {
    const end = Math.min(start + AHEAD, indices.length)
    let sum = 0
    for (let index = start; index < end; index += 1) {
      const first = indices[index] * bands
      for (let at = first; at < first + bands; at += CACHE_LINE) sum += from[at]
      sum += from[first + bands - 1]
    }
    touched[0] = sum
    for (let index = start; index < end; index += 1) copyPixel(from, indices[index], to, index, bands)
  }
}

/** What the masks of the cubes say of the pixels of a pool [count]: 1 anomalous; null where a cube has no mask. */
export function targetsOfPool({ count, cubes, places }: PixelPool, masks: readonly (Uint8Array | null)[]): Uint8Array | null {
  if (masks.some((mask) => mask === null)) return null
  const targets = new Uint8Array(count)
  for (let pixel = 0; pixel < count; pixel += 1) if (masks[cubes[pixel]]?.[places[pixel]] === 1) targets[pixel] = 1
  return targets
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
