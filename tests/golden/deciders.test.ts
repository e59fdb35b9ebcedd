import { expect } from 'vitest'
import { quantile } from '../../src/engine/inference/quantile'
import { oneNode, refuseIfBad } from './documents'
import { repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { numbers } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

const name = 'QuantileBinaryDecider'

goldenSuite<NodeCase & { threshold?: StoredTensor }>('deciders', async (one) => {
  if (one.name === 'errors') return errors(one)
  const { outputs } = await runCase(name, one)
  expect(outputs.decisions.type).toBe('bool')
  expect(outputs.decisions.shape).toEqual(one.outputs?.decisions.shape)
  expect(numbers(outputs.decisions)).toEqual(numbers(one.outputs?.decisions as StoredTensor))
  // The default leaves scores that are not finite out of the quantile; elsewhere both policies agree.
  const omitting = await runCase(name, one, { parameters: { ...repositoryParameters(typeNamed(name), one.hparams), nan_policy: 'omit' } })
  const scores = Float32Array.from(numbers((one.inputs ?? {}).logits))
  if (scores.some(Number.isNaN)) expect(numbers(omitting.outputs.decisions)).toEqual(Array.from(scores, (score) => (score >= quantile(scores, one.hparams?.quantile as number) ? 1 : 0)))
  else expect(omitting.outputs).toEqual(outputs)
})

async function errors(one: NodeCase): Promise<void> {
  await expectErrors('deciders', one, {
    q_lo: () => refuseIfBad(oneNode(name, { quantile: -0.1 }, 'logits')),
    q_hi: () => refuseIfBad(oneNode(name, { quantile: 1.1 }, 'logits')),
    hparams_quantile: () => {
      const { quantile, reduce_dims: dims } = repositoryParameters(typeNamed(name))
      expect({ quantile, reduce_dims: dims, threshold: 0.5 }).toEqual(one.errors?.hparams_quantile)
    },
  })
}
