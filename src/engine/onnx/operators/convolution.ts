import type { Dimension, Graph, GraphNode, Value } from '../graph'
import { integers, literal } from './adjoint'
import { intAttribute, intsAttribute, refuse, required, stringAttribute } from './context'
import { difference, floorQuotient, product, sum } from './dimensions'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Convolutions [N, C, spatial...] with weights [M, C/group, kernel...], and their transposes with weights [C, M/group,
// kernel...]. Each is the gradient of the other with respect to its input; the gradient of the weights is a convolution
// of the input with the gradient, in which strides and dilations change places.

/** How a window moves over the spatial axes. */
export interface Windows {
  kernel: number[]
  strides: number[]
  dilations: number[]
  before: number[]
  after: number[]
}

/** Reads the window of a convolution or a pooling. Automatic padding is worked out where the sizes are known. */
export function windowsOf(node: GraphNode, kernel: readonly number[], spatial: readonly Dimension[]): Windows {
  const rank = kernel.length
  const list = (name: string, fallback: number, length = rank): number[] => {
    const given = intsAttribute(node, name) ?? Array.from({ length }, () => fallback)
    return given.length === length ? [...given] : refuse(node, `has ${given.length} numbers in ${name}; ${length} are expected`)
  }
  const strides = list('strides', 1)
  const dilations = list('dilations', 1)
  const pads = list('pads', 0, 2 * rank)
  const automatic = stringAttribute(node, 'auto_pad', 'NOTSET')
  if (automatic === 'NOTSET' || automatic === 'VALID') {
    return { kernel: [...kernel], strides, dilations, before: automatic === 'VALID' ? kernel.map(() => 0) : pads.slice(0, rank), after: automatic === 'VALID' ? kernel.map(() => 0) : pads.slice(rank) }
  }
  const totals = kernel.map((size, axis) => {
    const reach = dilations[axis] * (size - 1) + 1
    const have = spatial[axis]
    if (strides[axis] === 1) return reach - 1
    if (typeof have !== 'number') return refuse(node, `pads by ${automatic} along an axis whose size is not known; explicit pads are expected`)
    return Math.max(0, (Math.ceil(have / strides[axis]) - 1) * strides[axis] + reach - have)
  })
  const [less, more] = [totals.map((total) => Math.floor(total / 2)), totals.map((total) => Math.ceil(total / 2))]
  return automatic === 'SAME_LOWER' ? { kernel: [...kernel], strides, dilations, before: more, after: less } : { kernel: [...kernel], strides, dilations, before: less, after: more }
}

/** Number of places of the window along each axis. */
export function places(node: GraphNode, spatial: readonly Dimension[], windows: Windows, roundUp = false): Dimension[] {
  return spatial.map((size, axis) => {
    const { kernel, strides, dilations, before, after } = windows
    const reach = dilations[axis] * (kernel[axis] - 1) + 1
    const slack = before[axis] + after[axis] - reach
    if (typeof size === 'number') {
      const steps = (size + slack) / strides[axis]
      let count = (roundUp ? Math.ceil(steps) : Math.floor(steps)) + 1
      // A window that would start in the padding behind the data is left out.
      if (roundUp && (count - 1) * strides[axis] >= size + before[axis]) count -= 1
      return count > 0 ? count : refuse(node, `has a window of ${reach} over ${size} elements`)
    }
    if (strides[axis] === 1) return slack === -1 ? size : slack < -1 ? difference(size, -1 - slack) : sum([size, slack + 1])
    if (roundUp) return `${node.name}.${axis + 2}`
    // Patches side by side.
    if (slack === -strides[axis]) return floorQuotient(size, strides[axis])
    return sum([floorQuotient(slack < 0 ? difference(size, -slack) : sum([size, slack]), strides[axis]), 1])
  })
}

function kernelOf(node: GraphNode, weights: Value): number[] {
  const kernel = weights.shape.slice(2)
  if (kernel.length === 0 || !kernel.every((size) => typeof size === 'number')) return refuse(node, 'has a kernel whose sizes are not known')
  return kernel as number[]
}

function inferConv(context: InferContext) {
  const [x, w] = [required(context, 0), required(context, 1)]
  const { node } = context
  if (x.type !== w.type) refuse(node, `joins ${x.type} and ${w.type}; one element type is expected`)
  if (x.shape.length !== w.shape.length) refuse(node, `has an input with ${x.shape.length} axes and weights with ${w.shape.length}; they must be equal`)
  const group = intAttribute(node, 'group', 1)
  const channels = product([w.shape[1], group])
  if (typeof channels === 'number' && typeof x.shape[1] === 'number' && channels !== x.shape[1]) refuse(node, `expects ${channels} channels and gets ${x.shape[1]}`)
  // A gradient in the place of the weights may have any size.
  if (w.shape.slice(2).some((size) => typeof size !== 'number')) return [{ type: x.type, shape: [x.shape[0], w.shape[0], ...x.shape.slice(2).map((_, axis) => `${node.name}.${axis + 2}`)] }]
  const windows = windowsOf(node, kernelOf(node, w), x.shape.slice(2))
  return [{ type: x.type, shape: [x.shape[0], w.shape[0], ...places(node, x.shape.slice(2), windows)] }]
}

function inferConvTranspose(context: InferContext) {
  const [x, w] = [required(context, 0), required(context, 1)]
  const { node } = context
  if (x.type !== w.type) refuse(node, `joins ${x.type} and ${w.type}; one element type is expected`)
  const kernel = kernelOf(node, w)
  const { strides, dilations, before, after } = transposedWindows(node, kernel)
  const extra = intsAttribute(node, 'output_padding') ?? kernel.map(() => 0)
  const spatial = x.shape.slice(2).map((size, axis): Dimension => {
    const rest = dilations[axis] * (kernel[axis] - 1) + 1 + extra[axis] - before[axis] - after[axis] - strides[axis]
    const grown = product([size, strides[axis]])
    return rest === 0 ? grown : rest < 0 ? difference(grown, -rest) : sum([grown, rest])
  })
  return [{ type: x.type, shape: [x.shape[0], product([w.shape[1], intAttribute(node, 'group', 1)]), ...spatial] }]
}

function transposedWindows(node: GraphNode, kernel: readonly number[]): Windows {
  if (stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET' || intsAttribute(node, 'output_shape')) refuse(node, 'pads by a wanted output size; explicit pads are expected')
  return windowsOf(node, kernel, [])
}

const written = ({ strides, dilations }: Windows, group: number) => ({ strides, dilations, group })

/**
 * Transposed convolution of `gradient` with `weights` [M, C/group, kernel...], cut or filled up to the spatial size of `x`:
 * what a convolution gives back to its input.
 */
export function inputGradient(graph: Graph, gradient: Value, weights: Value, x: Value, windows: Windows, group: number): Value {
  const { kernel, strides, dilations, before } = windows
  const [inner, outer] = [x.shape.slice(2), gradient.shape.slice(2)]
  if ([...inner, ...outer].every((size) => typeof size === 'number')) {
    const reached = kernel.map((size, axis) => ((outer[axis] as number) - 1) * strides[axis] + dilations[axis] * (size - 1) + 1)
    const behind = kernel.map((_, axis) => reached[axis] - before[axis] - (inner[axis] as number))
    // Pixels behind the last window get nothing; the operator can add fewer than a stride of them.
    const extra = behind.map((size) => Math.max(0, -size))
    const pads = [...before, ...behind.map((size) => Math.max(0, size))]
    if (extra.every((size, axis) => size < Math.max(strides[axis], dilations[axis]))) {
      return graph.op('ConvTranspose', [gradient, weights], { ...written(windows, group), pads, output_padding: extra }, { shape: x.shape })
    }
  }
  const whole = graph.op('ConvTranspose', [gradient, weights], written(windows, group))
  const sizeOf = (value: Value): Value => graph.op('Shape', [value], { start: 2 })
  const start = integers(graph, before)
  const end = graph.op('Sub', [graph.op('Add', [sizeOf(x), start]), sizeOf(whole)])
  const none = integers(graph, [0, 0])
  const pads = graph.op('Concat', [none, integers(graph, before.map((size) => -size)), none, end], { axis: 0 })
  return graph.op('Pad', [whole, pads], {}, { shape: x.shape })
}

/**
 * Gradient of weights [M, C/group, kernel...] of a convolution from `x` [N, C, ...] to `gradient` [N, M, ...]: images and
 * channels change places, and every group is one block of channels.
 */
function weightGradient(graph: Graph, x: Value, gradient: Value, weights: Value, windows: Windows, group: number): Value {
  const { strides, dilations, before, after, kernel } = windows
  const rank = x.shape.length
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 2)
  const exchanged = (value: Value): Value => graph.op('Transpose', [value], { perm: [1, 0, ...spatial] })
  let images: Value
  if (group === 1) images = exchanged(x)
  else {
    const perChannel = graph.op('Transpose', [
      graph.reshape(x, [{ of: x, axis: 0 }, group, -1, ...spatial.map((axis) => ({ of: x, axis }))]),
    ], { perm: [2, 1, 0, ...spatial.map((axis) => axis + 1)] })
    images = graph.reshape(perChannel, [{ of: perChannel, axis: 0 }, -1, ...spatial.map((axis) => ({ of: x, axis }))])
  }
  const whole = graph.op('Conv', [images, exchanged(gradient)], { strides: dilations, dilations: strides, group, pads: [...before, ...after] }, {
    shape: [weights.shape[1], weights.shape[0], ...spatial.map((axis) => `${weights.name}.grown.${axis}`)],
  })

  const cut = graph.op('Slice', [whole, integers(graph, kernel.map(() => 0)), integers(graph, kernel), integers(graph, spatial)], {}, { shape: [weights.shape[1], weights.shape[0], ...kernel] })
  return exchanged(cut)
}

function biasGradient(graph: Graph, gradient: Value): Value {
  const axes = gradient.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
  return graph.op('ReduceSum', [gradient, integers(graph, axes)], { keepdims: 0 })
}

export const convolutions: OperatorFamily = {
  Conv: {
    infer: inferConv,
    gradient: (context: GradientContext) => {
      const { graph, node, inputs, gradients, needed } = context
      const [x, w] = [required(context, 0), required(context, 1)]
      const g = gradients[0] as Value
      const windows = windowsOf(node, kernelOf(node, w), x.shape.slice(2))
      const group = intAttribute(node, 'group', 1)
      return [
        needed[0] ? inputGradient(graph, g, w, x, windows, group) : null,
        needed[1] ? weightGradient(graph, x, g, w, windows, group) : null,
        ...(inputs[2] ? [needed[2] ? biasGradient(graph, g) : null] : []),
      ]
    },
  },
  ConvTranspose: {
    infer: inferConvTranspose,
    gradient: (context: GradientContext) => {
      const { graph, node, inputs, gradients, needed } = context
      const [x, w] = [required(context, 0), required(context, 1)]
      const g = gradients[0] as Value
      const windows = transposedWindows(node, kernelOf(node, w))
      const group = intAttribute(node, 'group', 1)
      const pads = [...windows.before, ...windows.after]
      return [
        needed[0] ? graph.op('Conv', [g, w], { ...written(windows, group), pads }, { shape: x.shape }) : null,
        needed[1] ? weightGradient(graph, g, x, w, windows, group) : null,
        ...(inputs[2] ? [needed[2] ? biasGradient(graph, g) : null] : []),
      ]
    },
  },
}

/** Weights of ones [1, 1, kernel...] in an element type. */
export function windowOfOnes(graph: Graph, type: 'float32' | 'float64', kernel: readonly number[]): Value {
  return graph.op('Expand', [literal(graph, type, 1), integers(graph, [1, 1, ...kernel])])
}
