import { describe, expect, it } from 'vitest'
import { decodeOptimizerModel, encodeOptimizerModel } from '../../src/engine/onnx/optimizer-model'
import { ADAM_DEFAULTS, clipGlobalNorm, clipValues, initialOptimizerState, optimizerStep } from '../../src/engine/onnx/optimizer'
import type { Numbers, OptimizerSettings } from '../../src/engine/onnx/optimizer'
import { goldenCases } from './read-vectors'
import { runsCase } from './suite'

interface Vector {
  shape: number[]
  data: number[]
}
interface Step {
  grad_norm_preclip: number | null
  clipped_grads: Vector[] | null
  params: Vector[]
}
interface Case {
  name: string
  config: { name: string; lr: number; weight_decay?: number; betas?: [number, number]; momentum?: number | null }
  gradient_clip_val: number | null
  init_params: Vector[]
  grads_per_step: Vector[][]
  log: Step[]
  log_f64: Step[]
}

function settingsOf({ name, weight_decay: weightDecay = 0, betas, momentum }: Case['config']): OptimizerSettings {
  const algorithm = name.toLowerCase()
  // The reference's default momentum is 0.9; null means none.
  if (algorithm === 'sgd') return { algorithm, momentum: momentum === undefined ? 0.9 : (momentum ?? 0), weightDecay }
  if (algorithm !== 'adamw' && algorithm !== 'adam') throw new Error(`No optimizer ${name}`)
  return { algorithm, beta1: betas?.[0] ?? ADAM_DEFAULTS.beta1, beta2: betas?.[1] ?? ADAM_DEFAULTS.beta2, epsilon: ADAM_DEFAULTS.epsilon, weightDecay }
}

function play(golden: Case, settings: OptimizerSettings, numbers: (data: number[]) => Numbers, log: Step[], tolerance: number): void {
  const named = (vectors: Vector[]): Map<string, Numbers> => new Map(vectors.map(({ data }, index) => [String(index), numbers(data)]))
  const close = (actual: Map<string, Numbers>, expected: Vector[]): void =>
    expected.forEach(({ data }, index) => data.forEach((value, at) => {
      const found = actual.get(String(index))?.[at] ?? NaN
      expect(Math.abs(found - value), `parameter ${index}, element ${at}: ${found} for ${value}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(value)))
    }))
  const parameters = named(golden.init_params)
  const state = initialOptimizerState()
  golden.grads_per_step.forEach((vectors, step) => {
    const gradients = named(vectors)
    if (golden.gradient_clip_val !== null) {
      const norm = clipGlobalNorm(gradients, golden.gradient_clip_val)
      const expected = log[step].grad_norm_preclip
      expect(expected).not.toBeNull()
      expect(Math.abs(norm - (expected as number))).toBeLessThanOrEqual(tolerance * Math.max(1, norm))
    }
    if (log[step].clipped_grads) close(gradients, log[step].clipped_grads)
    optimizerStep(settings, state, golden.config.lr, parameters, gradients)
    close(parameters, log[step].params)
  })
  expect(state.step).toBe(golden.grads_per_step.length)
}

describe('clipping by value', () => {
  it('cuts every element at the limit, as clip_grad_value_ does', () => {
    const gradients = new Map([['a', Float64Array.of(-3, -0.5, 0, 2)], ['b', Float64Array.of(1.0001)]])
    clipValues(gradients, 1)
    expect([...gradients.values()].map((values) => [...values])).toEqual([[-1, -0.5, 0, 1], [1]])
  })
})

describe('optimizers against the reference', () => {
  it.each(goldenCases<Case>('optimizers'))('$name', (golden) => {
    runsCase('optimizers', golden.name)
    // What the file states is what runs: the settings go through optimizer_model.onnx.
    const settings = decodeOptimizerModel(encodeOptimizerModel(settingsOf(golden.config)), 'optimizer_model.onnx')
    expect(golden.grads_per_step.length).toBeGreaterThan(0)
    play(golden, settings, (data) => Float64Array.from(data, Math.fround), golden.log_f64, 1e-14)
    // Stored in float32, against the exact float64 course and against the reference's own float32 course.
    play(golden, settings, (data) => Float32Array.from(data), golden.log_f64, 3e-7)
    play(golden, settings, (data) => Float32Array.from(data), golden.log, 1e-6)
  })
})
