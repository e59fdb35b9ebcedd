import type { RunEntry, RunStatus } from '../../../shared/contract'
import { ratio } from '../../format/numbers'

const STATUS: Record<RunStatus, string> = {
  running: 'Running', finished: 'Finished', stopped: 'Stopped', failed: 'Failed', interrupted: 'Interrupted',
}

/** The status, and what came out where there is something. */
export function runState(run: RunEntry): string {
  if (run.status === 'running' && run.epochsPlanned > 0 && run.epochs.length > 0) return `Running · ${run.epochs.length} of ${run.epochsPlanned}`
  return STATUS[run.status]
}

/** "AUC 0.953 · F1 0.61", or null without a mask. */
export function runQuality(run: RunEntry): string | null {
  if (!run.metrics) return null
  return `AUC ${ratio(run.metrics.auc)} · F1 ${ratio(run.metrics.f1)}`
}

/** The run whose folder this is: the folder has its id. */
export function runIdOf(folder: string): string {
  return folder.split(/[\\/]/).at(-1) ?? folder
}

export const STATUS_TONE: Record<RunStatus, string> = {
  running: 'accent', finished: '', stopped: 'warning', failed: 'danger', interrupted: 'warning',
}
