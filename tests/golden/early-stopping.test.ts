import { describe, expect, it } from 'vitest'
import type { StoppingSettings } from '../../src/engine/pipeline/trainer'
import { startEarlyStopping, stepEarlyStopping } from '../../src/engine/training/early-stopping'
import { goldenCases } from './read-vectors'
import { runsCase } from './suite'

interface Case {
  name: string
  config: { monitor: string; patience: number; mode?: 'min' | 'max'; min_delta?: number; stopping_threshold?: number; divergence_threshold?: number }
  sequence: { value: number | string; should_stop: boolean; wait_count: number; best: number }[]
}

describe('early stopping against PyTorch Lightning', () => {
  it.each(goldenCases<Case>('early_stopping').map((one) => [one.name, one] as const))('%s', (name, { config, sequence }) => {
    runsCase('early_stopping', name)
    const settings: StoppingSettings = {
      monitor: config.monitor, mode: config.mode ?? 'min', patience: config.patience, minDelta: config.min_delta ?? 0, checkFinite: true,
      stoppingThreshold: config.stopping_threshold ?? null, divergenceThreshold: config.divergence_threshold ?? null,
    }
    let state = startEarlyStopping()
    for (const { value, should_stop, wait_count, best } of sequence) {
      state = stepEarlyStopping(settings, JSON.parse(JSON.stringify(state)) as typeof state, Number(value))
      expect({ stop: state.reason !== null, waited: state.waited, best: state.best }).toEqual({ stop: should_stop, waited: wait_count, best })
    }
  })

  it('says why in one sentence', () => {
    const settings: StoppingSettings = { monitor: 'val_loss', mode: 'min', patience: 1, minDelta: 0, checkFinite: true, stoppingThreshold: null, divergenceThreshold: null }
    const stopped = stepEarlyStopping(settings, stepEarlyStopping(settings, startEarlyStopping(), 1), 2)
    expect(stopped.reason).toBe('Training ended because val_loss did not improve on 1 for 1 epoch.')
  })
})
