import type { RunEntry } from '../../../shared/contract'
import { EPOCH_CURVES } from '../../texts/training'

/** The epoch that became the pipeline, where the trainer chose one; else the one with the lowest loss, once there are two. */
export function bestEpoch({ epochs, fit }: Pick<RunEntry, 'epochs' | 'fit'>): { epoch: number; words: string } | null {
  if (fit?.checkpoints) return { epoch: fit.checkpoints.restored, words: EPOCH_CURVES.kept(fit.checkpoints.restored, fit.checkpoints.monitor) }
  const validated = epochs.some(({ validationLoss }) => validationLoss !== null)
  const lossOf = ({ loss, validationLoss }: RunEntry['epochs'][number]): number => (validated ? (validationLoss ?? Infinity) : loss)
  if (epochs.length < 2) return null
  const best = epochs.reduce((least, record) => (lossOf(record) < lossOf(least) ? record : least))
  return { epoch: best.epoch, words: EPOCH_CURVES.lowest(best.epoch, validated ? EPOCH_CURVES.lowestOf.validation : EPOCH_CURVES.lowestOf.training) }
}
