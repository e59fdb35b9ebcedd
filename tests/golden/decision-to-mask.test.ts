import { expect } from 'vitest'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
import { oneNode, refuseIfBad } from './documents'
import { repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { numbers } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

goldenSuite<NodeCase & { source: string }>('decision_to_mask', async (one) => {
  if (one.errors) return errors(one)
  if (!one.source.endsWith('DecisionToMask')) return labels(one)
  const { outputs } = await runCase('DecisionToMask', one)
  expect(outputs.mask.type).toBe('int32')
  expect(outputs.mask.shape).toEqual(one.outputs?.mask.shape)
  expect(numbers(outputs.mask)).toEqual(numbers(one.outputs?.mask as StoredTensor))
})

/** The mapping of the reference's BinaryAnomalyLabelMapper is that of the Cube node here: a mask enters with it. */
function labels(one: NodeCase): void {
  const targets = targetsOfClasses(numbers((one.inputs ?? {}).mask), repositoryParameters(typeNamed('Cube'), one.hparams))
  expect(Array.from(targets)).toEqual(numbers(one.outputs?.mask as StoredTensor))
}

async function errors(one: NodeCase): Promise<void> {
  await expectErrors('decision_to_mask', one, {
    overlap: () => {
      const written = oneNode('RXGlobal')
      refuseIfBad({ ...written, nodes: { ...written.nodes, cube: { type: 'Cube', config: { normal_class_ids: [0, 1], anomaly_class_ids: [1, 2] } } } })
    },
  })
}
