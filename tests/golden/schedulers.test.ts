import { describe, expect, it } from 'vitest'
import type { PlateauSettings, SchedulerSettings } from '../../src/engine/pipeline/trainer'
import { startSchedule, stepSchedule } from '../../src/engine/training/schedules'
import { goldenCases } from './read-vectors'
import { runsCase } from './suite'

interface Case {
  name: string
  config: { name: string; mode?: 'min' | 'max'; factor?: number; patience?: number; threshold?: number; threshold_mode?: 'rel' | 'abs'; cooldown?: number; min_lr?: number; t_max?: number; step_size?: number; gamma?: number }
  lr: number
  max_epochs: number
  metrics_per_epoch: (number | string)[] | null
  lr_before_epoch: number[]
}

// Defaults of the reference's create_scheduler, which the repository dialect fills in.
function settingsOf({ config, max_epochs }: Case): SchedulerSettings {
  const lowest = config.min_lr ?? 1e-6
  switch (config.name) {
    case 'cosine':
      return { name: 'cosine', epochs: config.t_max ?? max_epochs, lowest }
    case 'step':
      return { name: 'step', every: config.step_size ?? 1, factor: config.gamma ?? 0.1 }
    case 'exponential':
      return { name: 'exponential', factor: config.gamma ?? 0.99 }
    default: {
      const plateau: PlateauSettings = {
        name: 'reduce_on_plateau', monitor: 'watched', mode: config.mode ?? 'min', factor: config.factor ?? 0.1, patience: config.patience ?? 10,
        threshold: config.threshold ?? 1e-4, thresholdMode: config.threshold_mode ?? 'rel', cooldown: config.cooldown ?? 0, lowest, eps: 1e-8,
      }
      return plateau
    }
  }
}

const cases = goldenCases<Case>('schedulers').filter(({ name }) => name !== 'errors')

describe('learning-rate schedules against torch.optim.lr_scheduler', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', (name, one) => {
    runsCase('schedulers', name)
    const settings = settingsOf(one)
    const rates = [one.lr]
    let state = startSchedule(one.lr)
    for (let epoch = 1; epoch < one.lr_before_epoch.length; epoch += 1) {
      const watched = one.metrics_per_epoch ? Number(one.metrics_per_epoch[epoch - 1]) : null
      // Through JSON, as the checkpoint keeps it.
      state = JSON.parse(JSON.stringify(stepSchedule(settings, one.lr, state, watched))) as typeof state
      rates.push(state.learningRate)
    }
    rates.forEach((rate, epoch) => expect(Math.abs(rate - one.lr_before_epoch[epoch])).toBeLessThanOrEqual(1e-12 * one.lr))
    expect(rates).toHaveLength(one.lr_before_epoch.length)
  })

  it('keeps the rate when it is fixed', () => {
    expect(stepSchedule({ name: 'fixed' }, 0.01, startSchedule(0.01), null)).toMatchObject({ epoch: 1, learningRate: 0.01 })
  })
})
