import type { ThresholdCurve } from '../../shared/threshold-curve'
import { countBelow } from '../../shared/threshold-curve'

/** How scores are laid along the axis. Logarithmic only for positive scores. */
export interface ScoreAxis {
  readonly low: number
  readonly high: number
  readonly logarithmic: boolean
}

export interface Histogram {
  readonly axis: ScoreAxis
  /** Scored pixels by bin: those the mask calls normal (all without a mask), and those it calls anomalous. */
  readonly normal: Float64Array
  readonly anomalous: Float64Array
  readonly largest: number
}

/** From the smallest to the largest score. A single value gets some room around it. */
export function scoreAxis(curve: ThresholdCurve, logarithmic: boolean): ScoreAxis | null {
  const { sorted } = curve
  if (sorted.length === 0) return null
  let [low, high] = [sorted[0], sorted[sorted.length - 1]]
  if (low === high) {
    const room = Math.max(Math.abs(low) * 0.1, 1e-6)
    low -= room
    high += room
  }
  return { low, high, logarithmic: logarithmic && low > 0 }
}

export function canBeLogarithmic(curve: ThresholdCurve): boolean {
  return curve.sorted.length > 0 && curve.sorted[0] > 0
}

/** Half of the scores in the first tenth of the axis: there a threshold could hardly be placed. */
export function isSkewed(curve: ThresholdCurve): boolean {
  const { sorted } = curve
  if (sorted.length === 0) return false
  const [low, high] = [sorted[0], sorted[sorted.length - 1]]
  return quantileOf(curve, 0.5) < low + (high - low) / 10
}

/** 0 at the left end, 1 at the right; beyond for scores beyond. */
export function positionOf(axis: ScoreAxis, score: number): number {
  if (!axis.logarithmic) return (score - axis.low) / (axis.high - axis.low)
  if (score <= 0) return -Infinity
  return Math.log(score / axis.low) / Math.log(axis.high / axis.low)
}

export function scoreAt(axis: ScoreAxis, position: number): number {
  if (!axis.logarithmic) return axis.low + position * (axis.high - axis.low)
  return axis.low * Math.exp(position * Math.log(axis.high / axis.low))
}

/** One binary search per edge of the sorted scores. The last bin holds the largest score. */
export function histogram(curve: ThresholdCurve, axis: ScoreAxis, bins: number): Histogram {
  const { sorted, positivesBelow } = curve
  const normal = new Float64Array(bins)
  const anomalous = new Float64Array(bins)
  let start = 0
  let largest = 0
  for (let bin = 0; bin < bins; bin += 1) {
    const end = bin === bins - 1 ? sorted.length : Math.max(start, countBelow(curve, scoreAt(axis, (bin + 1) / bins)))
    const marked = positivesBelow ? positivesBelow[end] - positivesBelow[start] : 0
    anomalous[bin] = marked
    normal[bin] = end - start - marked
    largest = Math.max(largest, end - start)
    start = end
  }
  return { axis, normal, anomalous, largest }
}

/** The score below which `share` of the sorted scores lie. */
export function quantileOf(curve: ThresholdCurve, share: number): number {
  const { sorted } = curve
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(share * (sorted.length - 1))))]
}
