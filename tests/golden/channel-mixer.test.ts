import { expect } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import type { NodeState, Stage } from '../../src/engine/nodes/node'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { oneNode, refuseIfBad } from './documents'
import type { NodeRun } from './node-graph'
import { fitted, repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { alignedRows } from './rows'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface MixerCase extends NodeCase {
  train_mode?: boolean
  state_after_forward?: Record<string, StoredTensor>
  minmax_output?: StoredTensor
  conv0_weight?: StoredTensor
  conv0_bias?: StoredTensor
  ref_f64?: { components: StoredTensor }
  requires_initial_fit?: boolean | Record<string, boolean>
  stats?: Record<string, Record<string, { min: number; max: number; std: number }>>
  uniform_bounds?: Record<string, Record<string, number>>
}

const name = 'LearnableChannelMixer'
const type = typeNamed(name)

/** Without what is no float: the reference counts batches and uses the number nowhere. */
function floats(stored: Record<string, StoredTensor> = {}): Record<string, StoredTensor> {
  return Object.fromEntries(Object.entries(stored).filter(([, { dtype }]) => dtype === 'float32'))
}

function stageOf({ train_mode: trains, context }: MixerCase): Stage {
  if (trains) return 'train'
  return context?.stage === 'inference' ? 'inference' : 'validation'
}

goldenSuite<MixerCase>('channel_mixer', async (one) => {
  if (one.name === 'errors') return errors(one)
  if (one.stats) return initialValues(one)
  if (one.conv0_weight) return principalDirections(one)
  const plain = { ...one, init_state: floats(one.init_state) }
  if (one.name.endsWith('__seed_minmax')) return specified(plain)
  const found = await runCase(name, plain, { stage: stageOf(one) })
  const isMinMax = one.hparams?.inference_normalization === 'per_frame_minmax'
  expectMixed(found, plain, isMinMax ? 1e-4 : 1e-5)
  for (const [key, value] of Object.entries(floats(one.state_after_forward))) expectClose(found.next[key], value, 1e-5, key)
  if (!one.state_after_forward) expect(Object.keys(found.next)).toEqual([])
  // One value that is no number: the specification's normalisation spreads it over its image.
  if (one.minmax_output) {
    const parameters = { ...repositoryParameters(type, one.hparams), output_normalization: 'minmax' }
    expectClose((await runCase(name, plain, { parameters, stage: 'inference' })).outputs.rgb, one.minmax_output, 1e-4)
  }
  if (one.errors) await expectErrors('channel_mixer', one, {})
})

/**
 * Outputs, and gradients by the size of the largest of the case: what comes through a normalisation is a difference of sums
 * over all pixels, and for the bias right before it these sums cancel wholly. The float32 gradients of the reference have
 * rounding errors of their own, which its float64 gradients tell.
 */
function expectMixed(found: NodeRun, one: NodeCase, relative: number): void {
  expectCase(found, { ...one, grads: undefined, grads_f64: undefined }, { outputs: relative, gradients: NaN })
  for (const side of ['params', 'inputs'] as const) {
    const results = side === 'params' ? found.gradients : found.inputGradients
    const size = Object.values({ ...one.grads?.params, ...one.grads?.inputs }).flatMap(numbers).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    for (const [key, value] of Object.entries(one.grads?.[side] ?? {})) {
      const [rounded, exact] = [numbers(value), one.grads_f64 ? numbers(one.grads_f64[side][key]) : null]
      numbers(results[key]).forEach((gradient, at) => {
        const own = exact ? Math.abs(rounded[at] - exact[at]) : 0
        expect(Math.abs(gradient - rounded[at]) - own, `gradient of ${key}, element ${at}`).toBeLessThanOrEqual(relative * size)
        if (exact) expect(Math.abs(gradient - exact[at]), `gradient of ${key}, element ${at} (float64)`).toBeLessThanOrEqual(relative * size)
      })
    }
  }
}

/** Minima and maxima of every image, as the specification has it; in every stage. */
async function specified(one: MixerCase): Promise<void> {
  const parameters = { ...repositoryParameters(type, one.hparams), output_normalization: 'minmax' }
  const expected = { ...one, outputs: { rgb: (one.outputs as Record<string, StoredTensor>).rgb }, outputs_f64: undefined }
  const trained = Object.keys(one.grads?.params ?? {})
  const probe = one.probe && Object.fromEntries(Object.entries(one.probe.G).map(([port, stored]) => [port, tensor(stored)]))
  for (const stage of ['train', 'validation', 'inference'] as const) {
    expectMixed(await runCase(name, one, { parameters, stage, trained, probe }), expected, 1e-4)
  }
}

async function principalDirections(one: MixerCase): Promise<void> {
  const parameters = repositoryParameters(type, one.hparams)
  const found = await fitted(type, parameters, (one.init_stream ?? []).map(tensor))
  const initial = type.initialise?.(parameters, randomSource(0)) as NodeState
  const expected = tensor(one.conv0_weight as StoredTensor)
  const flat = (value: Tensor): Tensor => ({ ...value, shape: value.shape.slice(0, 2) })
  expect(Object.keys(found)).toEqual(['convs.0.weight'])
  expect(found['convs.0.weight'].shape).toEqual(expected.shape)
  expectClose(alignedRows(flat(found['convs.0.weight']), flat(expected)), flat(expected), 1e-5, 'weights', 1)
  const exact = tensor((one.ref_f64 as { components: StoredTensor }).components)
  const some = float32(exact.shape, (found['convs.0.weight'].data as Float32Array).subarray(0, exact.data.length))
  expectClose(alignedRows(some, exact), exact, 1e-6, 'directions')
  expectClose(initial['convs.0.bias'], one.conv0_bias as StoredTensor, 0)
  expect(type.fit?.needed?.(parameters)).toBe(one.requires_initial_fit)
}

/** The bounds of even distributions, and their deviations. */
function initialValues(one: MixerCase): void {
  const bounds = one.uniform_bounds as Record<string, Record<string, number>>
  const kaiming = Object.entries(bounds).find(([key]) => key.startsWith('kaiming'))?.[1]['convs.0'] ?? NaN
  // The slope that the bound was computed with: bound^2 = 6 / ((1 + slope^2) inputs).
  const leaky_relu_negative_slope = Math.sqrt(6 / (61 * kaiming ** 2) - 1)
  for (const [method, needed] of Object.entries(one.requires_initial_fit ?? {})) {
    const shapes = [{ inputs: 61, outputs: 16 }, { inputs: 16, outputs: 8 }, { inputs: 8, outputs: 3 }]
    const parameters = repositoryParameters(type, { input_channels: 61, output_channels: 3, reduction_scheme: [61, 16, 8, 3], init_method: method, leaky_relu_negative_slope })
    expect(type.fit?.needed?.(parameters)).toBe(needed)
    const state = type.initialise?.(parameters, randomSource(1)) as NodeState
    const bound = bounds[Object.keys(bounds).find((key) => key.startsWith(method)) ?? 'xavier']
    shapes.forEach(({ inputs, outputs }, layer) => {
      expect(state[`convs.${layer}.weight`].shape).toEqual([outputs, inputs, 1, 1])
      const weights = numbers(state[`convs.${layer}.weight`])
      const largest = weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0)
      expect(numbers(state[`convs.${layer}.bias`]).every((value) => value === 0)).toBe(true)
      if (method === 'zeros') return expect(largest).toBe(0)
      expect(largest).toBeLessThanOrEqual(bound[`convs.${layer}`] * (1 + 1e-6))
      expect(largest).toBeGreaterThan(bound[`convs.${layer}`] * 0.8)
      const deviation = Math.sqrt(weights.reduce((sum, weight) => sum + weight ** 2, 0) / weights.length)
      expect(Math.abs(deviation / (one.stats as Required<MixerCase>['stats'])[method][`convs.${layer}.weight`].std - 1)).toBeLessThan(0.2)
    })
  }
}

async function errors(one: MixerCase): Promise<void> {
  const mixer = (config: Record<string, unknown>) => () => {
    const { nodes, connections } = oneNode(name, { output_channels: 3, ...config })
    refuseIfBad({ nodes: { ...nodes, rx: { type: 'RXGlobal' } }, connections: [...connections, ['node.rgb', 'rx.data']] }, { channels: 5, wavelengthsNm: null })
  }
  mixer({})()
  mixer({ reduction_scheme: [5, 4, 3] })()
  await expectErrors('channel_mixer', one, {
    channels: mixer({ input_channels: 4 }),
    scheme_first: mixer({ reduction_scheme: [4, 3] }),
    scheme_last: mixer({ reduction_scheme: [5, 2] }),
    scheme_len1: mixer({ reduction_scheme: [3] }),
    scheme_empty_list: mixer({ reduction_scheme: [] }),
    init_method: mixer({ init_method: 'he' }),
    inference_norm: mixer({ inference_normalization: 'softmax' }),
    pca_empty: () => fitted(type, repositoryParameters(type, { input_channels: 5, output_channels: 3, init_method: 'pca' }), []),
  })
}
