import type { Confusion, DetectionMetrics } from './metrics'

/**
 * Scores against a mask, sorted once, so that every threshold's counts are one binary search.
 * Pixels without a finite score and pixels marked "ignore" are left out.
 */
export interface ThresholdCurve {
  /** Finite scores, ascending, float32. */
  readonly sorted: Float32Array
  /** positivesBelow[i] = anomalous pixels among sorted[0..i). Length sorted.length + 1; null without a mask. */
  readonly positivesBelow: Uint32Array | null
}

/** Values of a target array: 0 normal, 1 anomalous, 255 ignore. */
export const IGNORED = 255

/** Sorts scores [N] with targets [N]. */
export function thresholdCurve(scores: Float32Array, targets: Uint8Array | null): ThresholdCurve {
  if (!targets) {
    const sorted = scores.filter((score) => Number.isFinite(score)).sort()
    return { sorted, positivesBelow: null }
  }
  const negatives = scores.filter((score, index) => Number.isFinite(score) && targets[index] === 0).sort()
  const positives = scores.filter((score, index) => Number.isFinite(score) && targets[index] !== 0 && targets[index] !== IGNORED).sort()
  const total = negatives.length + positives.length
  const sorted = new Float32Array(total)
  const positivesBelow = new Uint32Array(total + 1)
  for (let index = 0, n = 0, p = 0; index < total; index += 1) {
    const takePositive = n >= negatives.length || (p < positives.length && positives[p] < negatives[n])
    sorted[index] = takePositive ? positives[p++] : negatives[n++]
    positivesBelow[index + 1] = p
  }
  return { sorted, positivesBelow }
}

/** How many sorted scores are below `threshold`: the first index whose score is >= threshold. */
export function countBelow(curve: ThresholdCurve, threshold: number): number {
  let low = 0
  let high = curve.sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (curve.sorted[middle] < threshold) low = middle + 1
    else high = middle
  }
  return low
}

/** Counts of the rule "score >= threshold". null without a mask. */
export function confusionAt(curve: ThresholdCurve, threshold: number): Confusion | null {
  if (!curve.positivesBelow) return null
  const total = curve.sorted.length
  const positives = curve.positivesBelow[total]
  const below = countBelow(curve, threshold)
  const missed = curve.positivesBelow[below]
  return {
    truePositives: positives - missed,
    falseNegatives: missed,
    trueNegatives: below - missed,
    falsePositives: total - below - (positives - missed),
  }
}

/** Precision, recall, F1 and IoU; a ratio without a denominator is 0 (torchmetrics). */
export function ratios(confusion: Confusion): { precision: number; recall: number; f1: number; iou: number } {
  const { truePositives: tp, falsePositives: fp, falseNegatives: fn } = confusion
  return {
    precision: divide(tp, tp + fp),
    recall: divide(tp, tp + fn),
    f1: divide(2 * tp, 2 * tp + fp + fn),
    iou: divide(tp, tp + fp + fn),
  }
}

/** Area under the ROC curve by average ranks (ties count half); null unless both classes occur. */
export function areaUnderRoc(curve: ThresholdCurve): number | null {
  const { sorted, positivesBelow } = curve
  if (!positivesBelow) return null
  const total = sorted.length
  const positives = positivesBelow[total]
  const negatives = total - positives
  if (positives === 0 || negatives === 0) return null
  let rankSum = 0
  for (let start = 0; start < total; ) {
    let end = start + 1
    while (end < total && sorted[end] === sorted[start]) end += 1
    rankSum += (positivesBelow[end] - positivesBelow[start]) * ((start + 1 + end) / 2)
    start = end
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** Average precision: sum over distinct thresholds of (recall step) x precision; null without positives. */
export function averagePrecision(curve: ThresholdCurve): number | null {
  const { sorted, positivesBelow } = curve
  if (!positivesBelow) return null
  const total = sorted.length
  const positives = positivesBelow[total]
  if (positives === 0) return null
  let sum = 0
  for (let end = total; end > 0; ) {
    let start = end - 1
    while (start > 0 && sorted[start - 1] === sorted[end - 1]) start -= 1
    const gained = positivesBelow[end] - positivesBelow[start]
    sum += (gained / positives) * ((positives - positivesBelow[start]) / (total - start))
    end = start
  }
  return sum
}

/** Everything `metrics.json` states, at one threshold. null without a mask. */
export function detectionMetrics(curve: ThresholdCurve, threshold: number): DetectionMetrics | null {
  const confusion = confusionAt(curve, threshold)
  if (!confusion) return null
  return { auc: areaUnderRoc(curve), averagePrecision: averagePrecision(curve), ...ratios(confusion), threshold, confusion }
}

function divide(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator
}
