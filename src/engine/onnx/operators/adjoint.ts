import { CuvetteError } from '../../../shared/problem'
import { onnxTypeOf } from '../element-types'
import type { Dimension, Graph, Value } from '../graph'
import { int64 } from '../tensor'
import type { ElementType } from '../tensor'
import { knownIntegers } from './context'

// Small pieces of backward graphs.
//
// A gradient may be smaller than its value: it then stands for its broadcast (scalar, or equal rank with
// sizes of 1). Rules that say `broadcastsGradient` take it so and save the memory traffic of the expansion;
// for the others it is expanded first.

/** A scalar literal in the element type of `like`. */
export function literal(graph: Graph, type: ElementType, number: number): Value {
  return graph.constant({ type, shape: [], data: type === 'float64' ? Float64Array.of(number) : Float32Array.of(number) })
}

/** 1 where the condition holds, else 0, in the element type. */
export function indicator(graph: Graph, condition: Value, type: ElementType): Value {
  return graph.op('Cast', [condition], { to: onnxTypeOf(type) })
}

/** int64 list literal. */
export function integers(graph: Graph, values: readonly number[]): Value {
  return graph.constant(int64([values.length], values))
}

/** `gradient` in the full shape of `value`. */
export function expandTo(graph: Graph, gradient: Value, value: Value): Value {
  if (sameShape(gradient.shape, value.shape)) return gradient
  const target = value.shape.every((size) => typeof size === 'number') ? integers(graph, value.shape as number[]) : graph.op('Shape', [value])
  return graph.op('Expand', [gradient, target])
}

/** A zero tensor of the shape of `value`. */
export function zerosLike(graph: Graph, value: Value): Value {
  return expandTo(graph, literal(graph, value.type, 0), value)
}

/** Back to the shape of `value`: the same elements in other axes. */
export function reshapeLike(graph: Graph, gradient: Value, value: Value): Value {
  if (sameShape(gradient.shape, value.shape)) return gradient
  const unknown = value.shape.filter((size) => typeof size === 'string').length
  if (unknown <= 1) {
    const target = integers(graph, value.shape.map((size) => (typeof size === 'number' ? size : -1)))
    return graph.op('Reshape', [gradient, target], {}, { shape: value.shape })
  }
  return graph.op('Reshape', [gradient, graph.op('Shape', [value])], {}, { shape: value.shape })
}

/** How many elements of `value` lie along `axes`, as a scalar of its element type. */
export function countAlong(graph: Graph, value: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => value.shape[axis])
  if (sizes.every((size) => typeof size === 'number')) return literal(graph, value.type, (sizes as number[]).reduce((total, size) => total * size, 1))
  const picked = graph.op('Gather', [graph.op('Shape', [value]), integers(graph, axes)], { axis: 0 })
  const count = graph.op('ReduceProd', [picked], { axes: [0], keepdims: 0 })
  return graph.op('Cast', [count], { to: onnxTypeOf(value.type) })
}

/**
 * The gradient of a broadcast input: `gradient` belongs to `output`; `input` was repeated along some axes to
 * make it. Sums over those axes. Where the gradient itself is short along a summed axis, it stands for
 * that many equal numbers: then it is multiplied by their count.
 */
export function sumToInput(graph: Graph, gradient: Value, output: Value, input: Value): Value {
  const rank = output.shape.length
  const sizeAt = (shape: readonly Dimension[], axis: number): Dimension => shape[axis - rank + shape.length] ?? 1
  const summed: number[] = []
  const multiplied: number[] = []
  const open = Array.from({ length: rank }, (_, axis) => axis).some((axis) => typeof sizeAt(input.shape, axis) === 'string' && sizeAt(input.shape, axis) !== sizeAt(output.shape, axis))
  if (open && graph.trustsSymbols) return sumAtRunTime(graph, expandTo(graph, gradient, output), output, input)
  for (let axis = 0; axis < rank; axis += 1) {
    const [had, has] = [sizeAt(input.shape, axis), sizeAt(output.shape, axis)]
    if (typeof had === 'string' && typeof has === 'number' && has !== 1) {
      // Repeated from 1, or equal all along: the gradient differs.
      throw new CuvetteError('bad-argument', `The value ${input.name} has ${had} elements along an axis where the result ${output.name} has ${has}; its gradient needs to know whether they are equal.`, { where: input.name })
    }
    if (had !== 1 || has === 1) continue
    if (sizeAt(gradient.shape, axis) === 1) multiplied.push(axis)
    else summed.push(axis)
  }
  let result = gradient
  if (summed.length > 0) {
    const offset = rank - gradient.shape.length
    result = graph.op('ReduceSum', [result, integers(graph, summed.map((axis) => axis - offset))], { keepdims: 1 })
  }
  if (multiplied.length > 0) result = graph.op('Mul', [result, countAlong(graph, output, multiplied)])
  return alignRank(graph, result, input.shape.length)
}

/** The same where only the run shows which axes were repeated. */
function sumAtRunTime(graph: Graph, gradient: Value, output: Value, input: Value): Value {
  const rank = output.shape.length
  const missing = rank - input.shape.length
  const own = graph.op('Shape', [input])
  const padded = missing === 0 ? own : graph.op('Concat', [integers(graph, Array.from({ length: missing }, () => 1)), own], { axis: 0 })
  const differs = graph.op('Not', [graph.op('Equal', [padded, graph.op('Shape', [output])])])
  const axes = graph.op('Reshape', [graph.op('NonZero', [differs]), integers(graph, [-1])])
  const shape = output.shape.map((size, axis) => (axis < missing ? 1 : (input.shape[axis - missing] ?? size)))
  return alignRank(graph, graph.op('ReduceSum', [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 }, { shape }), input.shape.length)
}

/** Removes leading axes of size 1, or adds them, so that the rank is `rank`; scalars stay scalars. */
export function alignRank(graph: Graph, gradient: Value, rank: number): Value {
  const have = gradient.shape.length
  if (have === rank || have === 0) return gradient
  const leading = Array.from({ length: Math.abs(have - rank) }, (_, axis) => axis)
  return graph.op(have > rank ? 'Squeeze' : 'Unsqueeze', [gradient, integers(graph, leading)])
}

/** Reduction results get their removed axes back as sizes of 1. */
export function restoreAxes(graph: Graph, value: Value, axes: readonly number[], keepdims: boolean): Value {
  if (keepdims || axes.length === 0 || value.shape.length === 0) {
    return value
  }
  return graph.op('Unsqueeze', [value, integers(graph, axes)])
}

export function sameShape(left: readonly Dimension[], right: readonly Dimension[]): boolean {
  return left.length === right.length && left.every((size, axis) => size === right[axis])
}

/** Whether every integer of a value is a literal known now. */
export function isLiteral(graph: Graph, value: Value): boolean {
  return knownIntegers(graph, value)?.every((integer) => typeof integer === 'number') ?? false
}
