import type { PlateauSettings, SchedulerSettings } from '../pipeline/trainer'

/** All that a schedule remembers; plain JSON, kept in the checkpoint. */
export interface ScheduleState {
  epoch: number
  learningRate: number
  best: number | null
  badEpochs: number
  cooldown: number
}

/** State before the first epoch. */
export function startSchedule(base: number): ScheduleState {
  return { epoch: 0, learningRate: base, best: null, badEpochs: 0, cooldown: 0 }
}

/**
 * State after one more finished epoch. `base` is the learning rate of the first epoch; `watched` the
 * monitored number of that epoch (reduce_on_plateau only; NaN and null count as no improvement).
 */
export function stepSchedule(settings: SchedulerSettings, base: number, state: ScheduleState, watched: number | null): ScheduleState {
  const epoch = state.epoch + 1
  switch (settings.name) {
    case 'fixed':
      return { ...state, epoch, learningRate: base }
    case 'cosine':
      return { ...state, epoch, learningRate: settings.lowest + ((base - settings.lowest) * (1 + Math.cos((Math.PI * epoch) / settings.epochs))) / 2 }
    case 'step':
      return { ...state, epoch, learningRate: base * settings.factor ** Math.floor(epoch / settings.every) }
    case 'exponential':
      return { ...state, epoch, learningRate: base * settings.factor ** epoch }
    case 'reduce_on_plateau':
      return stepPlateau(settings, { ...state, epoch }, watched ?? Number.NaN)
  }
}

/** Learning rate in epoch 1, 2, ... `epochs`; null where it follows a watched number. */
export function learningRates(settings: SchedulerSettings, base: number, epochs: number): number[] | null {
  if (settings.name === 'reduce_on_plateau') return null
  let state = startSchedule(base)
  return Array.from({ length: epochs }, () => {
    const { learningRate } = state
    state = stepSchedule(settings, base, state, null)
    return learningRate
  })
}

function stepPlateau(settings: PlateauSettings, state: ScheduleState, watched: number): ScheduleState {
  const next = { ...state }
  if (improves(settings, watched, state.best ?? (settings.mode === 'min' ? Infinity : -Infinity))) {
    next.best = watched
    next.badEpochs = 0
  } else {
    next.badEpochs += 1
  }
  if (next.cooldown > 0) {
    next.cooldown -= 1
    next.badEpochs = 0
  }
  if (next.badEpochs > settings.patience) {
    const lowered = Math.max(next.learningRate * settings.factor, settings.lowest)
    if (next.learningRate - lowered > settings.eps) next.learningRate = lowered
    next.cooldown = settings.cooldown
    next.badEpochs = 0
  }
  return next
}

function improves(settings: PlateauSettings, watched: number, best: number): boolean {
  const { mode, threshold, thresholdMode } = settings
  if (mode === 'min') return watched < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold)
  return watched > (thresholdMode === 'rel' ? best * (1 + threshold) : best + threshold)
}
