import type { RandomSource } from './random'

/** Chooses which pixels of a stream are looked at. */
export interface PixelChoice {
  /** Rows of the next batch of `count` pixels that are chosen, ascending. */
  next(count: number): Uint32Array
}

/**
 * Draws `wanted` of `total` pixels without replacement, all subsets equally likely, while they stream by
 * (Knuth, The Art of Computer Programming, volume 2, algorithm S). All of them when `wanted` is not below `total`.
 */
export function choosePixels(wanted: number, total: number, random: RandomSource): PixelChoice {
  let needed = Math.min(wanted, total)
  let left = total
  return {
    next(count) {
      const rows = new Uint32Array(Math.min(count, needed))
      let chosen = 0
      for (let row = 0; row < count && needed > 0; row += 1) {
        // Beyond the announced end every pixel is taken until there are enough.
        if (needed >= left || random.uniform() * left < needed) {
          rows[chosen] = row
          chosen += 1
          needed -= 1
        }
        left -= 1
      }
      return rows.subarray(0, chosen)
    },
  }
}

/** Copies the chosen rows of [count, channels] into one matrix. */
export function gatherRows(pixels: Float32Array, channels: number, rows: Uint32Array): Float32Array {
  const chosen = new Float32Array(rows.length * channels)
  rows.forEach((row, index) => chosen.set(pixels.subarray(row * channels, (row + 1) * channels), index * channels))
  return chosen
}
