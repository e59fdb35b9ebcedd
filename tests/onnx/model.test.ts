import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { decodeModelMessage, encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import type { ModelMessage, TensorMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel } from '../../src/engine/onnx/reading/decode'
import { openSession } from '../../src/engine/onnx/session'
import { float32, int64 } from '../../src/engine/onnx/tensor'
import { CuvetteError } from '../../src/shared/problem'

/** cube [B, H, W, 3] -> scores [B, H, W, 1], decisions; the threshold may be left out. */
function detector(): Graph {
  const graph = new Graph()
  const cube = graph.input('cube', 'float32', ['B', 'H', 'W', 3])
  const threshold = graph.input('decider.threshold', 'float32', [], float32([], [2]))
  const center = graph.initializer('tracker.center', float32([3], [0.5, -1, 2]))
  const scores = graph.within('scores', () => {
    const offset = graph.op('Sub', [cube, center])
    return graph.op('ReduceSum', [graph.op('Mul', [offset, offset]), graph.constant(int64([1], [-1]))], { keepdims: 1 })
  })
  graph.output('scores', scores)
  graph.output('decisions', graph.op('GreaterOrEqual', [scores, threshold], {}, { name: 'decider/GreaterOrEqual' }))
  return graph
}

const cube = float32([1, 1, 2, 3], [0.5, -1, 2, 1, 0, 0])

function failure(act: () => unknown): CuvetteError {
  try {
    act()
  } catch (error) {
    expect(error).toBeInstanceOf(CuvetteError)
    return error as CuvetteError
  }
  throw new Error('Nothing was thrown')
}

describe('encodeModel', () => {
  it('gives the same bytes for the same graph', () => {
    const metadata = { wavelengths: '430,440', author: 'x' }
    expect(encodeModel(detector(), { metadata })).toEqual(encodeModel(detector(), { metadata: { author: 'x', wavelengths: '430,440' } }))
  })

  it('writes IR 8, opset 17 and the metadata, and no value that nothing needs', () => {
    const graph = detector()
    graph.op('Exp', [graph.value('cube')])
    graph.initializer('unused', float32([1], [1]))
    const message = decodeModelMessage(encodeModel(graph, { metadata: { b: '2', a: '1' }, name: 'deep svdd' }))
    expect(Number(message.ir_version)).toBe(8)
    expect(message.opset_import?.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 17]])
    expect(message.metadata_props?.map(({ key, value }) => [key, value])).toEqual([['a', '1'], ['b', '2']])
    expect(message.graph?.name).toBe('deep svdd')
    expect(message.graph?.node?.map(({ op_type }) => op_type)).toEqual(['Sub', 'Mul', 'ReduceSum', 'GreaterOrEqual'])
    expect(message.graph?.initializer?.map(({ name }) => name)).toEqual(['decider.threshold', 'tracker.center', 'constant_0'])
    expect(message.graph?.output?.map(({ name }) => name)).toEqual(['scores', 'decisions'])
    // Public names are given without extra nodes, and the consumers follow.
    expect(message.graph?.node?.[3].input).toEqual(['scores', 'decider.threshold'])
  })

  it('names one value twice, an input, a weight, and a value by its own name', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [2])
    const w = graph.initializer('w', float32([2], [3, 4]))
    const y = graph.op('Mul', [x, w])
    const z = graph.op('Neg', [y])
    graph.output('first', y)
    graph.output(y.name, y)
    graph.output('z', z)
    graph.output('x', x)
    graph.output('again', x)
    graph.output('weight', w)
    const session = await openSession(encodeModel(graph), 'cpu')
    const results = await session.run({ x: float32([2], [5, 6]) })
    await session.release()
    expect(Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data as Float32Array)]))).toEqual({
      first: [15, 24],
      [y.name]: [15, 24],
      z: [-15, -24],
      x: [5, 6],
      again: [5, 6],
      weight: [3, 4],
    })
  })

  it('takes the internal name of a renamed value as a public name', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [1])
    const [a, b] = [graph.op('Neg', [x]), graph.op('Exp', [x])]
    graph.output(b.name, a)
    graph.output(a.name, b)
    const session = await openSession(encodeModel(graph), 'cpu')
    const results = await session.run({ x: float32([1], [0]) })
    await session.release()
    expect(results[b.name].data[0]).toBe(-0)
    expect(results[a.name].data[0]).toBe(1)
  })

  it('refuses two outputs of one name, the name of another value, and a missing input', () => {
    const two = detector()
    two.output('scores', two.value('cube'))
    expect(failure(() => encodeModel(two))).toMatchObject({ code: 'bad-argument', message: 'Two outputs of the model are named scores.' })
    const taken = detector()
    taken.output('tracker.center', taken.op('Exp', [taken.value('cube')]))
    expect(failure(() => encodeModel(taken))).toMatchObject({ code: 'bad-argument', where: 'tracker.center' })
    expect(failure(() => encodeModel(detector(), { inputs: [] }))).toMatchObject({ code: 'bad-argument', where: 'cube' })
  })
})

describe('decodeModel', () => {
  it('reads back what was written', async () => {
    const bytes = encodeModel(detector(), { metadata: { units: 'nm' } })
    const { graph, metadata, opsets, name } = decodeModel(bytes, 'model.onnx')
    expect(metadata).toEqual({ units: 'nm' })
    expect(opsets).toEqual({ '': 17 })
    expect(name).toBe('cuvette')
    expect(graph.inputs).toEqual([
      { name: 'cube', type: 'float32', shape: ['B', 'H', 'W', 3] },
      { name: 'decider.threshold', type: 'float32', shape: [] },
    ])
    expect(graph.initializers.get('decider.threshold')).toEqual(float32([], [2]))
    expect(graph.outputs.map(({ name: output, value }) => [output, value.type, value.shape])).toEqual([
      ['scores', 'float32', ['B', 'H', 'W', 1]],
      ['decisions', 'bool', ['B', 'H', 'W', 1]],
    ])
    expect(encodeModel(graph, { metadata })).toEqual(bytes)
    // A graph that was read can be written on.
    graph.output('root', graph.op('Sqrt', [graph.value('scores')]))
    const session = await openSession(encodeModel(graph), 'cpu')
    const { root } = await session.run({ cube })
    await session.release()
    expect(Array.from(root.data as Float32Array)).toEqual([0, Math.fround(Math.sqrt(5.25))])
  })

  it('reads every kind of attribute and element type back', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', ['N'])
    const types = [
      graph.initializer('f64', { type: 'float64', shape: [2], data: Float64Array.of(Math.PI, -0) }),
      graph.initializer('i32', { type: 'int32', shape: [2], data: Int32Array.of(-(2 ** 31), 7) }),
      graph.initializer('i64', { type: 'int64', shape: [1, 2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n) }),
      graph.initializer('u8', { type: 'uint8', shape: [3], data: Uint8Array.of(0, 128, 255) }),
      graph.initializer('flag', { type: 'bool', shape: [], data: Uint8Array.of(1) }),
      graph.initializer('empty', { type: 'float32', shape: [0, 4], data: new Float32Array() }),
    ]
    types.forEach((value) => graph.output(`out ${value.name}`, value))
    graph.output('leaky', graph.op('LeakyRelu', [x], { alpha: { kind: 'float', value: 0.25 } }))
    graph.output('filled', graph.op('ConstantOfShape', [graph.op('Shape', [x], { start: -1 })], { value: { kind: 'tensor', value: int64([1], [3]) } }))
    graph.output('padded', graph.op('Pad', [x, graph.constant(int64([2], [1, -1]))], { mode: 'constant' }))
    graph.output('summed', graph.op('ReduceMean', [x], { axes: [0], keepdims: 0 }))
    const { graph: read } = decodeModel(encodeModel(graph), 'model.onnx')
    for (const [name, tensor] of graph.initializers) expect(read.initializers.get(name)).toEqual(tensor)
    expect(read.nodes.filter(({ op }) => op !== 'Identity').map(({ op, attributes }) => [op, attributes])).toEqual(graph.nodes.map(({ op, attributes }) => [op, attributes]))
  })

  it('reads numbers from every field that files of others use', () => {
    const read = (tensor: TensorMessage): unknown => {
      const message: ModelMessage = { ir_version: 8, opset_import: [{ version: 17 }], graph: { initializer: [{ ...tensor, name: 't' }] } }
      return decodeModel(encodeModelMessage(message), 'm').graph.initializers.get('t')?.data
    }
    expect(read({ dims: [2], data_type: 1, float_data: [1.5, -2] })).toEqual(Float32Array.of(1.5, -2))
    expect(read({ dims: [2], data_type: 11, double_data: [1.1, -2] })).toEqual(Float64Array.of(1.1, -2))
    expect(read({ dims: [2], data_type: 7, int64_data: [5, -6] })).toEqual(BigInt64Array.of(5n, -6n))
    expect(read({ dims: [2], data_type: 6, int32_data: [5, -6] })).toEqual(Int32Array.of(5, -6))
    expect(read({ dims: [2], data_type: 9, int32_data: [1, 0] })).toEqual(Uint8Array.of(1, 0))
    expect(read({ dims: [2], data_type: 2, int32_data: [250, 0] })).toEqual(Uint8Array.of(250, 0))
  })

  it('turns constants into weights and leaves operators without a rule standing', () => {
    const tensor = (size: number) => ({ tensor_type: { elem_type: 1, shape: { dim: [{ dim_value: size }] } } })
    const message: ModelMessage = {
      ir_version: 7,
      opset_import: [{ domain: '', version: 13 }, { domain: 'other', version: 2 }],
      graph: {
        node: [
          { op_type: 'Constant', output: ['two'], attribute: [{ name: 'value_float', f: 2, type: 1 }] },
          { op_type: 'Constant', output: ['axes'], attribute: [{ name: 'value_ints', ints: [0], type: 7 }] },
          { op_type: 'Magic', domain: 'other', input: ['x', ''], output: ['m', ''], name: 'magic' },
          { op_type: 'Mul', input: ['m', 'two'], output: ['y'] },
        ],
        input: [{ name: 'x', type: tensor(3) }],
        value_info: [{ name: 'm', type: tensor(5) }],
        output: [{ name: 'y', type: tensor(5) }],
      },
    }
    const { graph, opsets } = decodeModel(encodeModelMessage(message), 'm')
    expect(opsets).toEqual({ '': 13, other: 2 })
    expect(graph.value('y').shape).toEqual([5])
    expect(graph.initializers.get('two')).toEqual(float32([], [2]))
    expect(graph.initializers.get('axes')).toEqual(int64([1], [0]))
    expect(graph.nodes.map(({ name }) => name)).toEqual(['magic', 'Mul_3'])
    expect(decodeModel(encodeModel(decodeModel(encodeModelMessage(message), 'm').graph, { opsets }), 'm').opsets).toEqual({ '': 17, other: 2 })
    message.graph = { ...message.graph, value_info: [] }
    expect(failure(() => decodeModel(encodeModelMessage(message), 'm.onnx'))).toMatchObject({ code: 'unsupported', path: 'm.onnx', where: 'magic', message: 'The operator other.Magic at magic has no rule in this version.' })
  })
})

describe('what is not a model is refused with one sentence', () => {
  const bytes = encodeModel(detector())

  it('cut off anywhere', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(failure(() => decodeModel(bytes.slice(0, length), 'cut.onnx'))).toMatchObject({ code: 'bad-artifact', path: 'cut.onnx' })
    }
  })

  it('anything at all', () => {
    const sentence = (data: Uint8Array): void => {
      try {
        decodeModel(data, 'any.onnx')
      } catch (error) {
        expect(error).toBeInstanceOf(CuvetteError)
        expect(error).toMatchObject({ path: 'any.onnx' })
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), sentence), { seed: 1, numRuns: 300 })
    // One byte changed: often still a model, never an unexplained error.
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => sentence(bytes.map((byte, index) => (index === at ? value : byte)))),
      { seed: 2, numRuns: 2000 },
    )
  })

  const changed = (change: (message: ModelMessage) => void): CuvetteError => {
    const message = decodeModelMessage(bytes)
    change(message)
    return failure(() => decodeModel(encodeModelMessage(message), 'model.onnx'))
  }
  const graphOf = (message: ModelMessage) => message.graph as NonNullable<ModelMessage['graph']>
  const firstTensor = (message: ModelMessage) => graphOf(message).initializer?.find(({ name }) => name === 'tracker.center') as TensorMessage

  it.each<[string, (message: ModelMessage) => void, Partial<CuvetteError> & { message: unknown }]>([
    ['data in another file', (message) => Object.assign(firstTensor(message), { data_location: 1, external_data: [{ key: 'location', value: 'weights.bin' }] }), { code: 'bad-artifact', where: 'tracker.center', message: expect.stringContaining('keeps its data in another file') }],
    ['int8 weights', (message) => Object.assign(firstTensor(message), { data_type: 3 }), { code: 'bad-artifact', message: expect.stringContaining('element type int8') }],
    ['too few numbers', (message) => Object.assign(firstTensor(message), { raw_data: new Uint8Array(8) }), { code: 'bad-artifact', message: expect.stringContaining('holds 2 numbers; its shape [3] needs 3') }],
    ['broken numbers', (message) => Object.assign(firstTensor(message), { raw_data: new Uint8Array(7) }), { code: 'bad-artifact', message: expect.stringContaining('broken number of bytes') }],
    ['a later opset', (message) => Object.assign(message, { opset_import: [{ version: 22 }] }), { code: 'unsupported', message: 'The model uses ONNX opset 22; 11 to 21 are supported. Convert it to opset 17.' }],
    ['no opset', (message) => Object.assign(message, { opset_import: [] }), { code: 'bad-artifact', message: expect.stringContaining('not an ONNX model') }],
    ['sparse weights', (message) => Object.assign(graphOf(message), { sparse_initializer: [{}] }), { code: 'unsupported', message: 'The model holds sparse tensors, which are not supported.' }],
    ['a text input', (message) => Object.assign(graphOf(message).input?.[0].type?.tensor_type as object, { elem_type: 8 }), { code: 'bad-artifact', where: 'cube', message: expect.stringContaining('element type string') }],
    ['a sequence input', (message) => Object.assign(graphOf(message).input?.[0] as object, { type: { sequence_type: {} } }), { code: 'unsupported', where: 'cube', message: 'The value cube of the model is not a tensor.' }],
    ['a value that nothing makes', (message) => Object.assign(graphOf(message).node?.[0] as object, { input: ['cube', 'ghost'] }), { code: 'bad-artifact', message: expect.stringContaining('uses the value ghost, which nothing before it makes') }],
    ['a value made twice', (message) => Object.assign(graphOf(message).node?.[1] as object, { output: graphOf(message).node?.[0].output }), { code: 'bad-artifact', message: expect.stringContaining('already has a value named') }],
    ['an output that nothing makes', (message) => Object.assign(graphOf(message).output?.[0] as object, { name: 'ghost' }), { code: 'bad-artifact', message: expect.stringContaining('ghost') }],
    ['control flow', (message) => Object.assign(graphOf(message).node?.[0] as object, { attribute: [{ name: 'body', type: 5 }] }), { code: 'unsupported', message: expect.stringContaining('control flow') }],
    ['sizes that contradict', (message) => Object.assign(graphOf(message).input?.[0].type?.tensor_type as object, { shape: { dim: [{ dim_value: 4 }] } }), { code: 'bad-artifact', message: expect.stringContaining('cannot join the shapes [4] and [3]') }],
  ])('%s', (_, change, expected) => {
    expect(changed(change)).toMatchObject({ path: 'model.onnx', ...expected })
  })
})

it('keeps symbols of a graph that is copied, without its outputs', () => {
  const graph = detector()
  const copy = graph.copy()
  expect(copy.outputs).toEqual([])
  for (const node of graph.nodes) for (const output of node.outputs) expect(copy.value(output)).toEqual(graph.value(output) satisfies Value)
  copy.op('Exp', [copy.value('cube')])
  expect(copy.nodes.length).toBe(graph.nodes.length + 1)
})
