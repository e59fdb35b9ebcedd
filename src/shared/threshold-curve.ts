import type { Confusion, DetectionMetrics } from './metrics'
import { bitsAt, bitsOf, isFiniteBits, orderOf, sortedOrders } from './ordered-bits'

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
  const bits = bitsOf(scores)
  const judged = targets ?? new Uint8Array(scores.length)
  const normal = new Uint32Array(scores.length)
  const anomalous = new Uint32Array(scores.length)
  let [negatives, positives] = [0, 0]
  for (let index = 0; index < bits.length; index += 1) {
    if (!isFiniteBits(bits[index]) || judged[index] === IGNORED) continue
    const order = orderOf(bits[index])
    if (judged[index] === 0) normal[negatives++] = order
    else anomalous[positives++] = order
  }
  return mergedCurve(sortedOrders(normal.subarray(0, negatives)), sortedOrders(anomalous.subarray(0, positives)), targets !== null)
}

function mergedCurve(negatives: Uint32Array, positives: Uint32Array, masked: boolean): ThresholdCurve {
  const total = negatives.length + positives.length
  const sorted = new Float32Array(total)
  const bits = bitsOf(sorted)
  const positivesBelow = masked ? new Uint32Array(total + 1) : null
  for (let index = 0, n = 0, p = 0; index < total; index += 1) {
    const takePositive = n >= negatives.length || (p < positives.length && positives[p] < negatives[n])
    bits[index] = bitsAt(takePositive ? positives[p++] : negatives[n++])
    if (positivesBelow) positivesBelow[index + 1] = p
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

/** Area under the ROC curve (ties count half); null unless both classes occur. */
export function areaUnderRoc(curve: ThresholdCurve): number | null {
  return tallied(curve, Infinity)?.areaUnderRoc ?? null
}

/** Average precision: sum over distinct thresholds of (recall step) x precision; null without positives. */
export function averagePrecision(curve: ThresholdCurve): number | null {
  return tallied(curve, Infinity)?.averagePrecision ?? null
}

function tallied(curve: ThresholdCurve, threshold: number): DetectionTally | null {
  const { sorted, positivesBelow } = curve
  if (!positivesBelow) return null
  const total = sorted.length
  const tally = new DetectionTally(positivesBelow[total], total - positivesBelow[total], threshold)
  for (let end = total; end > 0; ) {
    let start = end - 1
    while (start > 0 && sorted[start - 1] === sorted[end - 1]) start -= 1
    const positives = positivesBelow[end] - positivesBelow[start]
    tally.add(sorted[start], positives, end - start - positives)
    end = start
  }
  return tally
}

/**
 * Quality of scores that are told from the highest down, each distinct one once with the anomalous and normal pixels that
 * have it: the same numbers however many scores there are in memory at a time.
 */
export class DetectionTally {
  private positivesAbove = 0
  private allAbove = 0
  /** Pairs of an anomalous and a normal pixel in which the anomalous one scores higher; equal ones count half. */
  private pairs = 0
  private precisions = 0
  private truePositives = 0
  private falsePositives = 0

  /** How many pixels of each class there will be. */
  constructor(
    private readonly positives: number,
    private readonly negatives: number,
    private readonly threshold: number,
  ) {}

  add(score: number, positives: number, negatives: number): void {
    this.pairs += negatives * (this.positivesAbove + positives / 2)
    this.positivesAbove += positives
    this.allAbove += positives + negatives
    this.precisions += (positives / this.positives) * (this.positivesAbove / this.allAbove)
    if (score >= this.threshold) {
      this.truePositives += positives
      this.falsePositives += negatives
    }
  }

  get areaUnderRoc(): number | null {
    return this.positives === 0 || this.negatives === 0 ? null : this.pairs / (this.positives * this.negatives)
  }

  get averagePrecision(): number | null {
    return this.positives === 0 ? null : this.precisions
  }

  /** Everything `metrics.json` states, at the threshold. */
  get metrics(): DetectionMetrics {
    const { truePositives, falsePositives, positives, negatives, threshold } = this
    const confusion = { truePositives, falsePositives, trueNegatives: negatives - falsePositives, falseNegatives: positives - truePositives }
    return { auc: this.areaUnderRoc, averagePrecision: this.averagePrecision, ...ratios(confusion), threshold, confusion }
  }
}

/** Everything `metrics.json` states, at one threshold. null without a mask. */
export function detectionMetrics(curve: ThresholdCurve, threshold: number): DetectionMetrics | null {
  return tallied(curve, threshold)?.metrics ?? null
}

function divide(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator
}
