import type { DetectionMetrics } from '../../shared/metrics'
import { DetectionTally, IGNORED } from '../../shared/threshold-curve'
import { bitsOf, BUCKETS, isFiniteBits, numberAt, orderOf, sortedOrders } from '../../shared/ordered-bits'
import type { Question } from './walks'

/** Scores and targets of some pixels. */
export interface JudgedPixels {
  /** [n]; not finite where there is none. */
  scores: Float32Array
  /** [n]: 0 normal, 255 not to be judged, else anomalous. */
  targets: Uint8Array
}

/** Scores in memory at a time: 16 MiB. */
const HELD_SCORES = 4 * 2 ** 20

/**
 * The question how good scores are against targets: exact, as if all scores had been sorted. The first walk counts by the
 * upper half of the bits; then as many of those buckets as fit are sorted together, a walk for each group. A bucket that
 * does not fit by itself is counted by the lower half of the bits.
 */
export function* detectionOf(threshold: number, held = HELD_SCORES): Question<DetectionMetrics, JudgedPixels> {
  const [normal, anomalous] = [new Float64Array(BUCKETS), new Float64Array(BUCKETS)]
  yield (block) => eachJudged(block, 0, BUCKETS, (order, positive) => { (positive ? anomalous : normal)[order >>> 16] += 1 })
  const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0)
  const tally = new DetectionTally(sum(anomalous), sum(normal), threshold)
  for (const { from, to, size } of groupsOf(normal, anomalous, held)) {
    if (size <= held) yield* sorted(from, to, size, tally)
    else yield* counted(from, tally)
  }
  return tally.metrics
}

/** Neighbouring buckets, from the highest down, with together at most `held` pixels or one bucket; empty ones are left out. */
function groupsOf(normal: Float64Array, anomalous: Float64Array, held: number): { from: number; to: number; size: number }[] {
  const groups: { from: number; to: number; size: number }[] = []
  for (let bucket = BUCKETS - 1; bucket >= 0; bucket -= 1) {
    const size = normal[bucket] + anomalous[bucket]
    if (size === 0) continue
    const last = groups.at(-1)
    if (last && last.size + size <= held) {
      last.from = bucket
      last.size += size
    } else groups.push({ from: bucket, to: bucket + 1, size })
  }
  return groups
}

/** Tells the tally the scores of buckets [from, to). */
function* sorted(from: number, to: number, size: number, tally: DetectionTally): Question<void, JudgedPixels> {
  const [ofNormal, ofAnomalous] = [new Uint32Array(size), new Uint32Array(size)]
  let [n, p] = [0, 0]
  yield (block) => eachJudged(block, from, to, (order, positive) => {
    if (positive) ofAnomalous[p++] = order
    else ofNormal[n++] = order
  })
  const [normal, anomalous] = [sortedOrders(ofNormal.subarray(0, n)), sortedOrders(ofAnomalous.subarray(0, p))]
  while (n > 0 || p > 0) {
    const order = Math.max(n > 0 ? normal[n - 1] : 0, p > 0 ? anomalous[p - 1] : 0)
    const [before, positivesBefore] = [n, p]
    while (n > 0 && normal[n - 1] === order) n -= 1
    while (p > 0 && anomalous[p - 1] === order) p -= 1
    tally.add(numberAt(order), positivesBefore - p, before - n)
  }
}

/** The same for one bucket with any number of pixels. */
function* counted(bucket: number, tally: DetectionTally): Question<void, JudgedPixels> {
  const [normal, anomalous] = [new Float64Array(BUCKETS), new Float64Array(BUCKETS)]
  yield (block) => eachJudged(block, bucket, bucket + 1, (order, positive) => { (positive ? anomalous : normal)[order & 0xffff] += 1 })
  for (let lower = BUCKETS - 1; lower >= 0; lower -= 1) {
    if (normal[lower] + anomalous[lower] > 0) tally.add(numberAt(((bucket << 16) | lower) >>> 0), anomalous[lower], normal[lower])
  }
}

function eachJudged({ scores, targets }: JudgedPixels, from: number, to: number, look: (order: number, positive: boolean) => void): void {
  const bits = bitsOf(scores)
  for (let pixel = 0; pixel < bits.length; pixel += 1) {
    if (!isFiniteBits(bits[pixel]) || targets[pixel] === IGNORED) continue
    const order = orderOf(bits[pixel])
    const bucket = order >>> 16
    if (bucket >= from && bucket < to) look(order, targets[pixel] !== 0)
  }
}
