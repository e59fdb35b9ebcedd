import type { Graph, Value } from '../graph'
import { onnxTypeOf } from '../element-types'
import { integers } from './adjoint'

// Resizing along one axis is a linear map: a matrix [wanted, given]. It is written into the graph from the sizes, so
// that it follows whatever image comes. A resize of an image is one product per axis, and the gradient of a resize is the
// product with the matrix turned round.

export type Coordinates = 'half_pixel' | 'pytorch_half_pixel' | 'align_corners' | 'asymmetric'

export interface Interpolation {
  mode: 'nearest' | 'linear' | 'cubic'
  coordinates: Coordinates
  /** Cubic: the parameter a of Keys' kernel; -0.75 in ONNX and in PyTorch without antialiasing, -0.5 with it. */
  cubic: number
  /** Cubic: weights of pixels outside the image are dropped, not given to the border. */
  excludeOutside: boolean
  nearest: 'round_prefer_floor' | 'round_prefer_ceil' | 'floor' | 'ceil'
}

export const BILINEAR: Interpolation = { mode: 'linear', coordinates: 'half_pixel', cubic: -0.75, excludeOutside: false, nearest: 'round_prefer_floor' }

/** A size along one axis: a number, or an int64 [1] of the graph. */
export type AxisSize = number | Value

/**
 * Matrix [wanted, given] float32 of an interpolation. `scale`: wanted / given where the caller states it apart from the
 * sizes. Formulas: the operator Resize of ONNX.
 */
export function interpolationMatrix(graph: Graph, given: AxisSize, wanted: AxisSize, interpolation: Interpolation, scale?: number): Value {
  const { number, op } = writer(graph)
  const from = floating(graph, given)
  const to = floating(graph, wanted)
  const columns = range(graph, given)
  const rows = graph.op('Unsqueeze', [range(graph, wanted), integers(graph, [1])])
  const last = op('Sub', from, number(1))

  const place = coordinate(graph, rows, from, to, scale === undefined ? op('Div', to, from) : number(scale), interpolation.coordinates)
  const inside = (value: Value): Value => op('Min', op('Max', value, number(0)), last)
  const atPixel = (value: Value): Value => graph.op('Cast', [op('Equal', value, columns)], { to: onnxTypeOf('float32') })
  switch (interpolation.mode) {
    case 'nearest':
      return atPixel(inside(rounded(graph, place, interpolation.nearest)))
    case 'linear': {
      // The hat function around each place, cut at the borders.
      return op('Max', op('Sub', number(1), op('Abs', op('Sub', inside(place), columns))), number(0))
    }
    case 'cubic': {
      const first = op('Floor', place)
      const share = op('Sub', place, first)
      const taps = [-1, 0, 1, 2].map((offset) => ({
        pixel: op('Add', first, number(offset)),
        weight: keys(graph, op('Sub', share, number(offset)), interpolation.cubic),
      }))
      if (!interpolation.excludeOutside) return taps.map(({ pixel, weight }) => op('Mul', weight, atPixel(inside(pixel)))).reduce((total, part) => op('Add', total, part))
      return rowsSumToOne(graph, taps.map(({ pixel, weight }) => op('Mul', weight, atPixel(pixel))).reduce((total, part) => op('Add', total, part)))
    }
  }
}

/**
 * Matrix [wanted, given] float32 of a resize with antialiasing: the kernel is stretched by the scale when the image gets
 * smaller, and its weights sum to 1. `outside`: what would weigh pixels outside of the image is left out, as
 * torch.nn.functional.interpolate(antialias=True, align_corners=False) does it, or goes to the border, as the operator
 * Resize of ONNX does it unless it excludes them.
 */
export function antialiasMatrix(graph: Graph, given: AxisSize, wanted: AxisSize, mode: 'linear' | 'cubic', { cubic = -0.5, outside = 'left out' }: { cubic?: number; outside?: 'left out' | 'to the border' } = {}): Value {
  const { number, op } = writer(graph)
  const columns = range(graph, given)
  const rows = graph.op('Unsqueeze', [range(graph, wanted), integers(graph, [1])])
  const size = floating(graph, given)
  const scale = op('Div', size, floating(graph, wanted))
  const stretch = op('Max', scale, number(1))
  const center = op('Mul', op('Add', rows, number(0.5)), scale)
  const weightsOf = (pixels: Value): Value => {
    const distance = op('Div', op('Sub', op('Add', pixels, number(0.5)), center), stretch)
    return mode === 'cubic' ? keys(graph, distance, cubic) : op('Max', op('Sub', number(1), op('Abs', distance)), number(0))
  }
  if (outside === 'left out') return rowsSumToOne(graph, weightsOf(columns))
  // Far enough on both sides for every kernel that touches the image.
  const margin = op('Add', op('Ceil', op('Mul', stretch, number(mode === 'cubic' ? 2 : 1))), number(1))
  const wide = graph.op('Range', [op('Neg', margin), op('Add', size, margin), number(1)])
  const border = graph.op('Unsqueeze', [op('Min', op('Max', wide, number(0)), op('Sub', size, number(1))), integers(graph, [1])])
  const moved = graph.op('Cast', [op('Equal', border, columns)], { to: onnxTypeOf('float32') })
  return op('MatMul', rowsSumToOne(graph, weightsOf(wide)), moved)
}

/** Resizes one axis of `value`: the product with a matrix [wanted, given]. */
export function applyAlong(graph: Graph, value: Value, matrix: Value, axis: number): Value {
  const rank = value.shape.length
  const turned = (): Value => graph.op('Transpose', [matrix], { perm: [1, 0] })
  if (axis === rank - 1) return graph.op('MatMul', [value, turned()])
  if (axis === rank - 2) return graph.op('MatMul', [matrix, value])
  const perm = Array.from({ length: rank }, (_, at) => at)
  ;[perm[axis], perm[rank - 1]] = [perm[rank - 1], perm[axis]]
  return graph.op('Transpose', [graph.op('MatMul', [graph.op('Transpose', [value], { perm }), turned()])], { perm })
}

/** The transposed map, from a gradient of the resized axis back to the axis as it was. */
export function applyTransposedAlong(graph: Graph, gradient: Value, matrix: Value, axis: number): Value {
  return applyAlong(graph, gradient, graph.op('Transpose', [matrix], { perm: [1, 0] }), axis)
}

function writer(graph: Graph): { number(value: number): Value; op(name: string, ...inputs: Value[]): Value } {
  return { number: (value) => graph.scalar(value), op: (name, ...inputs) => graph.op(name, inputs) }
}

/** Size as float32 scalar. */
function floating(graph: Graph, size: AxisSize): Value {
  if (typeof size === 'number') return graph.scalar(size)
  return graph.op('Cast', [graph.op('Squeeze', [size, integers(graph, [0])])], { to: onnxTypeOf('float32') })
}

/** 0, 1, ... size - 1 as float32. */
function range(graph: Graph, size: AxisSize): Value {
  const scalar = (value: number): Value => graph.constant({ type: 'int64', shape: [], data: BigInt64Array.of(BigInt(value)) })
  const end = typeof size === 'number' ? scalar(size) : graph.op('Squeeze', [size, integers(graph, [0])])
  return graph.op('Cast', [graph.op('Range', [scalar(0), end, scalar(1)])], { to: onnxTypeOf('float32') })
}

function coordinate(graph: Graph, rows: Value, from: Value, to: Value, scale: Value, kind: Coordinates): Value {
  const { number, op } = writer(graph)
  const half = (): Value => op('Sub', op('Div', op('Add', rows, number(0.5)), scale), number(0.5))
  const single = op('Equal', to, number(1))
  switch (kind) {
    case 'half_pixel':
      return half()
    case 'pytorch_half_pixel':
      return op('Where', single, number(0), half())
    case 'asymmetric':
      return op('Div', rows, scale)
    case 'align_corners':
      return op('Where', single, number(0), op('Div', op('Mul', rows, op('Sub', from, number(1))), op('Max', op('Sub', to, number(1)), number(1))))
  }
}

function rounded(graph: Graph, place: Value, how: Interpolation['nearest']): Value {
  const { number, op } = writer(graph)
  switch (how) {
    case 'floor':
      return op('Floor', place)
    case 'ceil':
      return op('Ceil', place)
    case 'round_prefer_floor':
      return op('Ceil', op('Sub', place, number(0.5)))
    case 'round_prefer_ceil':
      return op('Floor', op('Add', place, number(0.5)))
  }
}

/** Keys' cubic convolution kernel (1981) with parameter a, at a distance in pixels. */
function keys(graph: Graph, distance: Value, a: number): Value {
  const { number, op } = writer(graph)
  const x = op('Abs', distance)
  const polynomial = (...coefficients: number[]): Value =>
    coefficients.slice(1).reduce((value, coefficient) => op('Add', op('Mul', value, x), number(coefficient)), number(coefficients[0]))
  const near = polynomial(a + 2, -(a + 3), 0, 1)
  const far = polynomial(a, -5 * a, 8 * a, -4 * a)
  return op('Where', op('LessOrEqual', x, number(1)), near, op('Where', op('Less', x, number(2)), far, number(0)))
}

function rowsSumToOne(graph: Graph, weights: Value): Value {
  return graph.op('Div', [weights, graph.op('ReduceSum', [weights, integers(graph, [1])], { keepdims: 1 })])
}
