import type { Value } from '../graph'
import { sumToInput } from './adjoint'
import { asFirstInput, floatAttribute, required } from './context'
import { unary, write } from './elementwise'
import type { Write } from './elementwise'
import type { GradientContext, OperatorFamily, OperatorRule } from './index'

// Activations of networks, element by element.

/** A function of one input whose derivative depends on attributes of the node. */
function shaped(slope: (parts: { of: Write; x: Value; y: Value; attribute(name: string, fallback: number): Value }) => Value): OperatorRule {
  return {
    infer: asFirstInput,
    broadcastsGradient: true,
    gradient: (context: GradientContext) => {
      const of = write(context)
      const attribute = (name: string, fallback: number): Value => of.number(floatAttribute(context.node, name, fallback))
      return [of('Mul', context.gradients[0] as Value, slope({ of, x: required(context, 0), y: context.outputs[0], attribute }))]
    },
  }
}

export const activations: OperatorFamily = {
  // The mask comes from the output, so that the runtime fuses Gemm and Relu and never keeps the input.
  Relu: unary(({ of, y, g }) => of('Mul', g, of.indicator(of('Greater', y, of.number(0))))),
  LeakyRelu: shaped(({ of, x, attribute }) => of('Where', of('Greater', x, of.number(0)), of.number(1), attribute('alpha', 0.01))),
  Sigmoid: unary(({ of, y, g }) => of('Mul', g, of('Mul', y, of('Sub', of.number(1), y)))),
  Tanh: unary(({ of, y, g }) => of('Mul', g, of('Sub', of.number(1), of('Mul', y, y)))),
  // exp(x - y) is the sigmoid of x with its relative precision; the runtime's Sigmoid has 1e-7 in absolute terms only.
  Softplus: unary(({ of, x, y, g }) => of('Mul', g, of('Exp', of('Sub', x, y)))),
  // Below 0 the slope is alpha exp(x), which is y + alpha.
  Elu: shaped(({ of, x, y, attribute }) => of('Where', of('Greater', x, of.number(0)), of.number(1), of('Add', y, attribute('alpha', 1)))),
  Celu: shaped(({ of, x, attribute }) => of('Where', of('Greater', x, of.number(0)), of.number(1), of('Exp', of('Div', x, attribute('alpha', 1))))),
  Selu: shaped(({ of, x, y, attribute }) => {
    const scale = attribute('gamma', 1.0507009873554805)
    return of('Where', of('Greater', x, of.number(0)), scale, of('Add', y, of('Mul', scale, attribute('alpha', 1.6732632423543772))))
  }),
  HardSigmoid: shaped(({ of, y, attribute }) => of('Mul', attribute('alpha', 0.2), of.indicator(of('And', of('Greater', y, of.number(0)), of('Less', y, of.number(1)))))),
  // x clip(x/6 + 1/2, 0, 1)
  HardSwish: shaped(({ of, x }) => {
    const sloped = of('Add', of('Div', x, of.number(3)), of.number(0.5))
    const upper = of('Where', of('Less', x, of.number(3)), sloped, of.number(1))
    return of('Where', of('Greater', x, of.number(-3)), upper, of.number(0))
  }),
  ThresholdedRelu: shaped(({ of, x, attribute }) => of.indicator(of('Greater', x, attribute('alpha', 1)))),
  Softsign: unary(({ of, x, g }) => {
    const below = of('Add', of.number(1), of('Abs', x))
    return of('Div', g, of('Mul', below, below))
  }),
  PRelu: {
    infer: asFirstInput,
    broadcastsGradient: true,
    gradient: (context) => {
      const of = write(context)
      const [x, slope] = [required(context, 0), required(context, 1)]
      const g = context.gradients[0] as Value
      const positive = of('Greater', x, of.number(0))
      return [
        of('Mul', g, of('Where', positive, of.number(1), slope)),
        context.needed[1] ? sumToInput(context.graph, of('Mul', g, of('Where', positive, of.number(0), x)), context.outputs[0], slope) : null,
      ]
    },
  },
}
