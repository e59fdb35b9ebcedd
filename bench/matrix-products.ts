import { Graph } from '../src/engine/onnx/graph'
import { encodeModel } from '../src/engine/onnx/model'
import { float32, int64 } from '../src/engine/onnx/tensor'
import { CHANNELS, HIDDEN, REP_DIM } from './pipeline'

// The arithmetic that cannot be avoided: the same matrix products with nothing around them.

function weights(rows: number, columns: number) {
  return float32([rows, columns], Float32Array.from({ length: rows * columns }, (_, index) => Math.sin(index)))
}

/** Two products of the forward pass and three of the backward pass. */
export function stepProducts(): Uint8Array {
  const graph = new Graph()
  const x = graph.input('x', 'float32', ['N', CHANNELS])
  const first = graph.initializer('first', weights(HIDDEN, CHANNELS))
  const second = graph.initializer('second', weights(REP_DIM, HIDDEN))
  const hidden = graph.op('Gemm', [x, first], { transB: 1 })
  const embedding = graph.op('Gemm', [hidden, second], { transB: 1 })
  const back = graph.op('MatMul', [embedding, second])
  graph.output('second_gradient', graph.op('Gemm', [embedding, hidden], { transA: 1 }))
  graph.output('first_gradient', graph.op('Gemm', [back, x], { transA: 1 }))
  return encodeModel(graph, { name: 'step_products' })
}

/** The two products of the forward pass; one row of the result comes out, so that no time goes into copying it. */
export function scoringProducts(): Uint8Array {
  const graph = new Graph()
  const x = graph.input('x', 'float32', ['N', CHANNELS])
  const hidden = graph.op('Gemm', [x, graph.initializer('first', weights(HIDDEN, CHANNELS))], { transB: 1 })
  const embedding = graph.op('Gemm', [hidden, graph.initializer('second', weights(REP_DIM, HIDDEN))], { transB: 1 })
  graph.output('first_row', graph.op('Slice', [embedding, ...[[0], [1], [0]].map((numbers) => graph.constant(int64([1], numbers)))]))
  return encodeModel(graph, { name: 'scoring_products' })
}
