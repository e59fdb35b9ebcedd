import type { Dimension, GraphNode, Value } from '../graph'
import { expandTo, integers } from './adjoint'
import { refuse, required, stringAttribute } from './context'
import type { GradientContext, InferContext, OperatorFamily } from './index'

// Einsum with one letter per axis. The gradient of an operand is the Einsum of the gradient with the other operands.

interface Equation {
  terms: string[]
  result: string
}

function equationOf(node: GraphNode): Equation {
  const text = stringAttribute(node, 'equation', '').replace(/\s/g, '')
  if (text.includes('.')) refuse(node, `has the equation ${text}; axes by letter, without "...", are expected`)
  const [left, right] = text.split('->') as [string, string | undefined]
  const terms = left.split(',')
  const letters = [...terms.join('')]
  // Without "->": the letters that occur once, in the order of the alphabet.
  return { terms, result: right ?? letters.filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort().join('') }
}

export const einsum: OperatorFamily = {
  Einsum: {
    infer: (context: InferContext) => {
      const { terms, result } = equationOf(context.node)
      const sizes = new Map<string, Dimension>()
      terms.forEach((term, index) => {
        const operand = required(context, index)
        if (operand.shape.length !== term.length) refuse(context.node, `names ${term.length} axes (${term}) of an operand with ${operand.shape.length}`)
        ;[...term].forEach((letter, axis) => {
          if (typeof sizes.get(letter) !== 'number' || sizes.get(letter) === 1) sizes.set(letter, operand.shape[axis])
        })
      })
      return [{ type: required(context, 0).type, shape: [...result].map((letter) => sizes.get(letter) ?? refuse(context.node, `names the axis ${letter} in its result only`)) }]
    },
    gradient: (context: GradientContext) => {
      const { graph, node, inputs, gradients, needed } = context
      const { terms, result } = equationOf(node)
      return inputs.map((_, index) => {
        if (!needed[index]) return null
        const operand = required({ node, inputs }, index)
        const own = [...terms[index]]
        if (new Set(own).size !== own.length) refuse(node, `takes a diagonal (${terms[index]}), which has no gradient in this version`)
        const others = terms.flatMap((term, at) => (at === index ? [] : [{ term, value: required({ node, inputs }, at) }]))
        // An axis that was summed by itself gets the same gradient everywhere.
        const found = own.filter((letter) => result.includes(letter) || others.some(({ term }) => term.includes(letter)))
        const equation = `${[result, ...others.map(({ term }) => term)].join(',')}->${found.join('')}`
        let gradient: Value = graph.op('Einsum', [gradients[0], ...others.map(({ value }) => value)], { equation })
        const missing = own.flatMap((letter, axis) => (found.includes(letter) ? [] : [axis]))
        if (missing.length > 0) gradient = expandTo(graph, graph.op('Unsqueeze', [gradient, integers(graph, missing)]), operand)
        return gradient
      })
    },
  },
}
