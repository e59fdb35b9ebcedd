import type { Dimension, Graph, GraphNode, Value } from '../graph'
import { integers, literal } from './adjoint'
import { intAttribute, intsAttribute, refuse, required } from './context'
import { inputGradient, places, windowOfOnes, windowsOf } from './convolution'
import type { Windows } from './convolution'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Pooling over windows of the spatial axes of [N, C, spatial...].

function pooledWindows(node: GraphNode, x: Value): Windows {
  const kernel = intsAttribute(node, 'kernel_shape') ?? refuse(node, 'has no kernel_shape')
  return windowsOf(node, kernel, x.shape.slice(2))
}

function pooledShape(context: InferContext): Dimension[] {
  const x = required(context, 0)
  const windows = pooledWindows(context.node, x)
  return [x.shape[0], x.shape[1], ...places(context.node, x.shape.slice(2), windows, intAttribute(context.node, 'ceil_mode', 0) === 1)]
}

/** [N, C, ...] as [N*C, 1, ...], so that one window serves all channels. */
function channelsAsImages(graph: Graph, value: Value): Value {
  const spatial = value.shape.slice(2)
  return graph.reshape(value, [-1, 1, ...spatial.map((size, axis) => (typeof size === 'number' ? size : { of: value, axis: axis + 2 }))])
}

/** The rounding up of the number of windows shows only in windows that reach beyond the padding. */
function requireWhole(node: GraphNode, x: Value, windows: Windows): void {
  if (intAttribute(node, 'ceil_mode', 0) === 0) return
  const spatial = x.shape.slice(2)
  if (spatial.some((size) => typeof size !== 'number') || String(places(node, spatial, windows)) !== String(places(node, spatial, windows, true))) {
    refuse(node, 'rounds the number of windows up, which has no gradient in this version; ceil_mode 0 is expected')
  }
}

export const poolings: OperatorFamily = {
  GlobalAveragePool: {
    infer: (context) => {
      const { type, shape } = required(context, 0)
      return [{ type, shape: shape.map((size, axis) => (axis < 2 ? size : 1)) }]
    },
    broadcastsGradient: true,
    gradient: (context) => {
      const { graph } = context
      const x = required(context, 0)
      const count = graph.op('ReduceProd', [graph.op('Shape', [x], { start: 2 })], { axes: [0], keepdims: 0 })
      return [graph.op('Div', [context.gradients[0], graph.op('Cast', [count], { to: x.type === 'float64' ? 11 : 1 })])]
    },
  },
  AveragePool: {
    infer: (context) => [{ type: required(context, 0).type, shape: pooledShape(context) }],
    gradient: (context: GradientContext) => {
      const { graph, node } = context
      const x = required(context, 0)
      const windows = pooledWindows(node, x)
      requireWhole(node, x, windows)
      const type = x.type as 'float32'
      const ones = windowOfOnes(graph, type, windows.kernel)
      const images = channelsAsImages(graph, x)
      let gradient = channelsAsImages(graph, context.gradients[0] as Value)
      const padded = [...windows.before, ...windows.after].some((size) => size > 0)
      if (padded && intAttribute(node, 'count_include_pad', 0) === 0) {
        // How many pixels of the image each window covers.
        const size = graph.op('Concat', [integers(graph, [1, 1]), graph.op('Shape', [x], { start: 2 })], { axis: 0 })
        const image = graph.op('Expand', [literal(graph, type, 1), size], {}, { shape: [1, 1, ...x.shape.slice(2)] })
        const counts = graph.op('Conv', [image, ones], { strides: windows.strides, dilations: windows.dilations, pads: [...windows.before, ...windows.after] }, { shape: [1, 1, ...gradient.shape.slice(2)] })
        gradient = graph.op('Div', [gradient, counts])
      } else gradient = graph.op('Div', [gradient, literal(graph, type, windows.kernel.reduce((total, size) => total * size, 1))])
      const back = inputGradient(graph, gradient, ones, images, windows, 1)
      return [graph.op('Reshape', [back, graph.op('Shape', [x])], {}, { shape: x.shape })]
    },
  },
  /** The element that each window took gets the gradient of the window; the first one where several are equal. */
  MaxPool: {
    infer: (context) => {
      const shape = pooledShape(context)
      return [{ type: required(context, 0).type, shape }, ...context.node.outputs.slice(1).map(() => ({ type: 'int64' as const, shape }))]
    },
    gradient: (context: GradientContext) => {
      const { graph, node } = context
      const x = required(context, 0)
      if (intAttribute(node, 'storage_order', 0) !== 0) refuse(node, 'counts positions by columns, which has no gradient in this version')
      const [, positions] = graph.ops('MaxPool', [x], 2, { ...node.attributes })
      const all = integers(graph, [-1])
      const flat = (value: Value): Value => graph.op('Reshape', [value, all])
      const count = graph.op('Reshape', [graph.op('Size', [x]), all])
      const zeros = graph.op('Expand', [literal(graph, x.type, 0), count])
      const taken = flat(positions)
      const given = graph.op('Reshape', [context.gradients[0] as Value, all], {}, { shape: taken.shape })
      const scattered = graph.op('ScatterElements', [zeros, taken, given], { axis: 0, reduction: 'add' })
      return [graph.op('Reshape', [scattered, graph.op('Shape', [x])], {}, { shape: x.shape })]
    },
  },
}
