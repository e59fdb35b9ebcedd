import { describe, expect, it } from 'vitest'
import { decodeModelMessage, encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import type { ModelMessage } from '../../src/engine/onnx/messages/schema'
import { initialOptimizerState, momentCount, optimizerStep } from '../../src/engine/onnx/optimizer'
import type { OptimizerSettings } from '../../src/engine/onnx/optimizer'
import { decodeOptimizerModel, encodeOptimizerModel } from '../../src/engine/onnx/optimizer-model'

const adamw: OptimizerSettings = { algorithm: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }

describe('optimizer_model.onnx', () => {
  it('is what the training runtime checks it for', () => {
    const { graph, opset_import: opsets } = decodeModelMessage(encodeOptimizerModel(adamw))
    expect(graph?.input?.map(({ name }) => name)).toEqual(['learning_rate', 'step', 'params', 'gradients', 'first_order_moments', 'second_order_moments'])
    expect(graph?.input?.map(({ type }) => type?.tensor_type?.elem_type ?? `sequence of ${type?.sequence_type?.elem_type?.tensor_type?.elem_type}`)).toEqual([1, 7, ...Array.from({ length: 4 }, () => 'sequence of 1')])
    expect(graph?.output?.map(({ name, type }) => [name, type?.tensor_type?.elem_type])).toEqual([['updated_flag', 9]])
    expect(graph?.node).toHaveLength(1)
    expect(graph?.node?.[0]).toMatchObject({ op_type: 'AdamWOptimizer', domain: 'com.microsoft' })
    expect(opsets?.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 17], ['com.microsoft', 1]])
  })

  it.each<OptimizerSettings>([
    adamw,
    { algorithm: 'adamw', beta1: 0, beta2: 0.98765, epsilon: 1e-6, weightDecay: 0 },
    { ...adamw, decaysLast: true },
    { ...adamw, decaysLast: true, uncorrected: true },
    { algorithm: 'adam', beta1: 0.85, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 },
    { algorithm: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
    { algorithm: 'sgd', momentum: 0, weightDecay: 0 },
  ])('gives the decimals back that were meant: %o', (settings) => {
    expect(decodeOptimizerModel(encodeOptimizerModel(settings), 'optimizer_model.onnx')).toEqual(settings)
  })

  const changed = (change: (message: ModelMessage) => void): Uint8Array => {
    const message = decodeModelMessage(encodeOptimizerModel(adamw))
    change(message)
    return encodeModelMessage(message)
  }
  const node = (message: ModelMessage) => message.graph?.node?.[0] as object

  it.each<[string, Uint8Array, RegExp]>([
    ['cut off', encodeOptimizerModel(adamw).slice(0, 100), /not a complete ONNX model/],
    ['something else', Uint8Array.from({ length: 64 }, (_, at) => at), /ONNX model/],
    ['another algorithm', changed((message) => Object.assign(node(message), { op_type: 'SGDOptimizerV2' })), /holds com\.microsoft\.SGDOptimizerV2; one AdamWOptimizer is expected/],
    ['no algorithm', changed((message) => Object.assign(message.graph as object, { node: [] })), /holds 0 operators; one AdamWOptimizer is expected/],
    ['mode 0 without the correction, which the training runtime refuses', changed((message) => Object.assign(node(message), { attribute: [{ name: 'correct_bias', i: 0, type: 2 }] })), /states adam_mode 0 and correct_bias 0/],
    ['an unknown order of decay', changed((message) => Object.assign(node(message), { attribute: [{ name: 'adam_mode', i: 2, type: 2 }] })), /states adam_mode 2 and correct_bias 1; the training runtime knows/],
  ])('refuses %s', (_, bytes, message) => {
    let caught: unknown
    try {
      decodeOptimizerModel(bytes, 'optimizer_model.onnx')
    } catch (error) {
      caught = error
    }
    expect(caught).toMatchObject({ name: 'CuvetteError', code: 'bad-artifact', path: 'optimizer_model.onnx', message: expect.stringMatching(message) })
  })
})

describe('a step', () => {
  it('leaves a parameter without a gradient alone, and lets one with a zero gradient decay', () => {
    const parameters = new Map([['a', Float32Array.of(1)], ['b', Float32Array.of(1)]])
    const state = initialOptimizerState()
    optimizerStep({ ...adamw, weightDecay: 0.5 }, state, 0.1, parameters, new Map([['b', Float32Array.of(0)]]))
    expect(parameters.get('a')).toEqual(Float32Array.of(1))
    expect(parameters.get('b')).toEqual(Float32Array.of(0.95))
    expect([...state.moments.keys()]).toEqual(['b'])
    expect(state.step).toBe(1)
  })

  it('keeps the moments that the algorithm has', () => {
    expect([adamw, { algorithm: 'sgd' as const, momentum: 0.9, weightDecay: 0 }, { algorithm: 'sgd' as const, momentum: 0, weightDecay: 0 }].map(momentCount)).toEqual([2, 1, 0])
  })

  it('continues from a state as if it had never stopped', () => {
    const gradient = (step: number): Map<string, Float32Array> => new Map([['p', Float32Array.of(Math.sin(step), 1 / (step + 1))]])
    for (const settings of [adamw, { algorithm: 'sgd' as const, momentum: 0.9, weightDecay: 0.01 }]) {
      const through = new Map([['p', Float32Array.of(0.5, -2)]])
      const halves = new Map([['p', Float32Array.of(0.5, -2)]])
      const state = initialOptimizerState()
      for (let step = 0; step < 6; step += 1) optimizerStep(settings, state, 0.01, through, gradient(step))
      const before = initialOptimizerState()
      for (let step = 0; step < 3; step += 1) optimizerStep(settings, before, 0.01, halves, gradient(step))
      const after = { step: before.step, moments: new Map([...before.moments].map(([name, moments]) => [name, moments.map((moment) => moment.slice())])) }
      for (let step = 3; step < 6; step += 1) optimizerStep(settings, after, 0.01, halves, gradient(step))
      expect(halves).toEqual(through)
    }
  })
})
