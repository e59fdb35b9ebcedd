import { CuvetteError } from '../../shared/problem'

/** The largest count for which torch computes the rank in float32; beyond, float32 would skip whole pixels. */
const FLOAT32_RANKS = 2 ** 24

/**
 * Exact quantile of the finite numbers among `values` [N], linear interpolation between neighbours, with
 * the float32 arithmetic of torch.quantile. No copy and no sort: the neighbours are found by counting.
 * NaN when no number is finite.
 */
export function quantile(values: Float32Array, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new CuvetteError('bad-argument', `The quantile ${q} is outside 0 to 1.`)
  let count = 0
  for (let index = 0; index < values.length; index += 1) if (Number.isFinite(values[index])) count += 1
  if (count === 0) return Number.NaN
  const rank = count <= FLOAT32_RANKS ? Math.fround(Math.fround(q) * (count - 1)) : q * (count - 1)
  const lower = Math.floor(rank)
  const below = orderStatistic(values, lower)
  if (rank === lower) return below
  const above = orderStatistic(values, Math.min(lower + 1, count - 1))
  return lerp(below, above, Math.fround(rank - lower))
}

/**
 * Mean, rounded to float32, of the k largest finite numbers among `values`, k = max(1, ceil(count * fraction)) with the
 * product rounded to float32 first. -Infinity when no number is finite.
 */
export function meanOfLargest(values: Float32Array, fraction: number): { mean: number; count: number } {
  const finite = values.reduce((count, value) => (Number.isFinite(value) ? count + 1 : count), 0)
  const k = Math.max(1, Math.ceil(Math.fround(finite * fraction)))
  if (finite === 0) return { mean: -Infinity, count: k }
  const smallest = orderStatistic(values, finite - k)
  let sum = 0
  let above = 0
  for (const value of values) {
    if (!Number.isFinite(value) || value <= smallest) continue
    sum += value
    above += 1
  }
  // Equal ones share the last places.
  return { mean: Math.fround((sum + smallest * (k - above)) / k), count: k }
}

/** torch.lerp in float32: measured from the nearer end. */
function lerp(from: number, to: number, weight: number): number {
  const span = Math.fround(to - from)
  if (weight < 0.5) return Math.fround(from + Math.fround(weight * span))
  return Math.fround(to - Math.fround(span * Math.fround(1 - weight)))
}

/**
 * The finite number with exactly `rank` smaller-or-equal ones before it (0-based), in two counting passes
 * over the two halves of the bits. The order of float32 is the order of its bits once negative numbers are flipped.
 */
function orderStatistic(values: Float32Array, rank: number): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
  const counts = new Uint32Array(65536)
  for (let index = 0; index < bits.length; index += 1) {
    if (isFinite32(bits[index])) counts[ordered(bits[index]) >>> 16] += 1
  }
  const [high, left] = bucketOf(counts, rank)
  counts.fill(0)
  for (let index = 0; index < bits.length; index += 1) {
    const key = ordered(bits[index])
    if (key >>> 16 === high && isFinite32(bits[index])) counts[key & 0xffff] += 1
  }
  const [low] = bucketOf(counts, left)
  const key = ((high << 16) | low) >>> 0
  const found = Uint32Array.of(key & 0x80000000 ? key & 0x7fffffff : ~key)
  return new Float32Array(found.buffer)[0]
}

function isFinite32(bits: number): boolean {
  return (bits & 0x7f800000) !== 0x7f800000
}

function ordered(bits: number): number {
  return (bits & 0x80000000 ? ~bits : bits | 0x80000000) >>> 0
}

function bucketOf(counts: Uint32Array, rank: number): [bucket: number, left: number] {
  let left = rank
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    if (left < counts[bucket]) return [bucket, left]
    left -= counts[bucket]
  }
  throw new CuvetteError('internal', 'The rank lies beyond the last number.')
}
