import type { Dimension } from '../graph'
import { zerosLike } from './adjoint'
import { axisOf, intAttribute, knownIntegers, refuse, required } from './context'
import type { InferContext, OperatorFamily } from './index'

// Largest and smallest elements. Positions have no gradient; values hand theirs to the element they came from.

export const ordering: OperatorFamily = {
  TopK: {
    infer: (context) => {
      const value = required(context, 0)
      const axis = axisOf(context.node, intAttribute(context.node, 'axis', -1), value.shape.length)
      const count = knownIntegers(context.graph, required(context, 1))
      const size = value.shape[axis]
      if (typeof count?.[0] === 'number' && typeof size === 'number' && count[0] > size) refuse(context.node, `takes ${count[0]} of ${size} elements`)
      const shape: Dimension[] = value.shape.map((dimension, at) => (at === axis ? (count?.[0] ?? `${context.node.name}.k`) : dimension))
      return [
        { type: value.type, shape },
        { type: 'int64', shape },
      ]
    },
    gradient: ({ graph, node, inputs, outputs, gradients }) => {
      const value = required({ node, inputs }, 0)
      const axis = axisOf(node, intAttribute(node, 'axis', -1), value.shape.length)
      if (!gradients[0]) return [null, null]
      return [graph.op('ScatterElements', [zerosLike(graph, value), outputs[1], gradients[0]], { axis }), null]
    },
  },
  ArgMax: { infer: inferPosition },
  ArgMin: { infer: inferPosition },
  OneHot: {
    infer: (context) => {
      const [indices, depth, values] = [required(context, 0), required(context, 1), required(context, 2)]
      const rank = indices.shape.length + 1
      const axis = axisOf(context.node, intAttribute(context.node, 'axis', -1), rank)
      const size = knownIntegers(context.graph, depth)?.[0] ?? `${context.node.name}.depth`
      return [{ type: values.type, shape: [...indices.shape.slice(0, axis), size, ...indices.shape.slice(axis)] }]
    },
  },
}

function inferPosition(context: InferContext) {
  const value = required(context, 0)
  const axis = axisOf(context.node, intAttribute(context.node, 'axis', 0), value.shape.length)
  const keep = intAttribute(context.node, 'keepdims', 1) === 1
  const shape = value.shape.flatMap((size, at) => (at !== axis ? [size] : keep ? [1] : []))
  return [{ type: 'int64' as const, shape }]
}
