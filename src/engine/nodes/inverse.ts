import type { Value } from '../onnx/graph'
import { Graph } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'

/** Pivots of a matrix with ones on its diagonal are in (0, 1]; smaller ones are rounding and not the matrix. */
const SMALLEST_PIVOT = 1e-14

/**
 * Inverses of symmetric positive definite float64 matrices [B, size, size] as a graph, with the gradient of the inverse.
 * The matrices are scaled to ones on the diagonal and inverted by sweeping every pivot (Goodnight, A Tutorial on the SWEEP
 * Operator, The American Statistician 33 (1979)); a step of Newton's iteration corrects the rounding. That step,
 * X (2 I - A X), has at X = A^-1 the derivative of the inverse, so it carries the gradient past the loop.
 */
export function symmetricInverse(graph: Graph, matrices: Value, size: number): Value {
  const held = graph.detach(matrices)
  const eye = identity(graph, size)
  const diagonal = graph.op('ReduceSum', [graph.op('Mul', [held, eye]), graph.constant(int64([1], [2]))], { keepdims: 1 })
  const factor = graph.op('Reciprocal', [graph.op('Sqrt', [diagonal])])
  const factors = graph.op('Mul', [factor, graph.op('Transpose', [factor], { perm: [0, 2, 1] })])
  const scaled = graph.op('Mul', [held, factors])
  const rounds = graph.constant(int64([], [size]))
  const start = graph.constant({ type: 'bool', shape: [], data: Uint8Array.of(1) })
  const swept = graph.op('Loop', [rounds, start, scaled], { body: { kind: 'graph', value: sweep(matrices.shape, size) } }, { name: 'Sweep' })
  const rough = graph.detach(graph.op('Neg', [graph.op('Mul', [swept, factors])]))
  const twice = graph.op('Sub', [graph.op('Mul', [eye, literal(graph, 2)]), graph.op('MatMul', [matrices, rough])])
  return graph.op('MatMul', [rough, twice])
}

/** Sweeps one pivot: A - u u' / d - 2 e e', with u the column of the pivot d less e, the unit vector of the pivot. */
function sweep(shape: Value['shape'], size: number): Graph {
  const graph = new Graph()
  const index = graph.input('index', 'int64', [])
  const goOn = graph.input('go_on', 'bool', [])
  const matrix = graph.input('matrix', 'float64', shape)
  const place = graph.op('Reshape', [index, graph.constant(int64([1], [1]))])
  const unit = graph.op('Gather', [identity(graph, size), place], { axis: 1 })
  const column = graph.op('Gather', [matrix, place], { axis: 2 })
  const pivot = graph.op('Max', [graph.op('Gather', [column, place], { axis: 1 }), literal(graph, SMALLEST_PIVOT)])
  const less = graph.op('Sub', [column, unit])
  const outer = graph.op('MatMul', [graph.op('Div', [less, pivot]), graph.op('Transpose', [less], { perm: [0, 2, 1] })])
  const corner = graph.op('Mul', [graph.op('MatMul', [unit, graph.op('Transpose', [unit], { perm: [1, 0] })]), literal(graph, 2)])
  graph.output('again', graph.op('Identity', [goOn]))
  graph.output('matrix_out', graph.op('Sub', [graph.op('Sub', [matrix, outer]), corner]))
  return graph
}

function identity(graph: Graph, size: number): Value {
  return graph.constant(float64([size, size], Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0))))
}

function literal(graph: Graph, value: number): Value {
  return graph.constant(float64([1, 1, 1], [value]))
}
