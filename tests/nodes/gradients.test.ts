import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

// Gradients of nodes against differences of their own forward pass, along random directions.

const SHAPE = [2, 3, 4]
const STEP = 4e-3

interface GradientCase {
  name: string
  type: string
  hparams?: Record<string, unknown>
  port: string
  output: string
  channels: number
  /** Values lie at `from + spacing k`, so that none is near another or near a bound. */
  from: number
  spacing: number
  mask?: string
  state?: Record<string, Tensor>
}

const score = { port: 'predictions', output: 'loss', channels: 1, mask: 'targets', from: -1.17, spacing: 0.1 }
const colors = { port: 'rgb', output: 'loss', channels: 3, mask: 'mask', from: 0.06, spacing: 0.012 }
const values = { port: 'data', output: 'normalized', channels: 3, from: -3.3, spacing: 0.09 }
const cases: GradientCase[] = [
  { name: 'cross-entropy', type: 'AnomalyBCEWithLogits', hparams: { pos_weight: 3 }, ...score },
  { name: 'overlap of sigmoids', type: 'IoULoss', ...score },
  { name: 'overlap of cut scores', type: 'IoULoss', hparams: { normalize_method: 'clamp' }, ...score },
  { name: 'overlap over the range', type: 'IoULoss', hparams: { normalize_method: 'minmax' }, ...score },
  { name: 'contrast', type: 'ForegroundContrastLoss', hparams: { compactness_weight: 2, anchor_weight: 3 }, ...colors },
  { name: 'contrast in OKLab', type: 'ForegroundContrastLoss', hparams: { color_space: 'oklab', anchor_weight: 3 }, ...colors },
  { name: 'unit spectra', type: 'PerPixelUnitNorm', ...values },
  { name: 'range of images', type: 'MinMaxNormalizer', hparams: { use_running_stats: false }, ...values },
  { name: 'range of the training data', type: 'MinMaxNormalizer', state: { running_min: float32([], [-2]), running_max: float32([], [3]) }, ...values },
  { name: 'deviation of images', type: 'ZScoreNormalizer', ...values },
  { name: 'deviation of spectra', type: 'ZScoreNormalizer', hparams: { dims: [3] }, ...values },
  { name: 'sigmoid around the median', type: 'SigmoidNormalizer', ...values },
  { name: 'sigmoid', type: 'SigmoidTransform', ...values, output: 'transformed' },
  { name: 'vegetation index', type: 'NDVISelector', ...values, port: 'cube', output: 'index_image', from: 1, spacing: 0.05 },
]

describe('gradients of nodes against differences of their results', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), (seed) => agrees(one, seed)), { seed: 20261125, numRuns: 4 })
  }, 30_000)
})

async function agrees({ type: name, hparams, port, output, channels, from, spacing, mask, state }: GradientCase, seed: number): Promise<void> {
  const type = typeNamed(name)
  const random = randomSource(seed, 'gradients')
  const shape = [...SHAPE, channels]
  const count = shape.reduce((product, size) => product * size, 1)
  const order = Array.from({ length: count }, (_, at) => at).map((at) => [random.uniform(), at]).sort(([a], [b]) => a - b).map(([, at]) => at)
  const x = Float32Array.from(order, (at) => from + spacing * at)
  const direction = Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * Math.min(1, spacing * 10))
  const truth: Tensor = { type: 'bool', shape: [...SHAPE, 1], data: Uint8Array.from({ length: 24 }, (_, at) => (order[at] % 3 === 0 ? 1 : 0)) }
  const run = (data: Float32Array, probe?: Record<string, Tensor>) => runNode({
    type, parameters: repositoryParameters(type, hparams), inputs: { [port]: float32(shape, data), ...(mask && { [mask]: truth }) },
    stage: 'train', probe, state, trained: state && Object.keys(state), wavelengthsNm: [600, 668, 827],
  })
  const { outputs } = await run(x)
  const factors = float32(outputs[output].shape, Float32Array.from({ length: outputs[output].data.length }, () => 2 * random.uniform() - 1))
  const { inputGradients } = await run(x, { [output]: factors })
  const lossAt = async (step: number): Promise<number> => {
    const results = (await run(x.map((value, at) => value + step * direction[at]))).outputs[output].data as Float32Array
    return results.reduce((sum, value, at) => sum + value * Number(factors.data[at]), 0)
  }
  const slope = ((await lossAt(STEP)) - (await lossAt(-STEP))) / (2 * STEP)
  const gradient = inputGradients[port].data as Float32Array
  const found = gradient.reduce((sum, value, at) => sum + value * direction[at], 0)
  // float32 results leave differences exact to some 1e-7 / STEP of the size of the loss.
  const size = gradient.reduce((sum, value, at) => sum + Math.abs(value * direction[at]), 0)
  expect(Math.abs(found - slope)).toBeLessThanOrEqual(2e-3 * size + 5e-5)
}
