import type { Dimension, Graph, GraphNode, InferredOutput, Value } from '../graph'
import { countAlong, indicator, integers, literal, restoreAxes } from './adjoint'
import { axisOf, intAttribute, intsAttribute, knownIntegers, literalIntegers, refuse, required } from './context'
import type { GradientContext, InferContext, OperatorFamily, OperatorRule } from './index'

// Reductions over axes. At opset 17 ReduceSum takes its axes as an input, all others as an attribute.

interface Reduction {
  graph: Graph
  x: Value
  y: Value
  g: Value
  axes: number[]
  /** Gives a value in the shape of the output its removed axes back. */
  restored(value: Value): Value
}

/** The reduced axes, counted from the front, ascending. All of them when none are named. */
function axesOf(context: { graph: Graph; node: GraphNode; inputs: readonly (Value | null)[] }): number[] {
  const { node } = context
  const rank = required(context, 0).shape.length
  const named = node.op === 'ReduceSum' ? (context.inputs[1] ? literalIntegers(context, 1, 'axes') : null) : intsAttribute(node, 'axes')
  if (!named || named.length === 0) {
    if (named && intAttribute(node, 'noop_with_empty_axes', 0)) return []
    return Array.from({ length: rank }, (_, axis) => axis)
  }
  const axes = named.map((axis) => axisOf(node, axis, rank)).sort((a, b) => a - b)
  if (new Set(axes).size !== axes.length) refuse(node, `names an axis twice: ${named.join(', ')}`)
  return axes
}

function inferReduction(context: InferContext): InferredOutput[] {
  const value = required(context, 0)
  const keep = intAttribute(context.node, 'keepdims', 1) === 1
  const named = context.node.op === 'ReduceSum' ? context.inputs[1] : null
  // Which axes, shows at run time only.
  if (named && keep && !knownIntegers(context.graph, named)) return [{ type: value.type, shape: value.shape.map((_, axis) => `${context.node.name}.${axis}`) }]
  const axes = axesOf(context)
  const shape: Dimension[] = []
  value.shape.forEach((size, axis) => {
    if (!axes.includes(axis)) shape.push(size)
    else if (keep) shape.push(1)
  })
  return [{ type: value.type, shape }]
}

/** `slope` gives the gradient of the input, in its shape or smaller. */
function reduction(slope?: (parts: Reduction) => Value): OperatorRule {
  return {
    infer: inferReduction,
    broadcastsGradient: true,
    ...(slope && {
      gradient: (context: GradientContext) => {
        const { graph, node } = context
        const axes = axesOf(context)
        const keep = intAttribute(node, 'keepdims', 1) === 1
        const restored = (value: Value): Value => restoreAxes(graph, value, axes, keep)
        const g = restored(context.gradients[0] as Value)
        return [slope({ graph, x: required(context, 0), y: context.outputs[0], g, axes, restored }), ...context.inputs.slice(1).map(() => null)]
      },
    }),
  }
}

/** Like amax and amin: the gradient is shared evenly among the elements that attain the result. */
const extreme = reduction(({ graph, x, y, g, axes, restored }) => {
  const hits = indicator(graph, graph.op('Equal', [x, restored(y)]), x.type)
  const count = axes.length === 0 ? literal(graph, x.type, 1) : graph.op('ReduceSum', [hits, integers(graph, axes)], { keepdims: 1 })
  return graph.op('Mul', [graph.op('Div', [g, count]), hits])
})

export const reductions: OperatorFamily = {
  ReduceSum: reduction(({ g }) => g),
  ReduceMean: reduction(({ graph, x, g, axes }) => graph.op('Div', [g, countAlong(graph, x, axes)])),
  ReduceMax: extreme,
  ReduceMin: extreme,
  // x / ||x||, and 0 where the norm is 0.
  ReduceL2: reduction(({ graph, x, y, g, restored }) => {
    const norm = restored(y)
    const zero = literal(graph, x.type, 0)
    const share = graph.op('Where', [graph.op('Equal', [norm, zero]), zero, graph.op('Div', [g, norm])])
    return graph.op('Mul', [share, x])
  }),
  ReduceSumSquare: reduction(({ graph, x, g }) => graph.op('Mul', [graph.op('Mul', [g, literal(graph, x.type, 2)]), x])),
  ReduceL1: reduction(({ graph, x, g }) => graph.op('Mul', [g, graph.op('Sign', [x])])),
  ReduceLogSum: reduction(({ graph, g, y, restored }) => graph.op('Div', [g, graph.op('Exp', [restored(y)])])),
  ReduceLogSumExp: reduction(({ graph, x, g, y, restored }) => graph.op('Mul', [g, graph.op('Exp', [graph.op('Sub', [x, restored(y)])])])),
  // The product of the other elements: with one 0 among them it is 0 everywhere else, with two everywhere.
  ReduceProd: reduction(({ graph, x, g, axes }) => {
    const [zero, one] = [literal(graph, x.type, 0), literal(graph, x.type, 1)]
    const isZero = graph.op('Equal', [x, zero])
    const zeros = indicator(graph, isZero, x.type)
    const others = graph.op('Where', [isZero, one, x])
    const count = axes.length === 0 ? zeros : graph.op('ReduceSum', [zeros, integers(graph, axes)], { keepdims: 1 })
    const product = axes.length === 0 ? others : graph.op('ReduceProd', [others], { axes, keepdims: 1 })
    return graph.op('Mul', [g, graph.op('Where', [graph.op('Equal', [count, zeros]), graph.op('Div', [product, others]), zero])])
  }),
}
