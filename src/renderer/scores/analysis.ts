import type { ThresholdCurve } from '../../shared/threshold-curve'
import { areaUnderRoc, averagePrecision, thresholdCurve } from '../../shared/threshold-curve'
import type { OperatingPoints } from './operating-points'
import { operatingPoints } from './operating-points'
import type { ThresholdProposals } from './presets'
import { proposals } from './presets'

/** Everything that is computed once of a run's scores, so that dragging a threshold costs one binary search. */
export interface ScoreAnalysis {
  curve: ThresholdCurve
  /** Every finite score, ascending: those of ignored pixels too, which rules of deciders do not leave out. */
  all: Float32Array
  auc: number | null
  averagePrecision: number | null
  /** null unless there are two classes. */
  points: OperatingPoints | null
  proposals: ThresholdProposals
}

/** scores [N], mask [N] or null: class 0 is normal, 255 is ignored, every other class anomalous. */
export function analyse(scores: Float32Array, mask: Uint8Array | null): ScoreAnalysis {
  const curve = thresholdCurve(scores, mask)
  return { curve, all: allSorted(scores, curve), auc: areaUnderRoc(curve), averagePrecision: averagePrecision(curve), points: operatingPoints(curve), proposals: proposals(curve) }
}

/** The same array where no pixel is ignored. */
function allSorted(scores: Float32Array, curve: ThresholdCurve): Float32Array {
  const finite = scores.reduce((count, score) => count + (Number.isFinite(score) ? 1 : 0), 0)
  return finite === curve.sorted.length ? curve.sorted : thresholdCurve(scores, null).sorted
}
