import type { BandStatistics } from '../../shared/cube'
import { sortNumbers } from '../../shared/ordered-bits'
import type { Cube } from './cube'
import { checkedBand } from './window'

export interface BandStatisticsOptions {
  /** Pixels kept for the percentiles; a band with more is sampled evenly. Default 4,194,304 (16 MiB). */
  keptPixels?: number
  /** Looks at every stride-th line and sample only. Default 1. */
  stride?: number
  signal?: AbortSignal
}

const KEPT_PIXELS = 4 * 1024 * 1024
const BLOCK_PIXELS = 1024 * 1024

/**
 * Spread of one band over finite pixels that are not no-data, in stored units. Streams over blocks of lines.
 * Minimum, maximum and mean are exact over the pixels that are looked at; percentiles (linear between neighbours in sorted order) are exact up to
 * `keptPixels` pixels, otherwise from every n-th pixel. Without a valid pixel all numbers are 0.
 */
export async function bandStatistics(cube: Cube, band: number, options: BandStatisticsOptions = {}): Promise<BandStatistics> {
  checkedBand(cube.description, band)
  const stride = options.stride ?? 1
  const [lines, samples] = cube.description.shape
  const width = Math.ceil(samples / stride)
  const totalPixels = Math.ceil(lines / stride) * width
  const every = Math.ceil(totalPixels / (options.keptPixels ?? KEPT_PIXELS))
  const kept = new Float32Array(Math.ceil(totalPixels / every))
  const blockLines = stride * Math.max(1, Math.floor(BLOCK_PIXELS / width))
  let keptPixels = 0
  let validPixels = 0
  let min = Infinity
  let max = -Infinity
  let sum = 0
  for (let line = 0; line < lines; line += blockLines) {
    const block = await cube.readBand(band, { line, sample: 0, lines: Math.min(blockLines, lines - line), samples }, stride, options.signal)
    const first = (line / stride) * width
    for (let n = 0; n < block.length; n += 1) {
      const value = block[n]
      if (!Number.isFinite(value)) continue
      validPixels += 1
      sum += value
      if (value < min) min = value
      if (value > max) max = value
      if (every === 1 || (first + n) % every === 0) kept[keptPixels++] = value
    }
  }
  if (validPixels === 0) return { band, min: 0, max: 0, mean: 0, percentiles: new Array<number>(101).fill(0), validPixels, totalPixels }
  const sorted = sortNumbers(kept.subarray(0, keptPixels))
  const percentiles = Array.from({ length: 101 }, (_, percent) => (keptPixels === 0 ? min + ((max - min) * percent) / 100 : quantile(sorted, percent / 100)))
  percentiles[0] = min
  percentiles[100] = max
  return { band, min, max, mean: sum / validPixels, percentiles, validPixels, totalPixels }
}

function quantile(sorted: Float32Array, share: number): number {
  const position = share * (sorted.length - 1)
  const below = Math.floor(position)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
}
