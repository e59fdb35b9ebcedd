import type { NodeDescription } from '../../shared/nodes'
import type { DocumentNode } from './document'
import { isMapping } from './yaml-source'

/** Stages of the reference in which a node may run. */
const STAGES: readonly string[] = ['train', 'val', 'test', 'inference']

/** The stages that the reference stored with a node (`execution_stages`); null: all. */
export function stagesOf({ extra }: DocumentNode): string[] | null {
  const stated = extra.execution_stages ?? (isMapping(extra.ignored_hparams) ? extra.ignored_hparams.execution_stages : null) ?? null
  const stages = stated === null ? ['always'] : (Array.isArray(stated) ? stated : [stated]).map(String)
  return stages.includes('always') ? null : stages
}

/**
 * Why a node cannot be run in these stages alone, as a clause; null when it can: metrics are measured in validation or not,
 * losses run in training and validation, and every other node wherever its outputs are needed.
 */
export function refusedStages(stages: readonly string[], role: NodeDescription['role']): string | null {
  const unknown = stages.find((stage) => !STAGES.includes(stage))
  if (unknown !== undefined) return `names the stage ${unknown}; the stages are always, train, val, test and inference`
  const needed = role === 'metric' ? [] : role === 'loss' ? ['train', 'val'] : STAGES
  const missing = needed.filter((stage) => !stages.includes(stage))
  if (missing.length === 0) return null
  return `is not to run in the stage${missing.length === 1 ? '' : 's'} ${missing.join(', ')}, but here a ${role} runs wherever its outputs are needed; take execution_stages out of it`
}
