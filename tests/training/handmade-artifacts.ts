import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Builder } from 'flatbuffers'
import type { AttributeMessage, ModelMessage, NodeMessage, TypeMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModelMessage } from '../../src/engine/onnx/messages/schema'

// Training artifacts written operator by operator, as another program would, after the format alone: no part of the
// compiler, of the differentiation or of the writer of checkpoints is used here.

type Dims = (number | string)[]

const [FLOAT, INT64, BOOL] = [1, 7, 9]

function typed(element: number, dims: Dims): TypeMessage {
  return { tensor_type: { elem_type: element, shape: { dim: dims.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size })) } } }
}

function op(type: string, input: string[], output: string, attributes: Record<string, number | number[]> = {}, domain = ''): NodeMessage {
  const attribute: AttributeMessage[] = Object.entries(attributes).map(([name, value]) => (Array.isArray(value) ? { name, ints: value, type: 7 } : { name, i: value, type: 2 }))
  return { op_type: type, name: `${type} of ${output}`, input, output: [output], attribute, ...(domain !== '' && { domain }) }
}

function float(name: string, values: number[], dims = [values.length]) {
  return { name, dims, data_type: FLOAT, raw_data: new Uint8Array(Float32Array.from(values).buffer) }
}

/** What differs between hand-made sets. */
export interface Handmade {
  inputs: [string, number, Dims][]
  parameters: Record<string, { dims: number[]; values: Float32Array }>
  frozen?: Record<string, { dims: number[]; values: Float32Array }>
  constants: ReturnType<typeof float>[]
  forward: NodeMessage[]
  backward: NodeMessage[]
  /** Gradient tensor by parameter. */
  gradients: Record<string, string>
  /** First is the loss. */
  outputs: [string, number, Dims][]
}

/** Soft-boundary Deep SVDD: x [batch, bands] and radius_sq, one hidden layer, a center that does not train. */
export function handmadeSVDD(bands: number): Handmade {
  const values = (count: number, seed: number): Float32Array => Float32Array.from({ length: count }, (_, at) => 0.15 * Math.sin(1.7 * (at + 1) * (seed + 1)))
  return {
    inputs: [['x', FLOAT, ['batch', bands]], ['radius_sq', FLOAT, []]],
    parameters: { 'fc1.weight': { dims: [8, bands], values: values(8 * bands, 1) }, 'fc1.bias': { dims: [8], values: values(8, 2) }, 'fc2.weight': { dims: [3, 8], values: values(24, 3) } },
    frozen: { center: { dims: [3], values: Float32Array.of(1.5, -0.5, 0.25) } },
    constants: [float('scale', [0.01]), float('inv_nu', [10], []), float('two', [2], []), float('zero', [0], []), { name: 'axis1', dims: [1], data_type: INT64, raw_data: new Uint8Array(BigInt64Array.of(1n).buffer) }, { name: 'axis0', dims: [1], data_type: INT64, raw_data: new Uint8Array(BigInt64Array.of(0n).buffer) }, { name: 'first', dims: [], data_type: INT64, raw_data: new Uint8Array(BigInt64Array.of(0n).buffer) }],
    forward: [
      op('Mul', ['x', 'scale'], 'xs'), op('Gemm', ['xs', 'fc1.weight', 'fc1.bias'], 'h', { transB: 1 }), op('Relu', ['h'], 'a'), op('Gemm', ['a', 'fc2.weight'], 'z', { transB: 1 }),
      op('Sub', ['z', 'center'], 'd'), op('Mul', ['d', 'd'], 'sq'), op('ReduceSum', ['sq', 'axis1'], 'dist', { keepdims: 1 }),
      op('Sub', ['dist', 'radius_sq'], 'm'), op('Relu', ['m'], 'r'), op('ReduceMean', ['r'], 'mean', { keepdims: 0 }), op('Mul', ['mean', 'inv_nu'], 'penalty'), op('Add', ['radius_sq', 'penalty'], 'svdd_loss'),
    ],
    backward: [
      op('Shape', ['x'], 'shape'), op('Gather', ['shape', 'first'], 'rows'), op('Cast', ['rows'], 'rows_f', { to: FLOAT }), op('Div', ['inv_nu', 'rows_f'], 'per_row'), op('Mul', ['per_row', 'two'], 'factor'),
      op('Greater', ['m', 'zero'], 'outside'), op('Cast', ['outside'], 'outside_f', { to: FLOAT }), op('Mul', ['outside_f', 'factor'], 'dm2'), op('Mul', ['d', 'dm2'], 'dz'),
      op('Gemm', ['dz', 'a'], 'g_w2', { transA: 1 }), op('MatMul', ['dz', 'fc2.weight'], 'da'), op('Greater', ['h', 'zero'], 'active'), op('Where', ['active', 'da', 'zero'], 'dh'),
      op('Gemm', ['dh', 'xs'], 'g_w1', { transA: 1 }), op('ReduceSum', ['dh', 'axis0'], 'g_b1', { keepdims: 0 }),
    ],
    gradients: { 'fc1.weight': 'g_w1', 'fc1.bias': 'g_b1', 'fc2.weight': 'g_w2' },
    outputs: [['svdd_loss', FLOAT, []], ['dist', FLOAT, ['batch', 1]]],
  }
}

/** Logistic regression against a mask: features [n, bands], labels float32 [n, 1]. */
export function handmadeLogistic(bands: number): Handmade {
  return {
    inputs: [['features', FLOAT, ['n', bands]], ['labels', FLOAT, ['n', 1]]],
    parameters: { w: { dims: [bands, 1], values: Float32Array.from({ length: bands }, (_, at) => 0.01 * (at - 2)) }, b: { dims: [1], values: Float32Array.of(0.1) } },
    constants: [float('scale', [0.01]), { name: 'axis0', dims: [1], data_type: INT64, raw_data: new Uint8Array(BigInt64Array.of(0n).buffer) }, { name: 'first', dims: [], data_type: INT64, raw_data: new Uint8Array(BigInt64Array.of(0n).buffer) }],
    forward: [
      op('Mul', ['features', 'scale'], 'xs'), op('MatMul', ['xs', 'w'], 'product'), op('Add', ['product', 'b'], 'logit'),
      // softplus(z) - y z
      op('Softplus', ['logit'], 'softplus'), op('Mul', ['labels', 'logit'], 'chosen'), op('Sub', ['softplus', 'chosen'], 'each'), op('ReduceMean', ['each'], 'bce', { keepdims: 0 }),
    ],
    backward: [
      op('Shape', ['features'], 'shape'), op('Gather', ['shape', 'first'], 'rows'), op('Cast', ['rows'], 'rows_f', { to: FLOAT }),
      op('Sigmoid', ['logit'], 'p'), op('Sub', ['p', 'labels'], 'off'), op('Div', ['off', 'rows_f'], 'dz'), op('Gemm', ['xs', 'dz'], 'w_grad', { transA: 1 }), op('ReduceSum', ['dz', 'axis0'], 'b_grad', { keepdims: 0 }),
    ],
    gradients: { w: 'w_grad', b: 'b_grad' },
    outputs: [['bce', FLOAT, []]],
  }
}

function parameterInputs({ parameters, frozen = {} }: Handmade) {
  return Object.entries({ ...parameters, ...frozen }).map(([name, { dims }]) => ({ name, type: typed(FLOAT, dims) }))
}

function modelOf({ inputs, constants }: Handmade, name: string, node: NodeMessage[], more: { input: object[]; output: [string, number, Dims][] }): ModelMessage {
  return {
    ir_version: 8,
    producer_name: 'by hand',
    opset_import: [{ domain: '', version: 17 }, { domain: 'com.microsoft', version: 1 }],
    graph: {
      name,
      node,
      initializer: constants,
      input: [...inputs.map(([input, element, dims]) => ({ name: input, type: typed(element, dims) })), ...more.input],
      output: more.output.map(([output, element, dims]) => ({ name: output, type: typed(element, dims) })),
    },
  }
}

export function trainingModel(set: Handmade): ModelMessage {
  const accumulators = Object.entries(set.gradients).map(([parameter, gradient]) => op('InPlaceAccumulatorV2', [`${parameter}_grad.accumulation.buffer`, gradient, 'lazy_reset_grad'], `${parameter}_grad.accumulation.out`, {}, 'com.microsoft'))
  const buffers = Object.entries(set.parameters).map(([name, { dims }]) => ({ name: `${name}_grad.accumulation.buffer`, type: typed(FLOAT, dims) }))
  return modelOf(set, 'training', [...set.forward, ...set.backward, ...accumulators], {
    input: [...parameterInputs(set), ...buffers, { name: 'lazy_reset_grad', type: typed(BOOL, [1]) }],
    output: [...set.outputs, ...Object.keys(set.parameters).map((name): [string, number, Dims] => [`${name}_grad.accumulation.out`, BOOL, [1]])],
  })
}

export function evaluationModel(set: Handmade): ModelMessage {
  return modelOf(set, 'evaluation', set.forward, { input: parameterInputs(set), output: set.outputs })
}

/** AdamW in mode 0 (as PyTorch) or 1 (as Hugging Face Transformers). */
export function optimizerModel(mode = 0, constants: Record<string, number> = {}, correctBias = 1): ModelMessage {
  const sequence = { sequence_type: { elem_type: { tensor_type: { elem_type: FLOAT } } } }
  const names = ['params', 'gradients', 'first_order_moments', 'second_order_moments']
  const attribute: AttributeMessage[] = [...Object.entries({ alpha: 0.9, beta: 0.999, epsilon: 1e-8, weight_decay: 0.01, ...constants }).map(([name, f]) => ({ name, f, type: 1 })), { name: 'correct_bias', i: correctBias, type: 2 }, { name: 'adam_mode', i: mode, type: 2 }]
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }, { domain: 'com.microsoft', version: 1 }],
    graph: {
      name: 'optimizer',
      node: [{ op_type: 'AdamWOptimizer', domain: 'com.microsoft', name: 'AdamW', input: ['learning_rate', 'step', ...names], output: ['updated_flag'], attribute }],
      input: [{ name: 'learning_rate', type: typed(FLOAT, [1]) }, { name: 'step', type: typed(INT64, [1]) }, ...names.map((name) => ({ name, type: sequence }))],
      output: [{ name: 'updated_flag', type: typed(BOOL, [1]) }],
    },
  }
}

/** A checkpoint of version 2 without optimizer state, with a float property that is somebody's own. */
export function checkpointBytes({ parameters, frozen = {} }: Handmade, version = 2): Uint8Array {
  const builder = new Builder(1024)
  const list = (offsets: number[]): number => {
    builder.startVector(4, offsets.length, 4)
    for (const offset of [...offsets].reverse()) builder.addOffset(offset)
    return builder.endVector()
  }
  const tensors = (of: NonNullable<Handmade['frozen']>): number => list(Object.entries(of).map(([name, { dims, values }]) => {
    const data = builder.createByteVector(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    builder.startVector(8, dims.length, 8)
    for (const size of [...dims].reverse()) builder.addInt64(BigInt(size))
    const shape = builder.endVector()
    const label = builder.createString(name)
    builder.startObject(6)
    builder.addFieldOffset(0, label, 0)
    builder.addFieldOffset(2, shape, 0)
    builder.addFieldInt32(3, FLOAT, 0)
    builder.addFieldOffset(4, data, 0)
    return builder.endObject()
  }))
  const [trained, fixed] = [tensors(parameters), tensors(frozen)]
  builder.startObject(4)
  builder.addFieldOffset(0, trained, 0)
  builder.addFieldOffset(1, fixed, 0)
  const state = builder.endObject()
  const label = builder.createString('best_score')
  builder.startObject(2)
  builder.addFieldOffset(0, label, 0)
  builder.addFieldFloat32(1, 0.75, 0)
  const floats = list([builder.endObject()])
  builder.startObject(3)
  builder.addFieldOffset(1, floats, 0)
  const bag = builder.endObject()
  builder.startObject(4)
  builder.addFieldInt32(0, version, 0)
  builder.addFieldOffset(1, state, 0)
  builder.addFieldOffset(3, bag, 0)
  builder.finish(builder.endObject(), 'ODTC')
  return builder.asUint8Array().slice()
}

/** Writes a set into a new folder. */
export async function writeHandmade(folder: string, set: Handmade, change: Partial<Record<'training' | 'evaluation', (message: ModelMessage) => void>> = {}): Promise<string> {
  await mkdir(folder, { recursive: true })
  const training = trainingModel(set)
  const evaluation = evaluationModel(set)
  change.training?.(training)
  change.evaluation?.(evaluation)
  await writeFile(join(folder, 'training_model.onnx'), encodeModelMessage(training))
  await writeFile(join(folder, 'eval_model.onnx'), encodeModelMessage(evaluation))
  await writeFile(join(folder, 'optimizer_model.onnx'), encodeModelMessage(optimizerModel()))
  await writeFile(join(folder, 'checkpoint'), checkpointBytes(set))
  return folder
}
