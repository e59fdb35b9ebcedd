import { isMapping } from './yaml-source'

/** The reference's own defaults, where they differ from ours. */
const defaults = { epochs: 100, seed: 42, shuffle: false, batch: { frames: 1 }, parameters: 'all' }

/**
 * The trainer section, in the keys of the short dialect, of a training run of the repository dialect: `training` with
 * or without an inner `trainer`, `loss_nodes`, `unfreeze_nodes`, `data.batch_size`. null when nothing is said of training.
 */
export function trainerFromRepository(run: Readonly<Record<string, unknown>>): Record<string, unknown> | null {
  if (!isMapping(run.training)) return null
  // Version 0.5.0 nests most settings in `trainer`, later ones are flat.
  const training = { ...(isMapping(run.training.trainer) ? run.training.trainer : {}), ...run.training }
  const optimizer = isMapping(training.optimizer) ? training.optimizer : {}
  const scheduler = isMapping(training.scheduler) ? withoutNulls(training.scheduler) : null
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
