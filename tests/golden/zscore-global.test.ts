import { expect } from 'vitest'
import { zScoreStatistics } from '../../src/engine/nodes/normalization'
import { checkPipeline } from '../../src/engine/pipeline/check'
import { compileInference } from '../../src/engine/pipeline/compile'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { initialState } from '../../src/engine/pipeline/state'
import { oneNode, pipelineOf, refuseIfBad } from './documents'
import { fitted, repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

interface SampledCase extends NodeCase {
  sampled_indices: number[]
  expected: Record<'mean_f32' | 'std_ddof0_plus_eps_f32' | 'mean_f64' | 'std_ddof0_f64' | 'std_ddof1_f64', StoredTensor>
  stats_f64?: Record<'mean' | 'std_ddof1' | 'std_ddof0', StoredTensor>
}

const name = 'ZScoreNormalizerGlobal'
const type = typeNamed(name)

goldenSuite<SampledCase>('zscore_global', async (one) => {
  if (one.name === 'errors') return errors(one)
  if (one.name === 'sample_n_seed_semantics') return sampled(one)
  const parameters = repositoryParameters(type, one.hparams)
  if (one.init_stream) {
    const state = await fitted(type, parameters, one.init_stream.map(tensor))
    for (const key of ['zscore_mean', 'zscore_std']) expectClose(state[key], (one.init_state ?? {})[key], 1e-6, key)
    for (const ddof of one.stats_f64 ? [0, 1] : []) {
      const eps = parameters.eps as number
      const exact = await fitted(type, { ...parameters, ddof }, one.init_stream.map(tensor))
      const expected = numbers((one.stats_f64 as Record<string, StoredTensor>)[`std_ddof${ddof}`]).map((value) => value + eps)
      expectClose(exact.zscore_std, { shape: exact.zscore_std.shape as number[], dtype: 'float64', data: expected }, 1e-6, `ddof ${ddof}`)
    }
  }
  // A band without variance is divided by eps: float32 rounding of the pixels is then as large as the result.
  const outputs = one.name === 'constant_band' ? 1e-4 : 1e-5
  expectCase(await runCase(name, one), one, { outputs, gradients: 1e-5 })
})

async function sampled(one: SampledCase): Promise<void> {
  const parameters = { ...repositoryParameters(type, { num_channels: 3, eps: 1e-8 }), ddof: 0 }
  const stream = (one.init_stream ?? []).map(tensor)
  const wanted = new Set(one.sampled_indices)
  for (const ddof of [0, 1]) {
    let seen = 0
    const statistics = zScoreStatistics({ ...parameters, ddof }, 'node', {
      next(count) {
        const rows = Uint32Array.from(Array.from({ length: count }, (_, row) => row).filter((row) => wanted.has(seen + row)))
        seen += count
        return rows
      },
    })
    for (const { shape, data } of stream) await statistics.add(data as Float32Array, shape[1] * shape[2], shape[3], null)
    const found = await statistics.finish()
    expectClose(found.zscore_mean, one.expected.mean_f32, 1e-6)
    expectClose(found.zscore_std, ddof === 0 ? one.expected.std_ddof0_plus_eps_f32 : one.expected.std_ddof1_f64, 1e-6)
  }
}

async function errors(one: NodeCase): Promise<void> {
  const pixel = (channels: number, count: number) => tensor({ shape: [1, 1, count, channels], dtype: 'float32', data: new Array(channels * count).fill(0.5) })
  const repository = (hparams: Record<string, unknown>) => JSON.stringify({ nodes: [
    { name: 'data', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode', hparams: {} },
    { name: 'z', class_name: 'cuvis_ai.anomaly.deep_svdd.ZScoreNormalizerGlobal', hparams },
    { name: 'rx', class_name: 'cuvis_ai.anomaly.rx_detector.RXGlobal', hparams: { num_channels: 4 } },
  ], connections: [{ source: 'data.outputs.cube', target: 'z.inputs.data' }, { source: 'z.outputs.normalized', target: 'rx.inputs.data' }] })
  const accepts = (hparams: Record<string, unknown>) => {
    const document = parsePipeline(repository(hparams), 'legacy.yaml')
    expect(checkPipeline(document, { channels: 4, wavelengthsNm: null })).toEqual([])
    expect(document.nodes[1].config).toMatchObject({ sample_n: null })
    expect(document.nodes[1].config).not.toHaveProperty('hidden')
  }
  const rx = (config: Record<string, unknown>) => ({
    nodes: { cube: { type: 'Cube' }, z: { type: name, config }, rx: { type: 'RXGlobal' } },
    connections: [['cube.cube', 'z.data'], ['z.normalized', 'rx.data']] as [string, string][],
  })
  await expectErrors('zscore_global', one, {
    single_pixel: () => fitted(type, repositoryParameters(type, { num_channels: 2 }), [pixel(2, 1)]),
    empty_stream: () => fitted(type, repositoryParameters(type, { num_channels: 2 }), []),
    init_channel_mismatch: () => fitted(type, repositoryParameters(type, { num_channels: 5 }), [pixel(4, 3)]),
    forward_before_init: () => {
      const pipeline = pipelineOf(rx({}), { channels: 4, wavelengthsNm: null })
      return compileInference(pipeline, initialState(pipeline, 1))
    },
    forward_channel_mismatch: () => refuseIfBad(rx({ num_channels: 4 }), { channels: 5, wavelengthsNm: null }),
    num_channels_zero: () => refuseIfBad(oneNode(name, { num_channels: 0 })),
    num_channels_negative: () => refuseIfBad(oneNode(name, { num_channels: -2 })),
    legacy_kwargs_sample_n_seed: () => accepts({ num_channels: 4, sample_n: 10, seed: 1 }),
    legacy_kwarg_hidden: () => accepts({ num_channels: 4, hidden: 128 }),
  })
}
