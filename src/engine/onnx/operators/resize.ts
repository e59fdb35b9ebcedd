import { onnxTypeOf } from '../element-types'
import type { Dimension, Graph, GraphNode, Value } from '../graph'
import { floatAttribute, intAttribute, knownIntegers, refuse, required, stringAttribute } from './context'
import { product } from './dimensions'
import type { GradientContext, InferContext, OperatorFamily } from './index'
import { applyTransposedAlong, interpolationMatrix } from './interpolation'
import type { Coordinates, Interpolation } from './interpolation'
import { knownNumbers } from './known'

// Resize at opset 17: X, roi, scales or sizes.

const coordinates: readonly string[] = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric']

function given(inputs: readonly (Value | null)[], index: number): Value | null {
  const value = inputs[index] ?? null
  // Exporters leave an input out by an empty list, too.
  return value && value.shape.length === 1 && value.shape[0] === 0 ? null : value
}

function scalesOf(graph: Graph, inputs: readonly (Value | null)[]): readonly Dimension[] | null {
  const scales = given(inputs, 2)
  return scales && knownNumbers(graph, scales)
}

function inferResize(context: InferContext) {
  const { graph, node, inputs } = context
  const x = required(context, 0)
  const sizes = given(inputs, 3)
  if (sizes) {
    const shape = knownIntegers(graph, sizes) ?? x.shape.map((_, axis) => `${node.name}.${axis}`)
    if (shape.length !== x.shape.length) refuse(node, `has ${shape.length} sizes for ${x.shape.length} axes`)
    return [{ type: x.type, shape }]
  }
  const scales = scalesOf(graph, inputs)
  return [{
    type: x.type,
    shape: x.shape.map((size, axis): Dimension => {
      const scale = scales?.[axis]
      if (typeof scale !== 'number') return `${node.name}.${axis}`
      if (scale === 1) return size
      if (typeof size === 'number') return Math.floor(Math.fround(size * Math.fround(scale)))
      return Number.isInteger(scale) ? product([size, scale]) : `floor(${scale}*(${size}))`
    }),
  }]
}

/** Whichever axes change, last first, the gradient goes back through the transposed matrix of each. */
function gradientOfResize({ graph, node, inputs, outputs, gradients }: GradientContext): (Value | null)[] {
  const x = required({ node, inputs }, 0)
  const y = outputs[0]
  const interpolation = interpolationOf(node)
  const scales = scalesOf(graph, inputs)
  const stated = given(inputs, 3) === null
  const size = (value: Value, axis: number) => (typeof value.shape[axis] === 'number' ? value.shape[axis] : graph.size(value, axis))
  let gradient = gradients[0] as Value
  for (let axis = x.shape.length - 1; axis >= 0; axis -= 1) {
    if (x.shape[axis] === y.shape[axis]) continue
    const scale = scales?.[axis]
    const matrix = interpolationMatrix(graph, size(x, axis), size(y, axis), interpolation, stated && typeof scale === 'number' ? scale : undefined)
    const fitting = x.type === 'float32' ? matrix : graph.op('Cast', [matrix], { to: onnxTypeOf(x.type) })
    gradient = applyTransposedAlong(graph, gradient, fitting, axis)
  }
  return [{ ...gradient, shape: x.shape }, ...inputs.slice(1).map(() => null)]
}

/** What a node states, or one sentence about what of it has no gradient. */
export function interpolationOf(node: GraphNode): Interpolation {
  const kind = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel')
  if (!coordinates.includes(kind)) refuse(node, `takes pixels by ${kind}, which is not supported; ${coordinates.join(', ')} are`)
  return {
    mode: stringAttribute(node, 'mode', 'nearest') as Interpolation['mode'],
    coordinates: kind as Coordinates,
    cubic: floatAttribute(node, 'cubic_coeff_a', -0.75),
    excludeOutside: intAttribute(node, 'exclude_outside', 0) === 1,
    nearest: stringAttribute(node, 'nearest_mode', 'round_prefer_floor') as Interpolation['nearest'],
  }
}

export const resizes: OperatorFamily = {
  Resize: { infer: inferResize, gradient: gradientOfResize },
}
