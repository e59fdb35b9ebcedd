import { expect } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { compileUpTo } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import type { Written } from './documents'
import { oneNode, pipelineOf, refuseIfBad } from './documents'
import { repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface Distribution {
  n: number
  min: number
  max: number
  mean: number
  std: number
}

const name = 'DeepSVDDProjection'

/** How many the reference drew. */
const SEEDS = 20

goldenSuite<NodeCase & { stats: Record<string, Record<string, Distribution>> }>('deepsvdd_projection', async (one) => {
  if (one.name === 'errors') return errors(one)
  if (one.name === 'init_distribution') return distributions(one.stats)
  expectCase(await runCase(name, one), one, { outputs: 1e-5, gradients: 1e-5 })
})

/** The name of a set says its sizes: linear_<in>_<hidden>_<rep>, rbf_<in>_<n_rff>; the others follow from the counts. */
function distributions(stats: Record<string, Record<string, Distribution>>): void {
  expect(Object.keys(stats).length).toBeGreaterThan(0)
  for (const [set, expected] of Object.entries(stats)) {
    const [kernel, inputs, ...sizes] = set.split('_')
    const features = kernel === 'rbf' ? Number(sizes[0]) : Number(inputs)
    const prefix = kernel === 'rbf' ? 'net.1.' : 'net.'
    const hidden = expected[`${prefix}fc1.bias`].n / SEEDS
    const size = expected[`${prefix}fc2.weight`].n / SEEDS / hidden
    // N(0, 2 gamma): gamma as measured, where it is not the default of 1 / in_channels.
    const gamma = kernel === 'rbf' ? expected['net.0.W'].std ** 2 / 2 : null
    const isDefault = gamma === null || Math.abs(gamma * Number(inputs) - 1) < 0.05
    const first = 1 / Math.sqrt(features)
    const bounds = { 'net.0.b': 2 * Math.PI, [`${prefix}fc1.weight`]: first, [`${prefix}fc1.bias`]: first, [`${prefix}fc2.weight`]: Math.sqrt(6 / (hidden + size)) }
    draws(expected, { in_channels: Number(inputs), n_rff: features, hidden, rep_dim: size, kernel, gamma: isDefault ? null : gamma }, bounds)
  }
}

/** As many seeds as the reference: same counts, no draw beyond the bound, mean and spread within their standard errors. */
function draws(expected: Record<string, Distribution>, hparams: Record<string, unknown>, bounds: Record<string, number>): void {
  const type = typeNamed(name)
  const parameters = repositoryParameters(type, hparams)
  const states = Array.from({ length: SEEDS }, (_, seed) => type.initialise?.(parameters, randomSource(seed, 'projection')) ?? {})
  for (const [key, { n, min, max, mean, std }] of Object.entries(expected)) {
    const values = states.flatMap((state) => Array.from(state[key].data as Float32Array))
    expect(values.length, key).toBe(n)
    const ownMean = values.reduce((sum, value) => sum + value, 0) / n
    const ownDeviation = Math.sqrt(values.reduce((sum, value) => sum + (value - ownMean) ** 2, 0) / n)
    const spread = max - min
    expect(Math.abs(ownMean - mean), `mean of ${key}`).toBeLessThanOrEqual(6 * (std / Math.sqrt(n)) + 1e-7)
    expect(Math.abs(ownDeviation - std), `deviation of ${key}`).toBeLessThanOrEqual(6 * (std / Math.sqrt(n)) + 1e-7)
    if (key in bounds) {
      const highest = values.reduce((a, b) => Math.max(a, b))
      const lowest = values.reduce((a, b) => Math.min(a, b))
      expect(highest).toBeLessThanOrEqual(bounds[key])
      expect(max).toBeLessThanOrEqual(bounds[key])
      expect(Math.abs(highest - max)).toBeLessThan(spread * 0.05)
      expect(Math.abs(lowest - min)).toBeLessThan(spread * 0.05)
    }
  }
}

async function errors(one: NodeCase): Promise<void> {
  const scored = (config: Record<string, unknown>): Written => ({
    nodes: { cube: { type: 'Cube' }, node: { type: name, config }, rx: { type: 'RXGlobal' } },
    connections: [['cube.cube', 'node.data'], ['node.embeddings', 'rx.data']],
  })
  await expectErrors('deepsvdd_projection', one, {
    unknown_kernel: () => refuseIfBad(oneNode(name, { kernel: 'poly' })),
    in_channels_zero: () => refuseIfBad(oneNode(name, { in_channels: 0 })),
    channel_mismatch: () => refuseIfBad(scored({ in_channels: 3 }), { channels: 4, wavelengthsNm: null }),
    rank3_input: async () => {
      const pipeline = pipelineOf(scored({ hidden: 4, rep_dim: 2 }), { channels: 3, wavelengthsNm: null })
      const { graph } = compileUpTo(pipeline, initialState(pipeline, 1), 'node.embeddings')
      const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
      await session.run({ cube: float32([2, 2, 3], new Float32Array(12)) }).finally(() => session.release())
    },
    batch_size_zero_is_clamped_to_1: () => {
      expect(one.errors?.batch_size_zero_is_clamped_to_1.mlp_forward_batch_size).toBe(1)
      refuseIfBad(scored({ mlp_forward_batch_size: 0 }))
    },
  })
}
