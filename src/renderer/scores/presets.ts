import type { ThresholdCurve } from '../../shared/threshold-curve'

/** Thresholds that the scores themselves propose; null where one is not defined. float32 numbers. */
export interface ThresholdProposals {
  bestF1: number | null
  otsu: number | null
  largestNormal: number | null
}

export function proposals(curve: ThresholdCurve): ThresholdProposals {
  return { bestF1: bestF1(curve), otsu: otsu(curve), largestNormal: aboveLargestNormal(curve) }
}

/** The score at which F1 is largest; the highest of equals. null unless the mask marks an anomalous scored pixel. */
export function bestF1(curve: ThresholdCurve): number | null {
  const { sorted, positivesBelow } = curve
  const total = sorted.length
  const positives = positivesBelow?.[total] ?? 0
  if (!positivesBelow || positives === 0) return null
  let best = -1
  let threshold = sorted[total - 1]
  for (let end = total; end > 0; ) {
    const start = startOfEquals(sorted, end - 1)
    const found = positives - positivesBelow[start]
    const flagged = total - start
    const f1 = (2 * found) / (flagged + positives)
    if (f1 > best) {
      best = f1
      threshold = sorted[start]
    }
    end = start
  }
  return threshold
}

/**
 * The split with the largest variance between both groups (N. Otsu, 1979), over the scores themselves
 * instead of a histogram. null unless there are two different scores.
 */
export function otsu(curve: ThresholdCurve): number | null {
  const { sorted } = curve
  const total = sorted.length
  if (total === 0 || sorted[0] === sorted[total - 1]) return null
  // Sums about the first score: large offsets cost no digits.
  const origin = sorted[0]
  let sum = 0
  for (let index = 0; index < total; index += 1) sum += sorted[index] - origin
  let below = 0
  let best = -1
  let threshold = sorted[total - 1]
  for (let index = 1; index < total; index += 1) {
    below += sorted[index - 1] - origin
    if (sorted[index] === sorted[index - 1]) continue
    const difference = below / index - (sum - below) / (total - index)
    const between = (index / total) * ((total - index) / total) * difference * difference
    if (between > best) {
      best = between
      threshold = sorted[index]
    }
  }
  return threshold
}

/** The next float32 above every normal score: no normal pixel is flagged. null unless the mask leaves a normal scored pixel. */
export function aboveLargestNormal(curve: ThresholdCurve): number | null {
  const { sorted, positivesBelow } = curve
  if (!positivesBelow) return null
  for (let index = sorted.length - 1; index >= 0; index -= 1) {
    if (positivesBelow[index + 1] === positivesBelow[index]) return nextFloat32(sorted[index])
  }
  return null
}

/** The smallest float32 larger than `value`. */
export function nextFloat32(value: number): number {
  const float = new Float32Array([value])
  const bits = new Int32Array(float.buffer)
  if (float[0] === 0) bits[0] = 1
  else bits[0] += float[0] > 0 ? 1 : -1
  return float[0]
}

function startOfEquals(sorted: Float32Array, last: number): number {
  let start = last
  while (start > 0 && sorted[start - 1] === sorted[last]) start -= 1
  return start
}
