import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import { float32 } from '../../src/engine/onnx/tensor'
import { oneNode, pipelineOf } from './documents'
import { fitted, repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'LADGlobal'
const type = typeNamed(name)

goldenSuite<NodeCase>('lad', async (one) => {
  if (one.name === 'errors') return errors(one)
  const found = await fitted(type, repositoryParameters(type, one.hparams), (one.init_stream ?? []).map(tensor))
  for (const key of ['M', 'L'] as const) expectClose(found[key], (one.init_state ?? {})[key], 1e-6, key)
  // The state is float32 here; the reference keeps float64 and casts it when it scores.
  const state = Object.fromEntries(Object.entries(one.init_state ?? {}).map(([key, stored]) => [key, float32(stored.shape, numbers(stored as StoredTensor))]))
  expectCase(await runCase(name, one, { state }), one, { outputs: 1e-5, gradients: 1e-5 })
})

async function errors(one: NodeCase): Promise<void> {
  const parameters = repositoryParameters(type, { num_channels: 3 })
  await expectErrors('lad', one, {
    empty: () => fitted(type, parameters, []),
    before_init: () => {
      const pipeline = pipelineOf(oneNode(name), { channels: 3, wavelengthsNm: null })
      return compileInference(pipeline, initialState(pipeline, 1))
    },
  })
}
