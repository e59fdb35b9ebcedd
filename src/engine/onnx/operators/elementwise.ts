import { onnxTypeOf } from '../element-types'
import type { Value } from '../graph'
import { indicator, literal, sumToInput } from './adjoint'
import { asFirstInput, elementwiseShape, refuse, required } from './context'
import type { GradientContext, InferContext, OperatorFamily, OperatorRule } from './index'
import { knownNumbers } from './known'

// Numbers in, numbers out, element by element. Derivatives follow PyTorch at kinks and ties:
// relu'(0) = 0, abs'(0) = 0, clip passes at its bounds, max and min share evenly among equal inputs.

/** Inputs of one element type, broadcast together. */
const joined = (context: InferContext) => {
  const inputs = context.inputs.map((_, index) => required(context, index))
  return [{ type: inputs[0].type, shape: elementwiseShape(context, inputs) }]
}

/** A function of one input; `slope` gives gradient times derivative. */
export function unary(slope: (parts: { of: Write; x: Value; y: Value; g: Value }) => Value | null): OperatorRule {
  return {
    infer: asFirstInput,
    broadcastsGradient: true,
    gradient: (context) => [slope({ of: write(context), x: required(context, 0), y: context.outputs[0], g: required({ node: context.node, inputs: context.gradients }, 0) })],
  }
}

/** Inputs with broadcasting; `slopes` gives each input's gradient in the shape of the output. */
function broadcasting(slopes: (parts: { of: Write; inputs: Value[]; y: Value; g: Value; needed: boolean[] }) => (Value | null)[]): OperatorRule {
  return {
    infer: joined,
    broadcastsGradient: true,
    gradient: (context) => {
      const inputs = context.inputs.map((_, index) => required(context, index))
      const y = context.outputs[0]
      const parts = slopes({ of: write(context), inputs, y, g: context.gradients[0] as Value, needed: context.needed })
      return parts.map((part, index) => (part && context.needed[index] ? sumToInput(context.graph, part, y, inputs[index]) : null))
    },
  }
}

export interface Write {
  (op: string, ...inputs: Value[]): Value
  number(value: number): Value
  indicator(condition: Value): Value
}

/** Writes operators and literals in the element type of the result. */
export function write(context: GradientContext): Write {
  const { graph } = context
  const { type } = context.outputs[0]
  return Object.assign((op: string, ...inputs: Value[]) => graph.op(op, inputs), {
    number: (value: number) => literal(graph, type, value),
    indicator: (condition: Value) => indicator(graph, condition, type),
  })
}

/** Max and Min: the gradient is shared evenly among the inputs that attain the result. */
const extreme = broadcasting(({ of, inputs, y, g }) => {
  if (inputs.length === 1) return [g]
  const hits = inputs.map((input) => of.indicator(of('Equal', input, y)))
  const share = of('Div', g, hits.reduce((total, hit) => of('Add', total, hit)))
  return hits.map((hit) => of('Mul', share, hit))
})

export const elementwise: OperatorFamily = {
  Add: broadcasting(({ g }) => [g, g]),
  Sub: broadcasting(({ of, g, needed }) => [g, needed[1] ? of('Neg', g) : null]),
  Mul: broadcasting(({ of, inputs: [a, b], g, needed }) => {
    // The square: one multiplication of the large tensor instead of two and a sum.
    if (a === b) return [of('Mul', of('Mul', g, of.number(2)), a), null]
    return [needed[0] ? of('Mul', g, b) : null, needed[1] ? of('Mul', g, a) : null]
  }),
  Div: broadcasting(({ of, inputs: [, b], y, g, needed }) => {
    const quotient = of('Div', g, b)
    return [quotient, needed[1] ? of('Neg', of('Mul', quotient, y)) : null]
  }),
  Pow: {
    infer: (context) => {
      const [base, exponent] = [required(context, 0), required(context, 1)]
      return [{ type: base.type, shape: elementwiseShape(context, [base, { ...exponent, type: base.type }]) }]
    },
    broadcastsGradient: true,
    gradient: (context) => {
      const of = write(context)
      const [base, given] = [required(context, 0), required(context, 1)]
      const [y, g] = [context.outputs[0], context.gradients[0] as Value]
      const power = context.needed[1] ? undefined : knownNumbers(context.graph, given)
      // A literal exponent, as in the variance of a normalisation.
      if (power?.length === 1 && typeof power[0] === 'number' && power[0] !== 0) {
        const rest = power[0] === 2 ? base : of('Pow', base, of.number(power[0] - 1))
        return [sumToInput(context.graph, of('Mul', of('Mul', g, of.number(power[0])), rest), y, base), null]
      }
      const exponent = given.type === base.type ? given : context.graph.op('Cast', [given], { to: onnxTypeOf(base.type) })
      const back = (part: Value, input: Value) => sumToInput(context.graph, part, y, input)
      const zero = of.number(0)
      return [
        // Exponent 0 is a constant, also at base 0.
        context.needed[0]
          ? back(of('Where', of('Equal', exponent, zero), zero, of('Mul', of('Mul', g, exponent), of('Pow', base, of('Sub', exponent, of.number(1))))), base)
          : null,
        // 0^p is the constant 0 for p >= 0.
        context.needed[1]
          ? back(of('Where', of('And', of('Equal', base, zero), of('GreaterOrEqual', exponent, zero)), zero, of('Mul', g, of('Mul', y, of('Log', base)))), given)
          : null,
      ]
    },
  },
  Max: extreme,
  Min: extreme,
  Sum: broadcasting(({ inputs, g }) => inputs.map(() => g)),
  Mean: broadcasting(({ of, inputs, g }) => inputs.map(() => of('Mul', g, of.number(1 / inputs.length)))),
  Mod: { infer: joined },
  Neg: unary(({ of, g }) => of('Neg', g)),
  Abs: unary(({ of, x, g }) => of('Mul', g, of('Sign', x))),
  Sign: unary(() => null),
  Floor: unary(() => null),
  Ceil: unary(() => null),
  Round: unary(() => null),
  Reciprocal: unary(({ of, y, g }) => of('Neg', of('Mul', g, of('Mul', y, y)))),
  Sqrt: unary(({ of, y, g }) => of('Div', of('Mul', g, of.number(0.5)), y)),
  Exp: unary(({ of, y, g }) => of('Mul', g, y)),
  Log: unary(({ of, x, g }) => of('Div', g, x)),
  Sin: unary(({ of, x, g }) => of('Mul', g, of('Cos', x))),
  Cos: unary(({ of, x, g }) => of('Neg', of('Mul', g, of('Sin', x)))),
  Atan: unary(({ of, x, g }) => of('Div', g, of('Add', of.number(1), of('Mul', x, x)))),
  Erf: unary(({ of, x, g }) => of('Mul', of('Mul', g, of.number(2 / Math.sqrt(Math.PI))), of('Exp', of('Neg', of('Mul', x, x))))),
  Clip: {
    infer: (context) => {
      const value = required(context, 0)
      for (const bound of context.inputs.slice(1)) {
        if (bound && bound.type !== value.type) refuse(context.node, `has a bound of type ${bound.type}; ${value.type} is expected`)
      }
      return asFirstInput(context)
    },
    broadcastsGradient: true,
    gradient: (context) => {
      const of = write(context)
      const [x, y, g] = [required(context, 0), context.outputs[0], context.gradients[0] as Value]
      const low = context.inputs[1] ?? null
      const high = context.inputs[2] ?? null
      // Where the lower bound is above the upper one, the upper one is the result.
      const below = low ? of('Less', x, low) : null
      const above = high ? of('Greater', x, high) : null
      const crossed = low && high ? of('Greater', low, high) : null
      const zero = of.number(0)
      let inside = g
      if (below) inside = of('Where', below, zero, inside)
      if (above) inside = of('Where', above, zero, inside)
      const toLow = below && of('Where', crossed ? of('And', below, of('Not', crossed)) : below, g, zero)
      const toHigh = above && of('Where', crossed ? of('Or', above, crossed) : above, g, zero)
      return [
        inside,
        low && toLow && context.needed[1] ? sumToInput(context.graph, toLow, y, low) : null,
        high && toHigh && context.needed[2] ? sumToInput(context.graph, toHigh, y, high) : null,
      ]
    },
  },
}
