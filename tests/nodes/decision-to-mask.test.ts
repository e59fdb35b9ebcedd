import { expect, it } from 'vitest'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const type = typeNamed('DecisionToMask')

it.each([[[1, 2, 2]], [[1, 2, 2, 1]]])('takes identities as %j and gives one class id a pixel', async (shape) => {
  const { outputs } = await runNode({
    type,
    parameters: repositoryParameters(type),
    inputs: {
      decisions: { type: 'bool', shape: [1, 2, 2, 1], data: Uint8Array.of(1, 0, 0, 1) },
      identity_mask: { type: 'int32', shape, data: Int32Array.of(3, 4, 5, 6) },
    },
  })
  expect(outputs.mask.shape).toEqual([1, 2, 2])
  expect(Array.from(outputs.mask.data as Int32Array)).toEqual([3, 0, 0, 6])
})
