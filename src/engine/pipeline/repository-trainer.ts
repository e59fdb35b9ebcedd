import type { Complaints } from './parts'
import { isMapping, shown } from './yaml-source'

/** The reference's own defaults, where they differ from ours. */
const defaults = { epochs: 100, seed: 42, shuffle: false, batch: { frames: 1 }, parameters: 'all' }

/**
 * The trainer section, in the keys of the short dialect, of a training run of the repository dialect: `training` with
 * or without an inner `trainer`, `loss_nodes`, `unfreeze_nodes`, `data.batch_size`. null when nothing is said of training.
 */
export function trainerFromRepository(run: Readonly<Record<string, unknown>>, complaints: Complaints): Record<string, unknown> | null {
  if (!isMapping(run.training)) return null
  // Version 0.5.0 nests most settings in `trainer`, later ones are flat.
  const training = { ...(isMapping(run.training.trainer) ? run.training.trainer : {}), ...run.training }
  const optimizer = isMapping(training.optimizer) ? training.optimizer : {}
  const scheduler = isMapping(training.scheduler) ? properScheduler(withoutNulls(training.scheduler)) : null
  warnOfTheRest(run, training, complaints)
  const batchSize = isMapping(run.data) ? run.data.batch_size : undefined
  return {
    ...defaults,
    ...withoutNulls({
      epochs: training.max_epochs,
      seed: training.seed,
      batch: batchSize === undefined ? undefined : { frames: batchSize },
      gradient_clip: clip(training),
      accumulate: training.accumulate_grad_batches,
      unfreeze: run.unfreeze_nodes,
      losses: run.loss_nodes,
      early_stopping: earlyStopping(training.callbacks),
      checkpoints: checkpoints(training.callbacks),
      restore: checkpoints(training.callbacks) && 'best',
    }),
    optimizer: { weight_decay: 0, ...withoutNulls(optimizer) },
    ...(scheduler && { scheduler: pick(scheduler, ['name', 'monitor', 'mode', 'factor', 'patience', 'threshold', 'threshold_mode', 'cooldown', 'min_lr', 'eps', 't_max', 'step_size', 'gamma']) }),
    ...(typeof training.check_val_every_n_epoch === 'number' && { validation: { every: training.check_val_every_n_epoch } }),
  }
}

/** The reference advertises a short name. */
function properScheduler(scheduler: Record<string, unknown>): Record<string, unknown> {
  return scheduler.name === 'plateau' ? { ...scheduler, name: 'reduce_on_plateau' } : scheduler
}

const FOLLOWED = ['trainer', 'seed', 'max_epochs', 'optimizer', 'scheduler', 'callbacks', 'gradient_clip_val', 'gradient_clip_algorithm', 'accumulate_grad_batches', 'check_val_every_n_epoch']
/** About the machine, about output, or about files that are written here in another way. */
const WITHOUT_EFFECT = ['accelerator', 'devices', 'default_root_dir', 'enable_progress_bar', 'enable_model_summary', 'enable_checkpointing', 'log_every_n_steps', 'num_sanity_val_steps', 'deterministic', 'benchmark', 'num_nodes', 'strategy', 'logger']
/** What is done here in any case. */
const AS_HERE: Readonly<Record<string, readonly unknown[]>> = { precision: ['32-true', '32', 32], val_check_interval: [1, null], min_epochs: [null, 1], max_steps: [-1, null], max_time: [null] }
const CALLBACKS_FOLLOWED = ['early_stopping', 'checkpoint', 'model_checkpoint', 'learning_rate_monitor']

/** Says of every setting that is read and not followed. */
function warnOfTheRest(run: Readonly<Record<string, unknown>>, training: Readonly<Record<string, unknown>>, complaints: Complaints): void {
  const keyOf = (key: string): string => (isMapping(run.training) && key in run.training ? `training.${key}` : `training.trainer.${key}`)
  for (const [key, value] of Object.entries(training)) {
    if (FOLLOWED.includes(key) || WITHOUT_EFFECT.includes(key) || AS_HERE[key]?.includes(value)) continue
    complaints.warn(`The training run states ${shown(value)} as ${key}, which is not followed here.`, keyOf(key))
  }
  const callbacks = isMapping(training.callbacks) ? withoutNulls(training.callbacks) : {}
  for (const [key, value] of Object.entries(callbacks)) {
    if (!CALLBACKS_FOLLOWED.includes(key)) complaints.warn(`The training run has the callback ${key}, which is not followed here.`, `${keyOf('callbacks')}.${key}`)
    if (Array.isArray(value) && value.length > 1) complaints.warn(`The training run has ${value.length} callbacks ${key}; only the first is followed here.`, `${keyOf('callbacks')}.${key}`)
  }
  if (Array.isArray(run.freeze_nodes) && run.freeze_nodes.length > 0) {
    complaints.warn(`The training run lists ${run.freeze_nodes.join(', ')} in freeze_nodes, which the reference implementation reads and never applies, and so it is here; a trainer section in the short dialect can freeze them.`, 'freeze_nodes')
  }
}

function clip({ gradient_clip_val: limit, gradient_clip_algorithm: algorithm }: Readonly<Record<string, unknown>>): unknown {
  return algorithm === 'value' && typeof limit === 'number' ? { value: limit } : limit
}

/** A model checkpoint with a monitor. -1 keeps all: as many as can be kept here. */
function checkpoints(callbacks: unknown): unknown {
  if (!isMapping(callbacks)) return undefined
  const written = callbacks.checkpoint ?? callbacks.model_checkpoint
  const [first] = Array.isArray(written) ? (written as unknown[]) : [written]
  if (!isMapping(first) || typeof first.monitor !== 'string' || first.save_top_k === 0) return undefined
  return withoutNulls({ monitor: first.monitor, mode: first.mode, keep: first.save_top_k === -1 ? 100 : (first.save_top_k ?? 1), last: first.save_last })
}

function earlyStopping(callbacks: unknown): unknown {
  if (!isMapping(callbacks)) return undefined
  const [first] = Array.isArray(callbacks.early_stopping) ? (callbacks.early_stopping as unknown[]) : [callbacks.early_stopping]
  return isMapping(first) ? pick(withoutNulls(first), ['monitor', 'mode', 'patience', 'min_delta', 'check_finite', 'stopping_threshold', 'divergence_threshold']) : undefined
}

/** Settings that are absent and settings that are null mean the default. */
function withoutNulls(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== null))
}

function pick(values: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => keys.includes(key)))
}
