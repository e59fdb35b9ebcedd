import type { ThresholdCurve } from '../../shared/threshold-curve'

/** What thresholds do, from the highest score down, thinned out for curves; the first flags nothing. */
export interface OperatingPoints {
  /** Scores at which the counts change; the first is above every score. */
  readonly thresholds: Float32Array
  readonly truePositives: Uint32Array
  readonly falsePositives: Uint32Array
  readonly positives: number
  readonly negatives: number
}

/** Steps of each class that a curve shows. */
const STEPS = 400

/** null unless the mask marks pixels of both classes that have a score. */
export function operatingPoints({ sorted, positivesBelow }: ThresholdCurve): OperatingPoints | null {
  const total = sorted.length
  const positives = positivesBelow?.[total] ?? 0
  const negatives = total - positives
  if (!positivesBelow || positives === 0 || negatives === 0) return null
  const thresholds: number[] = [Infinity]
  const [truePositives, falsePositives]: [number[], number[]] = [[0], [0]]
  let [lastTrue, lastFalse] = [0, 0]
  for (let end = total; end > 0; ) {
    let start = end - 1
    while (start > 0 && sorted[start - 1] === sorted[end - 1]) start -= 1
    const found = positives - positivesBelow[start]
    const wrong = total - start - found
    if (start === 0 || (found - lastTrue) * STEPS >= positives || (wrong - lastFalse) * STEPS >= negatives) {
      thresholds.push(sorted[start])
      truePositives.push(found)
      falsePositives.push(wrong)
      lastTrue = found
      lastFalse = wrong
    }
    end = start
  }
  return {
    thresholds: Float32Array.from(thresholds), truePositives: Uint32Array.from(truePositives), falsePositives: Uint32Array.from(falsePositives), positives, negatives,
  }
}

export type CurveKind = 'roc' | 'precision-recall'

/** Where counts lie on a curve, both parts from 0 to 1. null: precision without a flagged pixel is not defined. */
export function placeOn(kind: CurveKind, truePositives: number, falsePositives: number, { positives, negatives }: Pick<OperatingPoints, 'positives' | 'negatives'>): [number, number] | null {
  if (kind === 'roc') return [falsePositives / negatives, truePositives / positives]
  const flagged = truePositives + falsePositives
  return flagged === 0 ? null : [truePositives / positives, truePositives / flagged]
}

/** Index of the point that is nearest to a place on the curve. */
export function nearestPoint(points: OperatingPoints, kind: CurveKind, x: number, y: number): number {
  let [best, least] = [1, Infinity]
  for (let index = 1; index < points.thresholds.length; index += 1) {
    const place = placeOn(kind, points.truePositives[index], points.falsePositives[index], points)
    if (!place) continue
    const distance = (place[0] - x) ** 2 + (place[1] - y) ** 2
    if (distance < least) [best, least] = [index, distance]
  }
  return best
}

/** Index of the last point whose threshold is not below this one. */
export function pointAt(points: OperatingPoints, threshold: number): number {
  let [low, high] = [0, points.thresholds.length - 1]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (points.thresholds[middle] >= threshold) low = middle
    else high = middle - 1
  }
  return low
}

/** F1 and IoU at a point. */
export function overlapAt(points: OperatingPoints, index: number): { f1: number; iou: number } {
  const found = points.truePositives[index]
  const union = points.positives + points.falsePositives[index]
  return { f1: (2 * found) / (found + union), iou: found / union }
}
