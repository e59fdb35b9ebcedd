import type { Graph, Value } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'

/** Side of the blocks: their products take the time, and what is done element by element stays small. */
const BLOCK = 48

/** Smallest pivot as a share of the element that it was made of; what is smaller is rounding. */
const SMALLEST_PIVOT = 1e-14

/** A lower triangular factor L of matrices A = L L', in blocks of rows and columns. */
export interface Factor {
  /** Inverses of the blocks on the diagonal of L, [B, w, w]. */
  inverses: readonly Value[]
  /** below[row][column], row > column: blocks of L, [B, w, w]. */
  below: readonly (readonly Value[])[]
}

/** Widths of the blocks of a matrix of that size. */
export function blocksOf(size: number): number[] {
  const count = Math.ceil(size / BLOCK)
  return Array.from({ length: count }, (_, index) => Math.floor((size * (index + 1)) / count) - Math.floor((size * index) / count))
}

/**
 * Factors of symmetric positive definite float64 matrices as a graph. `block` writes a block [B, w, w] of the lower half
 * of the matrices, once each. By blocks of columns, each block on the diagonal by halves down to single elements (Golub and
 * Van Loan, Matrix Computations, 4.2): almost all of the work is products of matrices. A pivot that rounding has made
 * 0 or less is held at a tiny share of its element, so that the numbers stay finite. No gradient is meant to go through.
 */
export function factorise(graph: Graph, widths: readonly number[], block: (row: number, column: number) => Value): Factor {
  const inverses: Value[] = []
  const below: Value[][] = []
  widths.forEach((_, row) => {
    below.push([])
    for (let column = 0; column <= row; column += 1) {
      const written = block(row, column)
      // What the columns in front have of it.
      const left = below[column].reduce((rest, own, k) => graph.op('Sub', [rest, product(graph, below[row][k], transposed(graph, own))]), written)
      if (column < row) below[row].push(product(graph, left, transposed(graph, inverses[column])))
      else inverses.push(inverseOfFactor(graph, left, diagonal(graph, written, widths[row]), widths[row]))
    }
  })
  return { inverses, below }
}

/** L^-1 times columns [B, w, R] by blocks. */
export function forwards(graph: Graph, { inverses, below }: Factor, columns: readonly Value[]): Value[] {
  const found: Value[] = []
  columns.forEach((part, row) => {
    const left = found.reduce((rest, before, column) => graph.op('Sub', [rest, graph.op('MatMul', [below[row][column], before])]), part)
    found.push(graph.op('MatMul', [inverses[row], left]))
  })
  return found
}

/** Rows [B, R, w] by blocks, times L^-1: the transpose of what L'^-1 makes of columns. */
export function backwards(graph: Graph, { inverses, below }: Factor, rows: readonly Value[]): Value[] {
  const found = new Array<Value>(rows.length)
  for (let row = rows.length - 1; row >= 0; row -= 1) {
    let left = rows[row]
    for (let k = row + 1; k < rows.length; k += 1) left = graph.op('Sub', [left, graph.op('MatMul', [found[k], below[k][row]])])
    found[row] = graph.op('MatMul', [left, inverses[row]])
  }
  return found
}

/** The inverse of the factor of one block [B, size, size]; floor [B, size, 1] holds the elements that pivots are shares of. */
function inverseOfFactor(graph: Graph, matrix: Value, floor: Value, size: number): Value {
  if (size === 1) return graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Max', [matrix, floor])])])
  const half = Math.floor(size / 2)
  const [upper, lower] = parts(graph, matrix, 1, [half, size - half])
  const [first] = parts(graph, upper, 2, [half, size - half])
  const [between, second] = parts(graph, lower, 2, [half, size - half])
  const [floorAbove, floorBelow] = parts(graph, floor, 1, [half, size - half])
  const above = inverseOfFactor(graph, first, floorAbove, half)
  const side = product(graph, between, transposed(graph, above))
  const under = inverseOfFactor(graph, graph.op('Sub', [second, product(graph, side, transposed(graph, side))]), floorBelow, size - half)
  const corner = product(graph, product(graph, graph.op('Neg', [under]), side), above)
  const wide = graph.op('Pad', [above, graph.constant(int64([6], [0, 0, 0, 0, 0, size - half]))])
  return graph.op('Concat', [wide, graph.op('Concat', [corner, under], { axis: 2 })], { axis: 1 })
}

/** The diagonal [B, size, 1] of matrices, as shares that no pivot is smaller than. */
function diagonal(graph: Graph, matrices: Value, size: number): Value {
  const shares = graph.constant(float64([size, size], Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? SMALLEST_PIVOT : 0))))
  return graph.op('ReduceSum', [graph.op('Mul', [matrices, shares]), graph.constant(int64([1], [2]))], { keepdims: 1 })
}

/** A product of matrices; of a column and a row it is one of elements, which takes less time. */
function product(graph: Graph, a: Value, b: Value): Value {
  return graph.op(a.shape[2] === 1 ? 'Mul' : 'MatMul', [a, b])
}

function transposed(graph: Graph, matrices: Value): Value {
  const [, rows, columns] = matrices.shape
  if (rows === 1 && columns === 1) return matrices
  return graph.op('Transpose', [matrices], { perm: [0, 2, 1] })
}

function parts(graph: Graph, value: Value, axis: number, sizes: readonly number[]): Value[] {
  return graph.ops('Split', [value, graph.constant(int64([sizes.length], sizes))], sizes.length, { axis })
}
