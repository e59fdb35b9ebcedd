import { expect } from 'vitest'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { oneNode, refuseIfBad } from './documents'
import { repositoryParameters, runCase, runNode, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface Table {
  tau_start: number
  tau_end: number
  max_epochs: number
  epochs: number[]
  tau_code: number[]
  tau_seed_formula: number[]
  tau_val_stage: number
}

interface ConcreteCase extends NodeCase {
  tables?: Table[]
  train_mode?: boolean
  context?: { stage: string; epoch: number } | null
  tau?: number
  uniform_u?: StoredTensor
  selected_bands?: StoredTensor
  zeros_selected?: StoredTensor
  one_hot?: StoredTensor
  selection_weights_det?: StoredTensor
  selection_weights_nondet?: StoredTensor
  logits?: StoredTensor
  data?: StoredTensor
  rgb?: StoredTensor
  logits_init?: StoredTensor
}

const type = typeNamed('ConcreteChannelMixer')

goldenSuite<ConcreteCase>('concrete_mixer', async (one) => {
  if (one.name === 'errors') return errors(one)
  if (one.tables) return one.tables.forEach(schedule)
  if (one.logits) return picked(one)
  const parameters = repositoryParameters(type, one.hparams)
  // The reference samples while a module trains in the stage train; a node here is in one stage.
  const trains = one.train_mode === true && one.context?.stage === 'train'
  if (trains) expect(Math.abs((type.schedule?.(parameters, one.context?.epoch ?? NaN).tau ?? NaN) / (one.tau ?? NaN) - 1)).toBeLessThan(1e-12)
  const found = await runCase('ConcreteChannelMixer', one, trains ? { stage: 'train', settings: { tau: one.tau ?? NaN }, noise: { u: tensor(one.uniform_u as StoredTensor) } } : {})
  expectCase(found, one, { outputs: 1e-5, gradients: 1e-5 })
  if (one.selected_bands) expect(numbers(found.outputs.selected_bands)).toEqual(one.selected_bands.data)
  const { tau_start: start, tau_end: end } = parameters as Record<string, number>
  for (const [stored, tau] of [[one.selection_weights_det, Math.sqrt(start * end)], [one.selection_weights_nondet, end]] as const) {
    if (!stored) continue
    const soft = await runCase('ConcreteChannelMixer', { ...one, probe: undefined }, { parameters: { ...parameters, use_hard_inference: false, tau_end: tau } })
    expectClose(soft.outputs.selection_weights, stored, 1e-5)
  }
})

function schedule({ epochs, tau_code: code, tau_seed_formula: specified, tau_val_stage: outside, ...hparams }: Table): void {
  for (const [annealing, expected] of [['e/(E-1)', code], ['e/E', specified]] as const) {
    epochs.forEach((epoch, at) => {
      const tau = type.schedule?.({ ...repositoryParameters(type, hparams), annealing }, epoch).tau ?? NaN
      expect(Math.abs(tau / expected[at] - 1), `${annealing}, epoch ${epoch} of ${hparams.max_epochs}`).toBeLessThan(1e-12)
    })
  }
  expect(repositoryParameters(type, hparams).tau_end).toBe(outside)
}

/** Hard selection from given logits. */
async function picked(one: ConcreteCase): Promise<void> {
  const logits = tensor(one.logits as StoredTensor)
  const parameters = repositoryParameters(type, { input_channels: logits.shape[1], output_channels: logits.shape[0] })
  const data: Tensor = one.data ? tensor(one.data) : float32([1, 1, 1, logits.shape[1]], new Float32Array(logits.shape[1]))
  const { outputs } = await runNode({ type, parameters, inputs: { data }, state: { logits } })
  if (one.rgb) expectClose(outputs.rgb, one.rgb, 1e-6)
  if (one.selected_bands) expect(numbers(outputs.selected_bands)).toEqual(one.selected_bands.data)
  if (one.one_hot) expectClose(outputs.selection_weights, one.one_hot, 0)
  if (one.zeros_selected) {
    const zeros = float32(logits.shape, new Float32Array(logits.data.length))
    expect(numbers((await runNode({ type, parameters, inputs: { data }, state: { logits: zeros } })).outputs.selected_bands)).toEqual(one.zeros_selected.data)
  }
}

async function errors(one: ConcreteCase): Promise<void> {
  const selector = (config: Record<string, unknown>) => () => refuseIfBad({ ...withScores(config) }, { channels: 4, wavelengthsNm: null })
  await selector({})()
  await expectErrors('concrete_mixer', one, {
    out0: selector({ output_channels: 0 }),
    in0: selector({ input_channels: 0 }),
    tau0: selector({ tau_start: 0 }),
    tau_neg: selector({ tau_end: -1 }),
    channel_mismatch: selector({ input_channels: 5 }),
  })
  const expected = one.logits_init as StoredTensor
  const [rows, columns] = expected.shape
  const initial = type.initialise?.(repositoryParameters(type, { input_channels: columns, output_channels: rows }), { uniform: () => NaN, normal: () => NaN, integer: () => NaN })
  expectClose(initial?.logits as Tensor, expected, 0)
  expect(type.fit).toBeUndefined()
}

function withScores(config: Record<string, unknown>) {
  const { nodes, connections } = oneNode('ConcreteBandSelector', config)
  return { nodes: { ...nodes, rx: { type: 'RXGlobal' } }, connections: [...connections, ['node.rgb', 'rx.data'] as [string, string]] }
}
