// The arithmetic of torch.quantile and of the two-stage decider, whoever finds the numbers: the engine by counting over
// a scene of any size, the window in sorted scores while a line is dragged.

/** The largest count for which torch computes the rank in float32; beyond, float32 would skip whole pixels. */
const FLOAT32_RANKS = 2 ** 24

/** Rank, with a fraction, of the quantile `q` (0 to 1) among `count` sorted numbers. */
export function rankOf(q: number, count: number): number {
  return count <= FLOAT32_RANKS ? Math.fround(Math.fround(q) * (count - 1)) : q * (count - 1)
}

/** Between the neighbours of a rank, linearly: torch.lerp in float32, measured from the nearer end. */
export function atRank(rank: number, below: number, above: number): number {
  if (rank === Math.floor(rank)) return below
  const weight = Math.fround(rank - Math.floor(rank))
  const span = Math.fround(above - below)
  if (weight < 0.5) return Math.fround(below + Math.fround(weight * span))
  return Math.fround(above - Math.fround(span * Math.fround(1 - weight)))
}

/** How many of `count` numbers make the largest `fraction`: max(1, ceil(count * fraction)), the product rounded to float32 first. */
export function countOfLargest(fraction: number, count: number): number {
  return Math.max(1, Math.ceil(Math.fround(count * fraction)))
}

/** Quantile of finite float32 numbers in ascending order. NaN when there are none. */
export function quantileOfSorted(sorted: Float32Array, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const rank = rankOf(q, sorted.length)
  const lower = Math.floor(rank)
  return atRank(rank, sorted[lower], sorted[Math.min(lower + 1, sorted.length - 1)])
}

/** Mean, rounded to float32, of the largest of ascending numbers. -Infinity when there are none. */
export function meanOfLargestOfSorted(sorted: Float32Array, fraction: number): number {
  if (sorted.length === 0) return -Infinity
  const count = Math.min(sorted.length, countOfLargest(fraction, sorted.length))
  let sum = 0
  for (let index = sorted.length - count; index < sorted.length; index += 1) sum += sorted[index]
  return Math.fround(sum / count)
}
