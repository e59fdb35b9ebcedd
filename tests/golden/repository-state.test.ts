import { describe, expect, it } from 'vitest'
import { OrderedDict } from '../../src/engine/files/write-torch-archive'
import type { TorchTensor } from '../../src/engine/files/torch-archive'
import { nodeType } from '../../src/engine/nodes/registry'
import { checkDocument } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { Pipeline } from '../../src/engine/pipeline/pipeline'
import { stateFromWeights, weightsToWrite } from '../../src/engine/pipeline/repository-state'
import type { NodeCase, StoredTensor } from './read-vectors'
import { goldenCases, vectorFiles } from './read-vectors'

// The state_dict of every node of the reference that the vectors hold is read, and written again with the same names,
// shapes, element types and numbers.

interface StatefulCase extends NodeCase {
  source?: string
}

const classOf = ({ source }: StatefulCase): string => /^real:(cuvis_ai\.[\w.]+)/.exec(source ?? '')?.[1] ?? ''
const cases = vectorFiles().flatMap((file) => goldenCases<StatefulCase>(file).filter((one) => one.init_state && nodeType(classOf(one))).map((one) => [`${file}/${one.name}`, one] as const))

function stored({ shape, dtype, data }: StoredTensor): TorchTensor {
  if (dtype === 'int64') return { dtype, type: 'int64', shape, data: BigInt64Array.from(data, (value) => BigInt(Number(value))) }
  return dtype === 'float64' ? { dtype, type: 'float64', shape, data: Float64Array.from(data, Number) } : { dtype, type: 'float32', shape, data: Float32Array.from(data, Number) }
}

/** One node of the class, alone. */
function pipelineOf(one: StatefulCase): Pipeline {
  const document = parsePipeline(JSON.stringify({ nodes: [{ name: 'n', class_name: classOf(one), hparams: one.hparams ?? {} }], connections: [] }), 'one.yaml')
  const [{ written, type, parameters }] = checkDocument(document, null).nodes
  if (!type) throw new Error(`The type ${written.type} is not known.`)
  return { name: 'one', description: '', document, nodes: [{ name: 'n', type, parameters, inputs: {}, channels: {} }], facts: { channels: 1, wavelengthsNm: null }, trainer: null, warnings: [] }
}

describe('the state_dict of the reference, node by node', () => {
  it.each(cases)('%s', (_name, one) => {
    const weights = new Map(Object.entries(one.init_state ?? {}).map(([name, tensor]) => [name, stored(tensor)]))
    const pipeline = pipelineOf(one)
    const { state } = stateFromWeights(pipeline, new Map([['n', weights]]), 'one.pt')
    const [[, written]] = [...(weightsToWrite(pipeline, state) as Map<string, OrderedDict>)]
    const again = new Map([...written.entries] as [string, TorchTensor][])
    expect([...again.keys()].sort()).toEqual([...weights.keys()].sort())
    for (const [name, { type, shape, data }] of weights) {
      expect(again.get(name), name).toMatchObject({ type, shape })
      // The reference's counter of batches changes nothing.
      if (!name.endsWith('num_batches_tracked')) expect(Array.from(again.get(name)?.data as ArrayLike<number | bigint>, (value) => Math.fround(Number(value)))).toEqual(Array.from(data as ArrayLike<number | bigint>, (value) => Math.fround(Number(value))))
    }
  })

  it('is there', () => {
    expect(cases.length).toBeGreaterThan(20)
  })
})
