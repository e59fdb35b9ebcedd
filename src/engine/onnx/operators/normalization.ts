import type { Dimension, Graph, GraphNode, Value } from '../graph'
import { integers, literal, sumToInput } from './adjoint'
import { asFirstInput, axisOf, floatAttribute, intAttribute, refuse, required } from './context'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Normalisations. x' = (x - mean) / sqrt(variance + epsilon); y = scale x' + bias.

/** Mean 0 and variance 1 over `axes`, and 1 / sqrt(variance + epsilon). */
function normalised(graph: Graph, x: Value, axes: readonly number[], epsilon: number): { unit: Value; inverse: Value } {
  const centred = graph.op('Sub', [x, graph.op('ReduceMean', [x], { axes, keepdims: 1 })])
  const variance = graph.op('ReduceMean', [graph.op('Mul', [centred, centred])], { axes, keepdims: 1 })
  const inverse = graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [variance, literal(graph, x.type, epsilon)])])])
  return { unit: graph.op('Mul', [centred, inverse]), inverse }
}

/** dx = (h - mean(h) - x' mean(h x')) / sqrt(variance + epsilon), with h the gradient of x'. */
function backThrough(graph: Graph, h: Value, unit: Value, inverse: Value, axes: readonly number[]): Value {
  const mean = (value: Value): Value => graph.op('ReduceMean', [value], { axes, keepdims: 1 })
  const straight = graph.op('Sub', [h, mean(h)])
  return graph.op('Mul', [inverse, graph.op('Sub', [straight, graph.op('Mul', [unit, mean(graph.op('Mul', [h, unit]))])])])
}

/** [C] as [C, 1, ...], to stand beside [N, C, spatial...]. */
function perChannel(graph: Graph, value: Value, rank: number): Value {
  return rank <= 2 ? value : graph.op('Unsqueeze', [value, integers(graph, Array.from({ length: rank - 2 }, (_, axis) => axis + 1))])
}

function overAllButChannels(graph: Graph, value: Value): Value {
  const axes = value.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
  return graph.op('ReduceSum', [value, integers(graph, axes)], { keepdims: 0 })
}

function layerAxes(node: GraphNode, x: Value): number[] {
  const first = axisOf(node, intAttribute(node, 'axis', -1), x.shape.length)
  return x.shape.flatMap((_, axis) => (axis >= first ? [axis] : []))
}

export const normalizations: OperatorFamily = {
  LayerNormalization: {
    infer: (context: InferContext) => {
      const x = required(context, 0)
      const axes = layerAxes(context.node, x)
      const reduced: Dimension[] = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      return [asFirstInput(context)[0], ...context.node.outputs.slice(1).map(() => ({ type: x.type, shape: reduced }))]
    },
    gradient: (context: GradientContext) => {
      const { graph, node, gradients, needed, inputs } = context
      if (gradients[1] || gradients[2]) refuse(node, 'hands out its mean or deviation, which have no gradient in this version')
      const [x, scale] = [required(context, 0), required(context, 1)]
      const g = gradients[0] as Value
      const axes = layerAxes(node, x)
      const { unit, inverse } = normalised(graph, x, axes, floatAttribute(node, 'epsilon', 1e-5))
      return [
        needed[0] ? backThrough(graph, graph.op('Mul', [g, scale]), unit, inverse, axes) : null,
        needed[1] ? sumToInput(graph, graph.op('Mul', [g, unit]), context.outputs[0], scale) : null,
        ...(inputs[2] ? [needed[2] ? sumToInput(graph, g, context.outputs[0], inputs[2]) : null] : []),
      ]
    },
  },
  InstanceNormalization: {
    infer: asFirstInput,
    gradient: (context: GradientContext) => {
      const { graph, node, gradients, needed } = context
      const [x, scale] = [required(context, 0), required(context, 1)]
      const g = gradients[0] as Value
      const axes = x.shape.flatMap((_, axis) => (axis >= 2 ? [axis] : []))
      const { unit, inverse } = normalised(graph, x, axes, floatAttribute(node, 'epsilon', 1e-5))
      return [
        needed[0] ? backThrough(graph, graph.op('Mul', [g, perChannel(graph, scale, x.shape.length)]), unit, inverse, axes) : null,
        needed[1] ? overAllButChannels(graph, graph.op('Mul', [g, unit])) : null,
        needed[2] ? overAllButChannels(graph, g) : null,
      ]
    },
  },
  /** With the statistics of its training: mean and variance are inputs. */
  BatchNormalization: {
    infer: (context) => {
      if (intAttribute(context.node, 'training_mode', 0) !== 0) refuse(context.node, 'normalises by the batch (training_mode 1); export the model for inference')
      const output = asFirstInput(context)[0]
      return context.node.outputs.map(() => output)
    },
    gradient: (context: GradientContext) => {
      const { graph, node, gradients, needed } = context
      const [x, scale, , mean, variance] = [0, 1, 2, 3, 4].map((index) => required(context, index))
      const g = gradients[0] as Value
      const rank = x.shape.length
      const inverse = graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [variance, literal(graph, x.type, floatAttribute(node, 'epsilon', 1e-5))])])])
      const slope = graph.op('Mul', [scale, inverse])
      const centred = (): Value => graph.op('Sub', [x, perChannel(graph, mean, rank)])
      return [
        needed[0] ? graph.op('Mul', [g, perChannel(graph, slope, rank)]) : null,
        needed[1] ? graph.op('Mul', [overAllButChannels(graph, graph.op('Mul', [g, centred()])), inverse]) : null,
        needed[2] ? overAllButChannels(graph, g) : null,
        needed[3] ? graph.op('Neg', [graph.op('Mul', [overAllButChannels(graph, g), slope])]) : null,
        needed[4]
          ? graph.op('Mul', [
              graph.op('Mul', [overAllButChannels(graph, graph.op('Mul', [g, centred()])), slope]),
              graph.op('Mul', [graph.op('Mul', [inverse, inverse]), literal(graph, x.type, -0.5)]),
            ])
          : null,
      ]
    },
  },
  /** y = x / ||x||. L2: dx = (g - y sum(g y)) / ||x||; L1: dx = (g - sign(x) sum(g y)) / ||x||. */
  LpNormalization: {
    infer: asFirstInput,
    gradient: (context: GradientContext) => {
      const { graph, node, gradients, outputs } = context
      const x = required(context, 0)
      const axis = axisOf(node, intAttribute(node, 'axis', -1), x.shape.length)
      const squared = intAttribute(node, 'p', 2) === 2
      const norm = graph.op(squared ? 'ReduceL2' : 'ReduceL1', [x], { axes: [axis], keepdims: 1 })
      const total = graph.op('ReduceSum', [graph.op('Mul', [gradients[0], outputs[0]]), integers(graph, [axis])], { keepdims: 1 })
      const along = squared ? outputs[0] : graph.op('Sign', [x])
      const zero = literal(graph, x.type, 0)
      const slope = graph.op('Div', [graph.op('Sub', [gradients[0], graph.op('Mul', [along, total])]), norm])
      return [graph.op('Where', [graph.op('Equal', [norm, zero]), zero, slope])]
    },
  },
}
