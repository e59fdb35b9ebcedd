import { onnxTypeOf } from '../onnx/element-types'
import type { Dimension, Value } from '../onnx/graph'
import { Graph } from '../onnx/graph'
import { float32, float64, int64 } from '../onnx/tensor'

/** Jacobi's method converges quadratically: six to ten sweeps are usual. More than these would be of no use. */
const MOST_SWEEPS = 30

/**
 * Eigenvalues [B, size], largest first, and eigenvectors as rows [B, size, size] of symmetric float64 matrices
 * [B, size, size], as a graph. Of each vector the element of largest magnitude is positive (of equal ones the first).
 * Numbers that are not finite give results that are none. No gradient goes through.
 *
 * Jacobi's method with the parallel order of Brent and Luk, The Solution of Singular-Value and Symmetric Eigenvalue
 * Problems on Multiprocessor Arrays, SIAM J. Sci. Stat. Comput. 6 (1985): in every round size / 2 rotations that
 * do not touch one another; after size - 1 rounds every pair had its turn.
 */
export function symmetricEigen(graph: Graph, matrices: Value, size: number): { values: Value; vectors: Value } {
  const even = Math.max(size + (size % 2), 2)
  const [batch] = matrices.shape
  const padded = even === size ? matrices : pad(graph, matrices, size, even)
  const rows = graph.op('Add', [graph.op('Mul', [padded, zero(graph)]), identity(graph, even)])
  const [diagonal, turned] = graph.ops('Loop', [number(graph, MOST_SWEEPS), always(graph), padded, rows], 2, { body: { kind: 'graph', value: sweep(batch, even) } }, { name: 'Jacobi' })
  const found = graph.op('Gather', [flat(graph, diagonal), indices(graph, places(even, (row) => row * (even + 1)))], { axis: 1 })
  const [values, order] = graph.ops('TopK', [found, graph.constant(int64([1], [size]))], 2, { axis: 1, largest: 1, sorted: 1 })
  const chosen = oneHot(graph, order, even)
  const vectors = graph.op('Slice', [graph.op('MatMul', [chosen, turned]), indices(graph, [0]), indices(graph, [size]), indices(graph, [2])])
  return { values, vectors: withSigns(graph, vectors, size) }
}

/** One element more on the diagonal, below every eigenvalue. It takes part in no rotation, since its row is 0 elsewhere. */
function pad(graph: Graph, matrices: Value, size: number, even: number): Value {
  const wider = graph.op('Pad', [matrices, indices(graph, [0, 0, 0, 0, even - size, even - size])])
  const bound = graph.op('Add', [graph.op('Sqrt', [graph.op('ReduceSumSquare', [matrices], { axes: [1, 2], keepdims: 1 })]), one(graph)])
  const last = graph.constant(float64([even, even], places(even * even, (at) => (at % even === at / (even + 1) && at / (even + 1) >= size ? 1 : 0))))
  return graph.op('Sub', [wider, graph.op('Mul', [bound, last])])
}

/** All rounds of a sweep, and whether there is to be another one. */
function sweep(batch: Dimension, size: number): Graph {
  const graph = new Graph()
  const [, , matrices, rows] = loopInputs(graph, batch, size)
  const rounds = [number(graph, size - 1), always(graph), matrices, rows]
  const [nextMatrices, nextRows] = graph.ops('Loop', rounds, 2, { body: { kind: 'graph', value: round(batch, size) } }, { name: 'Sweep' })
  const off = graph.op('Mul', [nextMatrices, graph.op('Sub', [one(graph), identity(graph, size)])])
  const squares = (value: Value): Value => graph.op('ReduceSumSquare', [value], { axes: [1, 2], keepdims: 0 })
  const bound = graph.op('Mul', [squares(nextMatrices), graph.constant(float64([], [(size * Number.EPSILON) ** 2]))])
  // Asked of each matrix alone: one without finite numbers is never done, and must not hold up or stop the others.
  const unfinished = graph.op('Cast', [graph.op('Greater', [squares(off), bound])], { to: onnxTypeOf('float32') })
  graph.output('again', graph.op('Greater', [graph.op('ReduceMax', [unfinished], { keepdims: 0 }), graph.scalar(0)]))
  graph.output('matrices', nextMatrices)
  graph.output('rows', nextRows)
  return graph
}

/** Rotates the pairs of neighbouring rows and columns, then brings other pairs together. */
function round(batch: Dimension, size: number): Graph {
  const graph = new Graph()
  const [, goOn, matrices, rows] = loopInputs(graph, batch, size)
  const half = size / 2
  const entry = (row: number, column: number) => (pair: number): number => (2 * pair + row) * size + 2 * pair + column
  const taken = graph.op('Gather', [flat(graph, matrices), indices(graph, [entry(0, 0), entry(1, 1), entry(0, 1)].flatMap((at) => places(half, at)))], { axis: 1 })
  const [first, second, between] = graph.ops('Split', [taken, indices(graph, [half, half, half])], 3, { axis: 1 })
  const { cosine, sine } = rotation(graph, first, second, between)
  const parts = [cosine, graph.op('Neg', [sine]), sine, cosine].map((part) => graph.op('Unsqueeze', [part, indices(graph, [2])]))
  const rotations = reshape(graph, graph.op('Concat', parts, { axis: 2 }), [batch, half, 2, 2])
  const order = indices(graph, nextPlaces(half))
  const turn = (value: Value): Value => {
    const turned = graph.op('MatMul', [rotations, reshape(graph, value, [batch, half, 2, size])])
    return graph.op('Gather', [reshape(graph, turned, [batch, size, size]), order], { axis: 1 })
  }
  // A symmetric matrix is turned from both sides by turning its rows twice.
  const onceTurned = graph.op('Transpose', [turn(matrices)], { perm: [0, 2, 1] })
  graph.output('again', graph.op('Identity', [goOn]))
  graph.output('matrices', turn(onceTurned))
  graph.output('rows', turn(rows))
  return graph
}

/** Cosine and sine of the smaller angle that makes the entry between two rows 0. */
function rotation(graph: Graph, first: Value, second: Value, between: Value): { cosine: Value; sine: Value } {
  const difference = graph.op('Sub', [second, first])
  const twice = graph.op('Add', [between, between])
  const square = (value: Value): Value => graph.op('Mul', [value, value])
  const length = graph.op('Add', [graph.op('Abs', [difference]), graph.op('Sqrt', [graph.op('Add', [square(difference), square(twice)])])])
  const signed = graph.op('Where', [graph.op('Less', [difference, zero(graph)]), graph.op('Neg', [twice]), twice])
  // 0 where both are 0: nothing is to be turned.
  const tangent = graph.op('Where', [graph.op('Equal', [length, zero(graph)]), zero(graph), graph.op('Div', [signed, length])])
  const cosine = graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [square(tangent), one(graph)])])])
  return { cosine, sine: graph.op('Mul', [cosine, tangent]) }
}

/** Which row comes to each place: the pairs are two benches, of which all seats but the first move on by one. */
function nextPlaces(half: number): number[] {
  const from = { top: (pair: number): number => 2 * pair, bottom: (pair: number): number => 2 * pair + 1 }
  return places(half, (pair) => pair).flatMap((pair) => [
    pair === 0 ? from.top(0) : pair === 1 ? from.bottom(0) : from.top(pair - 1),
    pair === half - 1 ? (half === 1 ? from.bottom(0) : from.top(pair)) : from.bottom(pair + 1),
  ])
}

function withSigns(graph: Graph, vectors: Value, size: number): Value {
  const largest = oneHot(graph, graph.op('ArgMax', [graph.op('Abs', [vectors])], { axis: 2, keepdims: 0 }), size)
  const leading = graph.op('ReduceSum', [graph.op('Mul', [vectors, largest]), indices(graph, [2])], { keepdims: 1 })
  return graph.op('Mul', [vectors, graph.op('Sign', [leading])])
}

function oneHot(graph: Graph, positions: Value, depth: number): Value {
  // onnxruntime has no OneHot of float64.
  const hot = graph.op('OneHot', [positions, graph.constant(int64([1], [depth])), graph.constant(float32([2], [0, 1]))])
  return graph.op('Cast', [hot], { to: onnxTypeOf('float64') })
}

function loopInputs(graph: Graph, batch: Dimension, size: number): Value[] {
  return [
    graph.input('index', 'int64', []),
    graph.input('go_on', 'bool', []),
    graph.input('matrices_in', 'float64', [batch, size, size]),
    graph.input('rows_in', 'float64', [batch, size, size]),
  ]
}

function flat(graph: Graph, matrices: Value): Value {
  const [batch, size] = matrices.shape
  return reshape(graph, matrices, [batch, (size as number) ** 2])
}

/** To a shape of which only the first axis is unknown, and stays. */
function reshape(graph: Graph, value: Value, shape: readonly Dimension[]): Value {
  return graph.op('Reshape', [value, indices(graph, [0, ...(shape.slice(1) as number[])])], {}, { shape })
}

function identity(graph: Graph, size: number): Value {
  return graph.constant(float64([size, size], places(size * size, (at) => (at % (size + 1) === 0 ? 1 : 0))))
}

function indices(graph: Graph, numbers: readonly number[]): Value {
  return graph.constant(int64([numbers.length], numbers))
}

function number(graph: Graph, value: number): Value {
  return graph.constant(int64([], [value]))
}

function always(graph: Graph): Value {
  return graph.constant({ type: 'bool', shape: [], data: Uint8Array.of(1) })
}

function zero(graph: Graph): Value {
  return graph.constant(float64([], [0]))
}

function one(graph: Graph): Value {
  return graph.constant(float64([], [1]))
}

function places(count: number, place: (index: number) => number): number[] {
  return Array.from({ length: count }, (_, index) => place(index))
}
