import type { Graph, Value } from '../onnx/graph'

/** A power of two: scaling by it is exact. */
const SCALE = 2 ** 60

/**
 * The same numbers, through which no gradient flows. Standard ONNX has no such operator; Round has the gradient zero
 * and leaves numbers beyond 2^23 as they are, NaN included. Exact for |x| between 2^-37 and 2^67, and to 2^-61 below.
 */
export function detach(graph: Graph, value: Value): Value {
  return graph.op('Mul', [graph.op('Round', [graph.op('Mul', [value, graph.scalar(SCALE)])]), graph.scalar(1 / SCALE)])
}
