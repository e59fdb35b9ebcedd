import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Graph } from '../../src/engine/onnx/graph'
import type { AttributeMessage, GraphMessage, ModelMessage, NodeMessage, TensorMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel, inlineModel } from '../../src/engine/onnx/reading/decode'
import { readModelFile } from '../../src/engine/onnx/reading/file'
import { openSession } from '../../src/engine/onnx/session'
import { elementCount, float32 } from '../../src/engine/onnx/tensor'
import { scattered } from './finite-differences'

const ints = (name: string, ...values: number[]): AttributeMessage => ({ name, ints: values, type: 7 })
const int = (name: string, i: number): AttributeMessage => ({ name, i, type: 2 })
const float = (name: string, f: number): AttributeMessage => ({ name, f, type: 1 })
const string = (name: string, s: string): AttributeMessage => ({ name, s: new TextEncoder().encode(s), type: 3 })
const list = (name: string, ...values: number[]): TensorMessage => ({ name, dims: [values.length], data_type: 7, int64_data: values })
const numbers = (name: string, ...values: number[]): TensorMessage => ({ name, dims: [values.length], data_type: 1, float_data: values })

interface Given {
  opset: number
  shape: number[]
  nodes: NodeMessage[]
  weights?: TensorMessage[]
  outputs?: string[]
  domains?: string[]
}

function messageOf({ opset, shape, nodes, weights = [], outputs = ['y'], domains = [] }: Given): ModelMessage {
  const type = { tensor_type: { elem_type: 1, shape: { dim: shape.map((_, axis) => ({ dim_param: `d${axis}` })) } } }
  return {
    ir_version: opset < 15 ? 7 : 8,
    opset_import: [{ domain: '', version: opset }, ...domains.map((domain) => ({ domain, version: 1 }))],
    graph: { name: 'g', node: nodes, initializer: weights, input: [{ name: 'x', type }], output: outputs.map((name) => ({ name, type: { tensor_type: { elem_type: 1 } } })) },
  }
}

async function outputsOf(bytes: Uint8Array, shape: number[], outputs: readonly string[]): Promise<{ shape: readonly number[]; data: Float32Array }[]> {
  const session = await openSession(bytes, 'cpu', { threads: 1 })
  const found = await session.run({ x: float32(shape, Array.from({ length: elementCount(shape) }, (_, index) => scattered(3)(index))) })
  await session.release()
  return outputs.map((name) => ({ shape: found[name].shape, data: found[name].data as Float32Array }))
}

// What the runtime makes of the file itself is what our words for it must make.
const same: Record<string, Given> = {
  'Squeeze with axes as an attribute': { opset: 11, shape: [1, 3, 1], nodes: [{ op_type: 'Squeeze', input: ['x'], output: ['y'], attribute: [ints('axes', 0)] }] },
  'Unsqueeze with axes as an attribute': { opset: 11, shape: [2, 3], nodes: [{ op_type: 'Unsqueeze', input: ['x'], output: ['y'], attribute: [ints('axes', 0, 3)] }] },
  'ReduceSum with axes as an attribute': { opset: 11, shape: [2, 3, 2], nodes: [{ op_type: 'ReduceSum', input: ['x'], output: ['y'], attribute: [ints('axes', 1), int('keepdims', 0)] }] },
  'ReduceMean with axes as an input': { opset: 18, shape: [2, 3, 2], nodes: [{ op_type: 'ReduceMean', input: ['x', 'axes'], output: ['y'] }], weights: [list('axes', -1)] },
  'ReduceMax with empty axes that mean none': { opset: 18, shape: [2, 3], nodes: [{ op_type: 'ReduceMax', input: ['x', 'axes'], output: ['y'], attribute: [int('noop_with_empty_axes', 1)] }], weights: [list('axes')] },
  'ReduceL2 over everything': { opset: 18, shape: [2, 3], nodes: [{ op_type: 'ReduceL2', input: ['x'], output: ['y'] }] },
  'Split with sizes as an attribute': { opset: 11, shape: [2, 5], nodes: [{ op_type: 'Split', input: ['x'], output: ['y', 'z'], attribute: [int('axis', 1), ints('split', 2, 3)] }], outputs: ['y', 'z'] },
  'Softmax over several axes at once': { opset: 11, shape: [2, 3, 2], nodes: [{ op_type: 'Softmax', input: ['x'], output: ['y'] }] },
  'LogSoftmax over the last axis': { opset: 12, shape: [2, 3], nodes: [{ op_type: 'LogSoftmax', input: ['x'], output: ['y'] }] },
  'Pad along named axes': { opset: 18, shape: [2, 3], nodes: [{ op_type: 'Pad', input: ['x', 'pads', '', 'axes'], output: ['y'] }], weights: [list('pads', 1, 2), list('axes', -1)] },
  'Resize of opset 11': { opset: 11, shape: [1, 1, 3, 2], nodes: [{ op_type: 'Resize', input: ['x', 'roi', 'scales'], output: ['y'], attribute: [string('mode', 'linear')] }], weights: [numbers('roi'), numbers('scales', 1, 1, 2, 3)] },
  'Resize of opset 18 along named axes': { opset: 18, shape: [1, 1, 3, 2], nodes: [{ op_type: 'Resize', input: ['x', '', '', 'sizes'], output: ['y'], attribute: [string('mode', 'linear'), ints('axes', 2, 3)] }], weights: [list('sizes', 5, 7)] },
  'Resize with antialiasing': { opset: 18, shape: [1, 1, 8, 6], nodes: [{ op_type: 'Resize', input: ['x', '', '', 'sizes'], output: ['y'], attribute: [string('mode', 'linear'), int('antialias', 1)] }], weights: [list('sizes', 1, 1, 3, 4)] },
  'Resize with antialiasing, pixels outside left out': { opset: 18, shape: [1, 1, 8, 6], nodes: [{ op_type: 'Resize', input: ['x', '', '', 'sizes'], output: ['y'], attribute: [string('mode', 'linear'), int('antialias', 1), int('exclude_outside', 1)] }], weights: [list('sizes', 1, 1, 3, 4)] },
  'cubic Resize with antialiasing': { opset: 19, shape: [1, 1, 8, 6], nodes: [{ op_type: 'Resize', input: ['x', '', '', 'sizes'], output: ['y'], attribute: [string('mode', 'cubic'), int('antialias', 1), float('cubic_coeff_a', -0.5)] }], weights: [list('sizes', 1, 1, 3, 4)] },
  'Gelu': { opset: 20, shape: [2, 3], nodes: [{ op_type: 'Gelu', input: ['x'], output: ['y'] }] },
  'Gelu by tanh': { opset: 20, shape: [2, 3], nodes: [{ op_type: 'Gelu', input: ['x'], output: ['y'], attribute: [string('approximate', 'tanh')] }] },
  'Mish': { opset: 18, shape: [2, 3], nodes: [{ op_type: 'Mish', input: ['x'], output: ['y'] }] },
  'GroupNormalization of opset 21': { opset: 21, shape: [2, 4, 3], nodes: [{ op_type: 'GroupNormalization', input: ['x', 's', 'b'], output: ['y'], attribute: [int('num_groups', 2)] }], weights: [numbers('s', 1, 2, 3, 4), numbers('b', 0, 1, 0, 2)] },
  'DepthToSpace in the order CRD': { opset: 13, shape: [1, 8, 2, 3], nodes: [{ op_type: 'DepthToSpace', input: ['x'], output: ['y'], attribute: [int('blocksize', 2), string('mode', 'CRD')] }] },
  'GlobalMaxPool': { opset: 13, shape: [2, 3, 2, 2], nodes: [{ op_type: 'GlobalMaxPool', input: ['x'], output: ['y'] }] },
  'Dropout': { opset: 13, shape: [2, 3], nodes: [{ op_type: 'Dropout', input: ['x'], output: ['d'] }, { op_type: 'Neg', input: ['d'], output: ['y'] }] },
  'QuickGelu': { opset: 17, domains: ['com.microsoft'], shape: [2, 3], nodes: [{ op_type: 'QuickGelu', domain: 'com.microsoft', input: ['x'], output: ['y'], attribute: [float('alpha', 1.5)] }] },
  'BiasGelu': { opset: 17, domains: ['com.microsoft'], shape: [2, 3], nodes: [{ op_type: 'BiasGelu', domain: 'com.microsoft', input: ['x', 'b'], output: ['y'] }], weights: [numbers('b', 1, -1, 0.5)] },
  'FastGelu': { opset: 17, domains: ['com.microsoft'], shape: [2, 3], nodes: [{ op_type: 'FastGelu', domain: 'com.microsoft', input: ['x'], output: ['y'] }] },
}

describe('forms of other opsets compute what the runtime computes', () => {
  it.each(Object.entries(same))('%s', async (_, given) => {
    const original = encodeModelMessage(messageOf(given))
    const outputs = given.outputs ?? ['y']
    const wanted = await outputsOf(original, given.shape, outputs)
    const graph = new Graph()
    const x = graph.input('x', 'float32', given.shape)
    for (const [name, value] of Object.entries(inlineModel(graph, original, 'm.onnx', 'node', { x }, outputs))) graph.output(name, value)
    const found = await outputsOf(encodeModel(graph), given.shape, outputs)
    found.forEach(({ shape, data }, index) => {
      expect(shape).toEqual(wanted[index].shape)
      data.forEach((value, at) => expect(Math.abs(value - wanted[index].data[at])).toBeLessThan(2e-5))
    })
  })
})

it('cuts into parts of which the last is smaller', () => {
  const graph = new Graph()
  const x = graph.input('x', 'float32', [2, 5])
  const bytes = encodeModelMessage(messageOf({ opset: 18, shape: [2, 5], nodes: [{ op_type: 'Split', input: ['x'], output: ['y', 'z'], attribute: [int('axis', 1), int('num_outputs', 2)] }], outputs: ['y', 'z'] }))
  const { y, z } = inlineModel(graph, bytes, 'm', 'node', { x }, ['y', 'z'])
  expect([y.shape, z.shape]).toEqual([[2, 3], [2, 2]])
})

it('computes half precision in float32', () => {
  const half: TensorMessage = { name: 'w', dims: [4], data_type: 10, raw_data: new Uint8Array(Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7c00).buffer) }
  const brain: TensorMessage = { name: 'v', dims: [2], data_type: 16, raw_data: new Uint8Array(Uint16Array.of(0x3f80, 0xc049).buffer) }
  const { graph } = decodeModel(encodeModelMessage(messageOf({ opset: 17, shape: [4], nodes: [{ op_type: 'Cast', input: ['x'], output: ['h'], attribute: [int('to', 10)] }, { op_type: 'Mul', input: ['h', 'w'], output: ['y'] }], weights: [half, brain] })), 'm')
  expect(Array.from(graph.initializers.get('w')?.data as Float32Array)).toEqual([1, -2.5, 2 ** -24, Infinity])
  expect(Array.from(graph.initializers.get('v')?.data as Float32Array)).toEqual([1, -3.140625])
  expect(graph.value('y').type).toBe('float32')
})

describe('control flow', () => {
  const choice = (condition: string): NodeMessage => {
    const branch = (op: string): GraphMessage => ({ node: [{ op_type: op, input: ['x'], output: [`${op} out`] }], output: [{ name: `${op} out` }] })
    return { op_type: 'If', name: 'chooses', input: [condition], output: ['y'], attribute: [{ name: 'then_branch', g: branch('Exp'), type: 5 }, { name: 'else_branch', g: branch('Neg'), type: 5 }] }
  }

  it('that shapes decide is decided when it is read', () => {
    const nodes: NodeMessage[] = [
      { op_type: 'Shape', input: ['x'], output: ['s'] }, { op_type: 'Gather', input: ['s', 'one'], output: ['n'] }, { op_type: 'Equal', input: ['n', 'three'], output: ['c'] }, choice('c'),
    ]
    for (const [samples, op] of [[3, 'Exp'], [4, 'Neg']] as const) {
      const graph = new Graph()
      const x = graph.input('x', 'float32', ['B', samples])
      const bytes = encodeModelMessage(messageOf({ opset: 17, shape: [2, 3], nodes, weights: [list('one', 1), list('three', 3)] }))
      const { y } = inlineModel(graph, bytes, 'm', 'node', { x }, ['y'])
      expect(graph.producer(y.name)?.op).toBe(op)
    }
  })

  it('that data decide is refused, with where it sits', () => {
    const nodes: NodeMessage[] = [{ op_type: 'ReduceMax', input: ['x'], output: ['m'], attribute: [int('keepdims', 0)] }, { op_type: 'Greater', input: ['m', 'zero'], output: ['c'] }, choice('c')]
    const bytes = encodeModelMessage(messageOf({ opset: 17, shape: [2], nodes, weights: [{ name: 'zero', dims: [], data_type: 1, float_data: [0] }] }))
    expect(() => decodeModel(bytes, 'm')).toThrowError(expect.objectContaining({ code: 'unsupported', where: 'chooses', message: 'The operator If at chooses chooses by data (c), which is not supported; export the model without control flow.' }))
  })
})

it('replaces functions of the file by what they stand for', async () => {
  const message = messageOf({ opset: 17, domains: ['mine'], shape: [3], nodes: [{ op_type: 'Scaled', domain: 'mine', name: 'f', input: ['x'], output: ['y'], attribute: [float('slope', 0.25)] }] })
  message.functions = [{ name: 'Scaled', domain: 'mine', input: ['a'], output: ['b'], attribute: ['slope'], opset_import: [{ version: 17 }], node: [
    { op_type: 'Neg', input: ['a'], output: ['t'] }, { op_type: 'LeakyRelu', input: ['t'], output: ['b'], attribute: [{ name: 'alpha', ref_attr_name: 'slope', type: 1 }] },
  ] }]
  const bytes = encodeModelMessage(message)
  const graph = new Graph()
  const x = graph.input('x', 'float32', [3])
  graph.output('y', inlineModel(graph, bytes, 'm', 'node', { x }, ['y']).y)
  expect((await outputsOf(encodeModel(graph), [3], ['y']))[0].data).toEqual((await outputsOf(bytes, [3], ['y']))[0].data)
})

describe('weights in other files', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cuvette-model-'))
    await mkdir(join(folder, 'model'))
    await writeFile(join(folder, 'outside.bin'), new Uint8Array(Float32Array.of(9, 9).buffer))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const written = async (location: string, more: { key: string; value: string }[] = []): Promise<string> => {
    const path = join(folder, 'model', 'm.onnx')
    const weight: TensorMessage = { name: 'w', dims: [2], data_type: 1, data_location: 1, external_data: [{ key: 'location', value: location }, ...more] }
    await writeFile(path, encodeModelMessage(messageOf({ opset: 17, shape: [2], nodes: [{ op_type: 'Mul', input: ['x', 'w'], output: ['y'] }], weights: [weight] })))
    return path
  }

  it('are taken over from the folder of the model', async () => {
    const path = await written('w.bin', [{ key: 'offset', value: '4' }, { key: 'length', value: '8' }])
    await writeFile(join(folder, 'model', 'w.bin'), new Uint8Array(Float32Array.of(0, 3, -4).buffer))
    expect(decodeModel(await readModelFile(path), path).graph.initializers.get('w')).toEqual(float32([2], [3, -4]))
    await truncate(join(folder, 'model', 'w.bin'), 8)
    await expect(readModelFile(path)).rejects.toMatchObject({ code: 'bad-artifact', where: 'w', message: 'The tensor w in the model takes bytes 4 to 12 of w.bin, which has 8; the file is not whole.' })
  })

  it('are refused from anywhere else, links included', async () => {
    await symlink(join(folder, 'outside.bin'), join(folder, 'model', 'link.bin'))
    for (const location of ['../outside.bin', join(folder, 'outside.bin'), 'link.bin']) {
      await expect(readModelFile(await written(location))).rejects.toMatchObject({ code: 'bad-artifact', where: 'w', message: expect.stringContaining('which is not in the folder of the model') as string })
    }
    await expect(readModelFile(await written('missing.bin'))).rejects.toMatchObject({ code: 'missing-file' })
  })

  it('of a file that is too large, or no file, get a sentence', async () => {
    const path = join(folder, 'huge.onnx')
    await writeFile(path, '')
    await truncate(path, 2 ** 31)
    await expect(readModelFile(path)).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('at most 2147483647 are supported') as string })
    await expect(readModelFile(folder)).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('is not a file') as string })
  })
})
