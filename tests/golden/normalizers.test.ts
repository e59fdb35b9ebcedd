import { expect } from 'vitest'
import { compileUpTo } from '../../src/engine/pipeline/compile'
import { initialState, nodesToFit } from '../../src/engine/pipeline/state'
import type { Written } from './documents'
import { pipelineOf } from './documents'
import { fitted, repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase } from './read-vectors'
import { expectClose, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

// Which node type the name of a case means; how exactly it is compared; hparams that only the name of the case says.
// Deviations from a mean are differences of numbers some ten times larger; the runtime's Sigmoid is exact to 1e-7 in
// absolute terms, and so are its slopes.
const kinds: readonly { prefix: string; type: string; tolerance: { outputs: number; gradients: number; cancelled?: number }; hparams?: Record<string, unknown> }[] = [
  { prefix: 'per_pixel_unit_norm_', type: 'PerPixelUnitNorm', tolerance: { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 } },
  { prefix: 'zscore_normalizer_', type: 'ZScoreNormalizer', tolerance: { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 } },
  { prefix: 'sigmoid_normalizer_', type: 'SigmoidNormalizer', tolerance: { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 } },
  { prefix: 'minmax_per_sample_', type: 'MinMaxNormalizer', tolerance: { outputs: 1e-5, gradients: 1e-4, cancelled: 0.1 }, hparams: { use_running_stats: false } },
  { prefix: 'minmax_running_', type: 'MinMaxNormalizer', tolerance: { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 } },
  { prefix: 'sigmoid_transform_', type: 'SigmoidTransform', tolerance: { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 } },
  { prefix: 'identity_', type: 'IdentityNormalizer', tolerance: { outputs: 0, gradients: 0 } },
]

goldenSuite('normalizers', async (one) => {
  if (one.name === 'errors') return errors(one)
  const kind = kinds.find(({ prefix }) => one.name.startsWith(prefix))
  if (!kind) throw new Error(`No node type is known for the case ${one.name}.`)
  const type = typeNamed(kind.type)
  const parameters = repositoryParameters(type, { ...kind.hparams, ...one.hparams })
  if (one.init_stream) {
    const found = await fitted(type, parameters, one.init_stream.map(tensor))
    for (const [name, expected] of Object.entries(one.init_state ?? {})) expectClose(found[name], expected, 0, name)
  }
  expectCase(await runCase(kind.type, one, { parameters, stage: 'train' }), one, kind.tolerance)
  expectCase(await runCase(kind.type, { ...one, probe: undefined }, { parameters }), { name: one.name, outputs: one.outputs, outputs_f64: one.outputs_f64 }, kind.tolerance)
})

async function errors(one: NodeCase): Promise<void> {
  const type = typeNamed('MinMaxNormalizer')
  const pipeline = (config: Record<string, unknown>) => {
    const written: Written = {
      nodes: { cube: { type: 'Cube' }, norm: { type: 'MinMaxNormalizer', config }, rx: { type: 'RXGlobal' } },
      connections: [['cube.cube', 'norm.data'], ['norm.normalized', 'rx.data']],
    }
    return pipelineOf(written, { channels: 3, wavelengthsNm: null })
  }
  const fitsFirst = (config: Record<string, unknown>): boolean => nodesToFit(pipeline(config)).some(({ node }) => node.name === 'norm')
  await expectErrors('normalizers', one, {
    minmax_before_init: () => compileUpTo(pipeline({}), initialState(pipeline({}), 0), 'norm.normalized'),
    minmax_empty: () => fitted(type, repositoryParameters(type), []),
    requires_initial_fit: () => {
      const expected = one.errors?.requires_initial_fit as Record<string, unknown>
      expect({ running: fitsFirst({}), per_sample: fitsFirst({ use_running_stats: false }) }).toEqual({ running: expected.running, per_sample: expected.per_sample })
    },
  })
}
