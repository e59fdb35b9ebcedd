import type { Value } from '../graph'
import { literal, sumToInput } from './adjoint'
import { asFirstInput, broadcastAll, elementwiseShape, refuse, required } from './context'
import type { InferContext, OperatorFamily, OperatorRule } from './index'

// Comparing numbers, joining truth values, selecting by them. Truth values have no gradient.

const comparison: OperatorRule = {
  infer: (context) => [{ type: 'bool', shape: elementwiseShape(context, [required(context, 0), required(context, 1)]) }],
}

const logical: OperatorRule = {
  infer: (context: InferContext) => {
    const inputs = context.inputs.map((_, index) => required(context, index))
    for (const input of inputs) {
      if (input.type !== 'bool') refuse(context.node, `takes ${input.type}; bool is expected`)
    }
    return [{ type: 'bool', shape: broadcastAll(context, inputs) }]
  },
}

const numberTest: OperatorRule = { infer: (context) => [{ ...asFirstInput(context)[0], type: 'bool' }] }

export const comparisons: OperatorFamily = {
  Greater: comparison,
  GreaterOrEqual: comparison,
  Less: comparison,
  LessOrEqual: comparison,
  Equal: comparison,
  And: logical,
  Or: logical,
  Xor: logical,
  Not: logical,
  IsNaN: numberTest,
  IsInf: numberTest,
  Where: {
    infer: (context) => {
      const [condition, yes, no] = [required(context, 0), required(context, 1), required(context, 2)]
      if (condition.type !== 'bool') refuse(context.node, `selects by ${condition.type}; bool is expected`)
      if (yes.type !== no.type) refuse(context.node, `joins ${yes.type} and ${no.type}; one element type is expected`)
      return [{ type: yes.type, shape: broadcastAll(context, [condition, yes, no]) }]
    },
    broadcastsGradient: true,
    gradient: ({ graph, node, inputs, outputs, gradients, needed }) => {
      const [condition, yes, no] = [0, 1, 2].map((index) => required({ node, inputs }, index))
      const zero = literal(graph, outputs[0].type, 0)
      const back = (part: [Value, Value], input: Value) => sumToInput(graph, graph.op('Where', [condition, ...part]), outputs[0], input)
      const gradient = gradients[0] as Value
      return [null, needed[1] ? back([gradient, zero], yes) : null, needed[2] ? back([zero, gradient], no) : null]
    },
  },
}
