import { expect } from 'vitest'
import { pseudoInverse } from '../../src/engine/nodes/covariance'
import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import { float32 } from '../../src/engine/onnx/tensor'
import { oneNode, pipelineOf } from './documents'
import { fitted, repositoryParameters, runCase, runNode, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, tensor, tensors } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'RXGlobal'
const type = typeNamed(name)

goldenSuite<NodeCase & { source: string; ref_f64: Record<'mu' | 'cov' | 'scores', StoredTensor> }>('rx', async (one) => {
  if (one.name === 'errors') return errors(one)
  if (one.source.endsWith('RXPerBatch')) return expectCase(await runCase('RXPerBatch', one), one, { outputs: 1e-5, gradients: 1e-4 })
  const stream = (one.init_stream ?? []).map(tensor)
  const parameters = repositoryParameters(type, one.hparams)
  const found = await fitted(type, parameters, stream)
  for (const key of ['mu', 'cov'] as const) {
    expectClose(found[key], (one.init_state ?? {})[key], 1e-6, key)
    expectClose(found[key], one.ref_f64[key], 1e-6, key)
  }
  if (parameters.cache_inverse) expectClose(found.cov_inv, (one.init_state ?? {}).cov_inv, 1e-4, 'cov_inv')
  await likeTheReference(one, parameters.cache_inverse === true)
  await byWhitening(one)
})

/** The form with the inverse, from the reference's own state; its gradients too. */
async function likeTheReference(one: NodeCase, cached: boolean): Promise<void> {
  const state = tensors(one.init_state ?? {})
  const size = state.mu.shape[0]
  // The reference solves with the covariance; here its inverse is kept beside it.
  if (!cached) state.cov_inv = float32([size, size], pseudoInverse(state.cov.data as Float32Array, size))
  const trained = (one.trainable ?? []).filter((key) => key in (one.grads?.params ?? {}))
  expect(trained).toEqual(cached ? ['mu', 'cov_inv'] : ['mu', 'cov'])
  expectCase(await runCase(name, one, { state, trained, stage: 'train' }), one, { outputs: 1e-4, gradients: 1e-4 })
  expectCase(await runCase(name, one, { state, trained: [], probe: undefined }), { ...one, grads: undefined, grads_f64: undefined, probe_loss: undefined }, { outputs: 1e-4, gradients: 0 })
}

/** Our own default: the whitening matrix, factorised in float64. */
async function byWhitening(one: NodeCase & { ref_f64: Record<'scores', StoredTensor> }): Promise<void> {
  const parameters = { ...repositoryParameters(type, one.hparams), form: 'whitening' }
  const state = await fitted(type, parameters, (one.init_stream ?? []).map(tensor))
  const { outputs } = await runNode({ type, parameters, inputs: tensors(one.inputs ?? {}), state })
  expectClose(outputs.scores, one.ref_f64.scores, 1e-5, 'whitening')
}

async function errors(one: NodeCase): Promise<void> {
  const image = (count: number) => tensor({ shape: [1, 1, count, 3], dtype: 'float32', data: new Array(3 * count).fill(0.5) })
  const parameters = repositoryParameters(type, { num_channels: 3 })
  await expectErrors('rx', one, {
    empty: () => fitted(type, parameters, []),
    one_pixel: () => fitted(type, parameters, [image(1)]),
    before_init: () => {
      const pipeline = pipelineOf(oneNode(name), { channels: 3, wavelengthsNm: null })
      return compileInference(pipeline, initialState(pipeline, 1))
    },
  })
}
