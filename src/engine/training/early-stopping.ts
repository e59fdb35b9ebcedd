import type { StoppingSettings } from '../pipeline/trainer'

/** Plain JSON, kept in the checkpoint. */
export interface EarlyStoppingState {
  best: number | null
  waited: number
  /** The sentence that says why training ended; null while it goes on. */
  reason: string | null
}

export function startEarlyStopping(): EarlyStoppingState {
  return { best: null, waited: 0, reason: null }
}

/** State after one more epoch. Improvement is strict; a new best number restarts the waiting. */
export function stepEarlyStopping(settings: StoppingSettings, state: EarlyStoppingState, watched: number): EarlyStoppingState {
  const value = Math.fround(watched)
  const better = settings.mode === 'min' ? (a: number, b: number) => a < b : (a: number, b: number) => a > b
  const { monitor, stoppingThreshold, divergenceThreshold } = settings
  if (settings.checkFinite && !Number.isFinite(value)) {
    return { ...state, reason: `Training ended because ${monitor} is ${value}.` }
  }
  if (stoppingThreshold !== null && better(value, stoppingThreshold)) {
    return { ...state, reason: `Training ended because ${monitor} = ${value} is better than ${stoppingThreshold}.` }
  }
  if (divergenceThreshold !== null && better(divergenceThreshold, value)) {
    return { ...state, reason: `Training ended because ${monitor} = ${value} is worse than ${divergenceThreshold}.` }
  }
  const margin = settings.mode === 'min' ? settings.minDelta : -settings.minDelta
  if (better(Math.fround(value + margin), state.best ?? (settings.mode === 'min' ? Infinity : -Infinity))) {
    return { best: value, waited: 0, reason: null }
  }
  const waited = state.waited + 1
  const reason = waited >= settings.patience
    ? `Training ended because ${monitor} did not improve on ${state.best} for ${waited} epoch${waited === 1 ? '' : 's'}.`
    : null
  return { ...state, waited, reason }
}
