import { CuvetteError } from '../../shared/problem'
import { atRank, countOfLargest, rankOf } from '../../shared/quantile'
import { bitsOf, BUCKETS, isFiniteBits, numberAt, orderOf } from '../../shared/ordered-bits'
import type { Question } from './walks'
import { answer } from './walks'

/**
 * Exact quantile of the finite numbers among `values` [N], linear interpolation between neighbours, with
 * the float32 arithmetic of torch.quantile. No copy and no sort: the neighbours are found by counting.
 * NaN when no number is finite.
 */
export function quantile(values: Float32Array, q: number): number {
  return answer(quantileOf(q), values)
}

/** The question of `quantile`: two walks, and memory that does not depend on how many numbers there are. */
export function* quantileOf(q: number): Question<number> {
  if (!(q >= 0 && q <= 1)) throw new CuvetteError('bad-argument', `The quantile ${q} is outside 0 to 1.`)
  const { count, found: [below, above] } = yield* orderStatistics((total) => {
    const lower = Math.floor(rankOf(q, total))
    return [lower, Math.min(lower + 1, total - 1)]
  })
  return count === 0 ? Number.NaN : atRank(rankOf(q, count), below, above)
}

/**
 * Mean, rounded to float32, of the k largest finite numbers among `values`, k = max(1, ceil(count * fraction)) with the
 * product rounded to float32 first. -Infinity when no number is finite.
 */
export function meanOfLargest(values: Float32Array, fraction: number): { mean: number; count: number } {
  return answer(meanOfLargestOf(fraction), values)
}

/** The question of `meanOfLargest`: three walks. */
export function* meanOfLargestOf(fraction: number): Question<{ mean: number; count: number }> {
  const { count, found: [smallest] } = yield* orderStatistics((total) => [total - countOfLargest(fraction, total)])
  const k = countOfLargest(fraction, count)
  if (count === 0) return { mean: -Infinity, count: k }
  let sum = 0
  let above = 0
  yield (values) => {
    for (const value of values) {
      if (!Number.isFinite(value) || value <= smallest) continue
      sum += value
      above += 1
    }
  }
  // Equal ones share the last places.
  return { mean: Math.fround((sum + smallest * (k - above)) / k), count: k }
}

/**
 * How many numbers are finite, and those with so many smaller or equal ones before them (0-based ranks). The first walk
 * counts by the upper half of the bits, the second one by the lower half in the buckets that hold a rank.
 */
function* orderStatistics(ranksOf: (count: number) => number[]): Question<{ count: number; found: number[] }> {
  const upper = new Float64Array(BUCKETS)
  yield (values) => {
    const bits = bitsOf(values)
    for (let index = 0; index < bits.length; index += 1) if (isFiniteBits(bits[index])) upper[orderOf(bits[index]) >>> 16] += 1
  }
  const count = upper.reduce((sum, one) => sum + one, 0)
  if (count === 0) return { count, found: [] }
  const places = ranksOf(count).map((rank) => bucketOf(upper, rank))
  const chosen = [...new Set(places.map(({ bucket }) => bucket))]
  const counterOf = new Int8Array(BUCKETS).fill(-1)
  for (const [index, bucket] of chosen.entries()) counterOf[bucket] = index
  const lower = chosen.map(() => new Float64Array(BUCKETS))
  yield (values) => {
    const bits = bitsOf(values)
    for (let index = 0; index < bits.length; index += 1) {
      const order = orderOf(bits[index])
      const counter = counterOf[order >>> 16]
      if (counter >= 0 && isFiniteBits(bits[index])) lower[counter][order & 0xffff] += 1
    }
  }
  return { count, found: places.map(({ bucket, left }) => numberAt(((bucket << 16) | bucketOf(lower[counterOf[bucket]], left).bucket) >>> 0)) }
}

function bucketOf(counts: Float64Array, rank: number): { bucket: number; left: number } {
  let left = rank
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    if (left < counts[bucket]) return { bucket, left }
    left -= counts[bucket]
  }
  throw new CuvetteError('internal', 'The rank lies beyond the last number.')
}
