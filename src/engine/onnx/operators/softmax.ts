import { integers } from './adjoint'
import { asFirstInput, axisOf, intAttribute, required } from './context'
import type { InferContext, OperatorFamily } from './index'

// Softmax over one axis (opset 13: the axis alone, default the last).

const infer = (context: InferContext) => {
  const value = required(context, 0)
  axisOf(context.node, intAttribute(context.node, 'axis', -1), value.shape.length)
  return asFirstInput(context)
}

export const softmaxes: OperatorFamily = {
  /** dx = y (g - sum(g y)). */
  Softmax: {
    infer,
    gradient: ({ graph, node, outputs: [y], gradients }) => {
      const axis = axisOf(node, intAttribute(node, 'axis', -1), y.shape.length)
      const weighted = graph.op('Mul', [gradients[0], y])
      const total = graph.op('ReduceSum', [weighted, integers(graph, [axis])], { keepdims: 1 })
      // In this order, because near a single one the difference is small and must not be one of rounded products.
      return [graph.op('Mul', [y, graph.op('Sub', [gradients[0], total])])]
    },
  },
  /** dx = g - exp(y) sum(g). */
  LogSoftmax: {
    infer,
    gradient: ({ graph, node, outputs: [y], gradients }) => {
      const axis = axisOf(node, intAttribute(node, 'axis', -1), y.shape.length)
      const total = graph.op('ReduceSum', [gradients[0], integers(graph, [axis])], { keepdims: 1 })
      return [graph.op('Sub', [gradients[0], graph.op('Mul', [graph.op('Exp', [y]), total])])]
    },
  },
}
