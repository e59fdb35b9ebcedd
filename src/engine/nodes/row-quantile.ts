import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { int64 } from '../onnx/tensor'

/**
 * torch.quantile of every row of values [R, N] as [R, 1], linear interpolation, in the float32 arithmetic of torch. Only
 * the largest elements down to the quantile are sorted. `omit` leaves out what is not finite (NaN for a row without
 * numbers); otherwise one NaN makes the result of its row NaN.
 */
export function rowQuantile(graph: Graph, rows: Value, quantile: Value, omit: boolean): Value {
  const isNaN = graph.op('IsNaN', [rows])
  const missing = omit ? graph.op('Or', [isNaN, graph.op('IsInf', [rows])]) : isNaN
  const number = (value: number): Value => graph.scalar(value)
  const axis = graph.constant(int64([1], [1]))
  const asFloat = (value: Value): Value => graph.op('Cast', [value], { to: onnxTypeOf('float32') })
  const asInteger = (value: Value): Value => graph.op('Cast', [value], { to: onnxTypeOf('int64') })
  const count = graph.op('ReduceSum', [graph.op('Cast', [graph.op('Not', [missing])], { to: onnxTypeOf('int32') }), axis], { keepdims: 1 })
  const last = graph.op('Sub', [asFloat(count), number(1)])

  // Rank from below, as torch computes it; places from above, because the sorted part starts at the largest.
  const rank = graph.op('Max', [graph.op('Mul', [quantile, last]), number(0)])
  const floor = graph.op('Floor', [rank])
  const weight = graph.op('Sub', [rank, floor])
  const lowerPlace = asInteger(graph.op('Sub', [last, floor]))
  const upperPlace = graph.op('Max', [graph.op('Sub', [lowerPlace, graph.constant(int64([], [1]))]), graph.constant(int64([], [0]))])

  // A row without numbers has the place -1; one element must still be sorted.
  const deepest = graph.op('Max', [graph.op('ReduceMax', [lowerPlace], { keepdims: 0 }), graph.constant(int64([], [0]))])
  const depth = graph.op('Reshape', [graph.op('Add', [deepest, graph.constant(int64([], [1]))]), axis])
  const [sorted] = graph.ops('TopK', [graph.op('Where', [missing, number(-Infinity), rows]), depth], 2, { axis: 1, largest: 1, sorted: 1 })
  const size = graph.op('Squeeze', [graph.size(sorted, 1), graph.constant(int64([1], [0]))])
  const places = graph.op('Range', [graph.constant(int64([], [0])), size, graph.constant(int64([], [1]))])
  const at = (place: Value): Value => graph.op('ReduceSum', [graph.op('Where', [graph.op('Equal', [places, place]), sorted, number(0)]), axis], { keepdims: 1 })

  const value = lerp(graph, at(lowerPlace), at(upperPlace), weight)
  const refused = omit
    ? graph.op('Equal', [count, graph.constant({ type: 'int32', shape: [], data: Int32Array.of(0) })])
    : graph.op('Greater', [graph.op('ReduceMax', [asFloat(missing)], { axes: [1], keepdims: 1 }), number(0)])
  return graph.op('Where', [refused, number(Number.NaN), value])
}

/** torch.lerp: measured from the nearer end, so that both ends are exact. */
function lerp(graph: Graph, from: Value, to: Value, weight: Value): Value {
  const span = graph.op('Sub', [to, from])
  const near = graph.op('Add', [from, graph.op('Mul', [weight, span])])
  const far = graph.op('Sub', [to, graph.op('Mul', [span, graph.op('Sub', [graph.scalar(1), weight])])])
  return graph.op('Where', [graph.op('Less', [weight, graph.scalar(0.5)]), near, far])
}
