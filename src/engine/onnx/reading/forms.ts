import { CuvetteError } from '../../../shared/problem'
import { onnxTypeOf } from '../element-types'
import type { Attribute, Graph, GraphNode, Value } from '../graph'
import { integers, literal } from '../operators/adjoint'
import { axisOf, floatAttribute, intAttribute, intsAttribute, knownIntegers, refuse, stringAttribute } from '../operators/context'
import { antialiasMatrix, applyAlong } from '../operators/interpolation'
import { knownNumbers } from '../operators/known'

// Forms of operators that other opsets (11 to 21) and the domain com.microsoft have, in the words of opset 17. Sources:
// the ONNX operator specifications, and those of ONNX Runtime's contributed operators.

export interface FormContext {
  graph: Graph
  node: GraphNode
  inputs: (Value | null)[]
  /** Of the domain ai.onnx. */
  opset: number
}

/** The same operator in another form, or the values that stand for its outputs. */
export type Form = { op?: string; inputs: (Value | null)[]; attributes: Record<string, Attribute> } | { values: Value[] }

/** null: the node stands as it is. */
export function formOf(context: FormContext): Form | null {
  const { node } = context
  const name = node.domain === '' ? node.op : `${node.domain}.${node.op}`
  const write = forms[name] as ((given: FormContext) => Form | null) | undefined
  return write ? write(context) : null
}

function without(attributes: GraphNode['attributes'], ...names: string[]): Record<string, Attribute> {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)))
}

function input({ node, inputs }: FormContext, index: number): Value {
  return inputs[index] ?? refuse(node, `lacks its input ${index}`)
}

/** Lists that were attributes become inputs. */
const listAsInput = (attribute: string, at = 1) => (context: FormContext): Form | null => {
  const list = intsAttribute(context.node, attribute)
  if (!list) return null
  const inputs = [...context.inputs]
  while (inputs.length <= at) inputs.push(null)
  inputs[at] = integers(context.graph, list)
  return { inputs, attributes: without(context.node.attributes, attribute) }
}

/** The reductions whose axes are an attribute at opset 17. */
function reductionForm(context: FormContext): Form | null {
  const { graph, node, inputs } = context
  const attributes = without(node.attributes, 'noop_with_empty_axes')
  const named = inputs[1]
  const axes = named ? literalList(context, named, 'axes') : []
  if (axes.length > 0) return { inputs: [inputs[0]], attributes: { ...attributes, axes: { kind: 'ints', value: axes } } }
  if (node.attributes.axes) return null
  if (intAttribute(node, 'noop_with_empty_axes', 0) === 1) return { values: [graph.op('Identity', [inputs[0]])] }
  return { inputs: [inputs[0]], attributes }
}

function literalList({ graph, node }: FormContext, value: Value, what: string): number[] {
  const known = knownIntegers(graph, value)
  if (!known?.every((integer) => typeof integer === 'number')) return refuse(node, `takes its ${what} from data; literal integers are expected`)
  return known as number[]
}

/** Before opset 13 all axes from `axis` on were one. */
function softmaxForm(context: FormContext): Form | null {
  const { graph, node, opset } = context
  if (opset >= 13) return null
  const x = input(context, 0)
  const axis = axisOf(node, intAttribute(node, 'axis', 1), x.shape.length)
  if (axis === x.shape.length - 1) return { inputs: [x], attributes: { axis: { kind: 'int', value: axis } } }
  const flat = graph.op(node.op, [graph.op('Flatten', [x], { axis })], { axis: 1 })
  return { values: [graph.op('Reshape', [flat, graph.op('Shape', [x])], {}, { shape: x.shape })] }
}

function clipForm(context: FormContext): Form | null {
  const { graph, node, inputs } = context
  if (!node.attributes.min && !node.attributes.max) return null
  const x = input(context, 0)
  const bound = (name: 'min' | 'max', index: number): Value | null => (node.attributes[name] ? literal(graph, x.type, floatAttribute(node, name, 0)) : (inputs[index] ?? null))
  return { inputs: [x, bound('min', 1), bound('max', 2)], attributes: {} }
}

function padForm(context: FormContext): Form | null {
  const { graph, node, inputs } = context
  const x = input(context, 0)
  const attributes = without(node.attributes, 'pads', 'value')
  const list = intsAttribute(node, 'pads')
  if (list) return { inputs: [x, integers(graph, list), literal(graph, x.type, floatAttribute(node, 'value', 0))], attributes }
  const named = inputs[3]
  if (!named) return inputs.length > 3 ? { inputs: inputs.slice(0, 3), attributes } : null
  const axes = literalList(context, named, 'axes').map((axis) => axisOf(node, axis, x.shape.length))
  const given = literalList(context, input(context, 1), 'paddings')
  const pads = Array.from({ length: 2 * x.shape.length }, () => 0)
  axes.forEach((axis, index) => {
    pads[axis] = given[index]
    pads[axis + x.shape.length] = given[index + axes.length]
  })
  return { inputs: [x, integers(graph, pads), inputs[2] ?? null], attributes }
}

function sliceForm(context: FormContext): Form | null {
  const { graph, node } = context
  const [starts, ends] = [intsAttribute(node, 'starts'), intsAttribute(node, 'ends')]
  if (!starts || !ends) return null
  const axes = intsAttribute(node, 'axes') ?? starts.map((_, axis) => axis)
  return { inputs: [input(context, 0), integers(graph, starts), integers(graph, ends), integers(graph, axes)], attributes: {} }
}

function splitForm(context: FormContext): Form | null {
  const { graph, node, inputs } = context
  const stated = listAsInput('split')(context)
  if (stated) return stated
  const attributes = without(node.attributes, 'num_outputs')
  const x = input(context, 0)
  const size = x.shape[axisOf(node, intAttribute(node, 'axis', 0), x.shape.length)]
  const count = node.outputs.length
  // The last part may be smaller.
  if (inputs[1] || typeof size !== 'number' || size % count === 0) return { inputs, attributes }
  const part = Math.ceil(size / count)
  return { inputs: [x, integers(graph, node.outputs.map((_, index) => Math.max(0, Math.min(part, size - index * part))))], attributes }
}

function resizeForm(context: FormContext): Form | null {
  const { graph, node, inputs } = context
  const x = input(context, 0)
  const present = (index: number): Value | null => {
    const value = inputs[index] ?? null
    return value && value.shape.length === 1 && value.shape[0] === 0 ? null : value
  }
  const policy = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch')
  if (policy !== 'stretch') refuse(node, `keeps the aspect ratio by ${policy}, which is not supported; stretch is expected`)
  const attributes = without(node.attributes, 'antialias', 'axes', 'keep_aspect_ratio_policy')
  const axes = intsAttribute(node, 'axes')?.map((axis) => axisOf(node, axis, x.shape.length))
  let [scales, sizes] = [present(2), present(3)]
  if (axes) {
    const every = x.shape.map((_, axis) => axis)
    if (sizes) {
      const parts = every.map((axis) => (axes.includes(axis) ? graph.op('Gather', [sizes, integers(graph, [axes.indexOf(axis)])], { axis: 0 }) : graph.size(x, axis)))
      sizes = graph.op('Concat', parts, { axis: 0 })
    }
    if (scales) {
      const known = knownNumbers(graph, scales)
      if (!known?.every((scale) => typeof scale === 'number')) return refuse(node, 'takes its scales from data; literal numbers are expected')
      scales = graph.constant({ type: 'float32', shape: [every.length], data: Float32Array.from(every, (axis) => (axes.includes(axis) ? (known[axes.indexOf(axis)] as number) : 1)) })
    }
  }
  const form: Form = { inputs: sizes ? [x, null, null, sizes] : [x, null, scales], attributes }
  if (intAttribute(node, 'antialias', 0) === 0) return form
  return { values: [antialiased(context, x, graph.op('Resize', form.inputs, attributes))] }
}

/** A resize with antialiasing as products with matrices. `plain` gives the sizes. */
function antialiased({ graph, node }: FormContext, x: Value, plain: Value): Value {
  const mode = stringAttribute(node, 'mode', 'nearest')
  if (mode !== 'linear' && mode !== 'cubic') return refuse(node, `has antialiasing with the mode ${mode}; linear or cubic is expected`)
  const size = (value: Value, axis: number) => (typeof value.shape[axis] === 'number' ? value.shape[axis] : graph.size(value, axis))
  const options = { cubic: floatAttribute(node, 'cubic_coeff_a', -0.75), outside: intAttribute(node, 'exclude_outside', 0) === 1 ? ('left out' as const) : ('to the border' as const) }
  let result = x
  for (let axis = x.shape.length - 1; axis >= 0; axis -= 1) {
    if (x.shape[axis] === plain.shape[axis]) continue
    result = applyAlong(graph, result, antialiasMatrix(graph, size(x, axis), size(plain, axis), mode, options), axis)
  }
  return { ...result, shape: plain.shape }
}

/** x (1 + erf(x / sqrt 2)) / 2, or its approximation by tanh. */
function gelu(graph: Graph, x: Value, byTanh: boolean): Value {
  const number = (value: number): Value => literal(graph, x.type, value)
  const half = graph.op('Mul', [x, number(0.5)])
  if (!byTanh) return graph.op('Mul', [half, graph.op('Add', [graph.op('Erf', [graph.op('Div', [x, number(Math.SQRT2)])]), number(1)])])
  const cubic = graph.op('Mul', [graph.op('Mul', [x, graph.op('Mul', [x, x])]), number(0.044715)])
  const inner = graph.op('Mul', [graph.op('Add', [x, cubic]), number(Math.sqrt(2 / Math.PI))])
  return graph.op('Mul', [half, graph.op('Add', [graph.op('Tanh', [inner]), number(1)])])
}

function plus(graph: Graph, x: Value, added: Value | null | undefined): Value {
  return added ? graph.op('Add', [x, added]) : x
}

function groupNormalization(context: FormContext): Form {
  const { graph, node, opset } = context
  const [x, scale, bias] = [0, 1, 2].map((index) => input(context, index))
  const groups = intAttribute(node, 'num_groups', 1)
  const apart = graph.reshape(x, [{ of: x, axis: 0 }, groups, -1])
  const perGroup = opset < 21
  const plain = (value: number): Value => graph.constant({ type: 'float32', shape: [groups], data: Float32Array.from({ length: groups }, () => value) })
  const epsilon: Attribute = { kind: 'float', value: floatAttribute(node, 'epsilon', 1e-5) }
  const unit = graph.op('InstanceNormalization', [apart, perGroup ? scale : plain(1), perGroup ? bias : plain(0)], { epsilon })
  const back = graph.op('Reshape', [unit, graph.op('Shape', [x])], {}, { shape: x.shape })
  if (perGroup) return { values: [back] }
  const besides = (value: Value): Value => graph.op('Unsqueeze', [value, integers(graph, x.shape.slice(2).map((_, axis) => axis + 1))])
  return { values: [graph.op('Add', [graph.op('Mul', [back, besides(scale)]), besides(bias)])] }
}

/** Channels ordered as (channel, row, column) of the block. */
function depthToSpaceForm(context: FormContext): Form | null {
  const { graph, node } = context
  if (stringAttribute(node, 'mode', 'DCR') === 'DCR') return null
  const x = input(context, 0)
  const block = intAttribute(node, 'blocksize', 1)
  const apart = graph.reshape(x, [{ of: x, axis: 0 }, -1, block, block, { of: x, axis: 2 }, { of: x, axis: 3 }])
  const ordered = graph.op('Transpose', [apart], { perm: [0, 1, 4, 2, 5, 3] })
  const rows = graph.op('Mul', [graph.size(x, 2), integers(graph, [block])])
  const columns = graph.op('Mul', [graph.size(x, 3), integers(graph, [block])])
  return { values: [graph.op('Reshape', [ordered, graph.op('Concat', [graph.size(x, 0), graph.size(apart, 1), rows, columns], { axis: 0 })])] }
}

function castForm({ node, inputs }: FormContext): Form | null {
  const to = intAttribute(node, 'to', 1)
  const attributes = without(node.attributes, 'saturate')
  // Half precision is computed in float32.
  if (to === 10 || to === 16) return { inputs, attributes: { ...attributes, to: { kind: 'int', value: onnxTypeOf('float32') } } }
  return node.attributes.saturate ? { inputs, attributes } : null
}

function averagePoolForm({ node, inputs }: FormContext): Form | null {
  const dilations = intsAttribute(node, 'dilations')
  if (!dilations) return null
  if (dilations.some((size) => size !== 1)) refuse(node, 'averages over a dilated window, which is not supported')
  return { inputs, attributes: without(node.attributes, 'dilations') }
}

/** Inference: nothing is dropped. The mask, where somebody wants it, is true everywhere. */
function dropoutForm(context: FormContext): Form {
  const { graph, node } = context
  const x = input(context, 0)
  if (node.outputs.length < 2) return { values: [x] }
  const yes = graph.constant({ type: 'bool', shape: [], data: Uint8Array.of(1) })
  return { values: [x, graph.op('Expand', [yes, graph.op('Shape', [x])])] }
}

const forms: Record<string, (context: FormContext) => Form | null> = {
  Cast: castForm,
  CastLike: (context) => ({ values: [context.graph.op('Cast', [input(context, 0)], { to: onnxTypeOf(input(context, 1).type) })] }),
  Dropout: dropoutForm,
  Squeeze: listAsInput('axes'),
  Unsqueeze: listAsInput('axes'),
  ReduceSum: listAsInput('axes'),
  ...Object.fromEntries(['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceSumSquare'].map((name) => [name, reductionForm])),
  Softmax: softmaxForm,
  LogSoftmax: softmaxForm,
  Clip: clipForm,
  Pad: padForm,
  Slice: sliceForm,
  Split: splitForm,
  Resize: resizeForm,
  AveragePool: averagePoolForm,
  GlobalMaxPool: (context) => {
    const x = input(context, 0)
    return { values: [context.graph.op('ReduceMax', [x], { axes: x.shape.slice(2).map((_, axis) => axis + 2), keepdims: 1 })] }
  },
  DepthToSpace: depthToSpaceForm,
  GroupNormalization: groupNormalization,
  // Only the normalised values; older forms also name statistics that nothing uses.
  BatchNormalization: ({ graph, node, inputs }) => (node.outputs.length > 1 && intAttribute(node, 'training_mode', 0) === 0 ? { values: [graph.op('BatchNormalization', inputs, without(node.attributes, 'training_mode'))] } : null),
  Gelu: (context) => ({ values: [gelu(context.graph, input(context, 0), stringAttribute(context.node, 'approximate', 'none') === 'tanh')] }),
  Mish: (context) => {
    const x = input(context, 0)
    return { values: [context.graph.op('Mul', [x, context.graph.op('Tanh', [context.graph.op('Softplus', [x])])])] }
  },
  'com.microsoft.Gelu': (context) => ({ values: [gelu(context.graph, input(context, 0), false)] }),
  'com.microsoft.BiasGelu': (context) => ({ values: [gelu(context.graph, plus(context.graph, input(context, 0), context.inputs[1]), false)] }),
  'com.microsoft.FastGelu': (context) => ({ values: [gelu(context.graph, plus(context.graph, input(context, 0), context.inputs[1]), true)] }),
  'com.microsoft.QuickGelu': ({ graph, node, inputs }) => {
    const x = inputs[0] ?? refuse(node, 'lacks its input 0')
    const alpha = literal(graph, x.type, floatAttribute(node, 'alpha', 1.702))
    return { values: [graph.op('Mul', [x, graph.op('Sigmoid', [graph.op('Mul', [x, alpha])])])] }
  },
  'com.microsoft.SkipLayerNormalization': (context) => {
    const { graph, node, inputs } = context
    if (node.outputs.slice(1).some((output) => output !== '')) throw new CuvetteError('unsupported', `The operator ${node.op} at ${node.name} hands out further results, which is not supported.`, { where: node.name })
    const summed = plus(graph, graph.op('Add', [input(context, 0), input(context, 1)]), inputs[4])
    const epsilon: Attribute = { kind: 'float', value: floatAttribute(node, 'epsilon', 1e-12) }
    return { values: [graph.op('LayerNormalization', [summed, input(context, 2), ...(inputs[3] ? [inputs[3]] : [])], { axis: -1, epsilon })] }
  },
}

