import type { ThresholdCurve } from '../../shared/threshold-curve'
import { areaUnderRoc, averagePrecision, thresholdCurve } from '../../shared/threshold-curve'
import type { ThresholdProposals } from './presets'
import { proposals } from './presets'

/** Everything that is computed once of a run's scores, so that dragging a threshold costs one binary search. */
export interface ScoreAnalysis {
  curve: ThresholdCurve
  auc: number | null
  averagePrecision: number | null
  proposals: ThresholdProposals
}

/** scores [N], mask [N] or null: class 0 is normal, 255 is ignored, every other class anomalous. */
export function analyse(scores: Float32Array, mask: Uint8Array | null): ScoreAnalysis {
  const curve = thresholdCurve(scores, mask)
  return { curve, auc: areaUnderRoc(curve), averagePrecision: averagePrecision(curve), proposals: proposals(curve) }
}
