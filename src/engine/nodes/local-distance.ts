import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'
import { backwards, blocksOf, factorise, forwards } from './cholesky'
import type { Parameters } from './node'

/** How often what a matrix does not reach is taken out of the deviation of a pixel: each time leaves about a hundredth of it. */
const PROJECTIONS = 3

export interface Surroundings {
  /** float32 [N, C], 0 in place of what is not usable. */
  pixels: Value
  /** int64 [P]: the pixels that are scored. */
  own: Value
  /** int64 [P, K]: the pixels around each. */
  around: Value
  /** float32 [P, K]: 1, or 0 for one that does not count. */
  weights: Value
}

/**
 * Squared Mahalanobis distances float64 [P] of pixels from what is around them; NaN where fewer than two pixels are. With
 * X the deviations from the mean [K, C], d that of the pixel and n the count:
 *
 * - covariance form: (n - 1) d' (X'X)^+ d, matrices of C x C; with eps, (n - 1) d' (X'X + (n - 1) eps I)^-1 d;
 * - with fewer pixels around than channels: (n - 1) |(XX')^+ X d|^2, matrices of K x K, which is the same number.
 *
 * Cholesky cannot leave directions without variance out, so the pseudo-inverse is that of A + delta I, iterated (Tikhonov):
 * with S its inverse, S + delta S^2 is A^-1 but for (delta / l)^2 of an eigenvalue l, and I - delta^2 S^2 projects on the
 * directions that A has. delta is the share of the trace below which a pseudo-inverse takes eigenvalues for 0.
 */
export function surroundingDistances(graph: Graph, around: Surroundings, parameters: Parameters): Value {
  const channels = parameters.num_channels as number
  const [, most] = around.weights.shape as number[]
  const isPseudo = parameters.inverse === 'pseudo'
  const isDual = isPseudo && most - 1 < channels
  const system = isDual ? byPixels(graph, around, channels, most) : byChannels(graph, around, channels)
  const less = graph.op('Sub', [system.count, scalar(graph, 1)])
  const products = lowerBlocks(graph, system.columns)
  const trace = total(graph, system.widths.map((width, at) => sum(graph, graph.op('Mul', [products(at, at), identity(graph, width)]), [1, 2])))
  const delta = isPseudo ? graph.op('Mul', [trace, scalar(graph, Math.max(channels, (parameters.outer_window as number) ** 2) * Number.EPSILON)]) : graph.op('Mul', [less, scalar(graph, parameters.eps as number)])
  const added = isDual ? apartFromTheRest(graph, system, graph.op('Div', [trace, scalar(graph, most)])) : null
  const factor = factorise(graph, system.widths, (row, column) => {
    const block = added ? graph.op('Add', [products(row, column), added(row, column)]) : products(row, column)
    return row === column ? graph.op('Add', [block, graph.op('Mul', [delta, identity(graph, system.widths[row])])]) : block
  })

  const turned = (values: readonly Value[]): Value[] => values.map((value) => graph.op('Transpose', [value], { perm: [0, 2, 1] }))
  const halfway = (rows: readonly Value[]): Value[] => turned(forwards(graph, factor, turned(rows)))
  const solved = (rows: readonly Value[]): Value[] => backwards(graph, factor, halfway(rows))
  const squares = (rows: readonly Value[]): Value => total(graph, rows.map((part) => graph.op('ReduceSumSquare', [part], { axes: [1, 2], keepdims: 1 })))
  const combined = (rows: readonly Value[], others: readonly Value[], share: Value): Value[] => rows.map((part, at) => graph.op('Add', [part, graph.op('Mul', [others[at], share])]))
  let rows = system.right
  const less2 = graph.op('Neg', [graph.op('Mul', [delta, delta])])
  for (let time = 0; isPseudo && time < (isDual ? 1 : PROJECTIONS); time += 1) rows = combined(rows, solved(solved(rows)), less2)
  const lengths = (): Value => {
    const half = halfway(rows)
    if (!isPseudo) return squares(half)
    const once = backwards(graph, factor, half)
    // d' (S + delta S^2) d = |L^-1 d|^2 + delta |S d|^2
    return isDual ? squares(combined(once, solved(once), delta)) : graph.op('Add', [squares(half), graph.op('Mul', [squares(once), delta])])
  }
  const scaled = flat(graph, graph.op('Mul', [lengths(), less]))
  const enough = graph.op('GreaterOrEqual', [flat(graph, less), graph.constant(float64([1], [1]))])
  return graph.op('Where', [enough, scaled, graph.constant(float64([1], [NaN]))])
}

/** Matrices A = V'V with V in blocks of columns, and rows to solve for. */
interface System {
  /** [P, m, w] each. */
  columns: readonly Value[]
  widths: readonly number[]
  /** [P, 1, w] each. */
  right: readonly Value[]
  /** Pixels around, float64 [P, 1, 1]. */
  count: Value
  /** Of the pixels around, by blocks [P, w, 1]: 1, or 0. */
  weights: readonly Value[]
}

/** V = X: one column for each channel. */
function byChannels(graph: Graph, { pixels, own, around, weights }: Surroundings, channels: number): System {
  const widths = blocksOf(channels)
  const shares = column(graph, wide(graph, weights))
  const count = sum(graph, shares, [1, 2])
  const meanWeights = graph.op('Div', [graph.op('Transpose', [shares], { perm: [0, 2, 1] }), count])
  const [columns, right]: [Value[], Value[]] = [[], []]
  for (const part of split(graph, pixels, 1, widths)) {
    const values = wide(graph, graph.op('Gather', [part, around], { axis: 0 }))
    const mean = graph.op('MatMul', [meanWeights, values])
    columns.push(graph.op('Mul', [graph.op('Sub', [values, mean]), shares]))
    right.push(graph.op('Sub', [graph.op('Unsqueeze', [wide(graph, graph.op('Gather', [part, own], { axis: 0 })), integers(graph, [1])]), mean]))
  }
  return { columns, widths, right, count, weights: [] }
}

/** V = X': one column for each pixel around. */
function byPixels(graph: Graph, { pixels, own, around, weights }: Surroundings, channels: number, most: number): System {
  const widths = blocksOf(most)
  const shares = column(graph, wide(graph, weights))
  const count = sum(graph, shares, [1, 2])
  const parts = split(graph, shares, 1, widths)
  const values = split(graph, around, 1, widths).map((places) => wide(graph, graph.op('Gather', [pixels, places], { axis: 0 })))
  const transposed = (value: Value): Value => graph.op('Transpose', [value], { perm: [0, 2, 1] })
  const mean = graph.op('Div', [total(graph, values.map((value, at) => graph.op('MatMul', [transposed(parts[at]), value]))), count])
  const columns = values.map((value, at) => transposed(graph.op('Mul', [graph.op('Sub', [value, mean]), parts[at]])))
  const deviation = graph.op('Sub', [graph.op('Reshape', [wide(graph, graph.op('Gather', [pixels, own], { axis: 0 })), integers(graph, [-1, 1, channels])], {}, { shape: [own.shape[0], 1, channels] }), mean])
  return { columns, widths, right: columns.map((part) => graph.op('MatMul', [deviation, part])), count, weights: parts }
}

/** Blocks of V'V, each written once. */
function lowerBlocks(graph: Graph, columns: readonly Value[]): (row: number, column: number) => Value {
  const rows = columns.map((part) => graph.op('Transpose', [part], { perm: [0, 2, 1] }))
  const known = new Map<string, Value>()
  return (row, at) => {
    const key = `${row},${at}`
    const block = known.get(key) ?? graph.op('MatMul', [rows[row], columns[at]])
    known.set(key, block)
    return block
  }
}

/**
 * What makes XX' of full rank where only deviations from a mean took it away: their sum is 0, and pixels that do not count
 * are 0. Both directions get the mean eigenvalue. X d has no share in either, so the solution stays the same.
 */
function apartFromTheRest(graph: Graph, { weights, widths, count }: System, level: Value): (row: number, column: number) => Value {
  const share = graph.op('Div', [level, count])
  return (row, at) => {
    const together = graph.op('Mul', [graph.op('Mul', [weights[row], graph.op('Transpose', [weights[at]], { perm: [0, 2, 1] })]), share])
    if (row !== at) return together
    const unused = graph.op('Mul', [graph.op('Sub', [scalar(graph, 1), weights[row]]), level])
    return graph.op('Add', [together, graph.op('Mul', [unused, identity(graph, widths[row])])])
  }
}

function wide(graph: Graph, value: Value): Value {
  return graph.op('Cast', [value], { to: onnxTypeOf('float64') })
}

function split(graph: Graph, value: Value, axis: number, sizes: readonly number[]): Value[] {
  return sizes.length === 1 ? [value] : graph.ops('Split', [value, integers(graph, sizes)], sizes.length, { axis })
}

function column(graph: Graph, rows: Value): Value {
  return graph.op('Unsqueeze', [rows, integers(graph, [2])])
}

/** [P, 1, 1] as [P]. */
function flat(graph: Graph, value: Value): Value {
  return graph.op('Squeeze', [value, integers(graph, [1, 2])])
}

function sum(graph: Graph, value: Value, axes: readonly number[], keepdims = 1): Value {
  return graph.op('ReduceSum', [value, integers(graph, axes)], { keepdims })
}

function total(graph: Graph, values: readonly Value[]): Value {
  return values.reduce((a, b) => graph.op('Add', [a, b]))
}

function identity(graph: Graph, size: number): Value {
  return graph.constant(float64([size, size], Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0))))
}

function scalar(graph: Graph, value: number): Value {
  return graph.constant(float64([1, 1, 1], [value]))
}

function integers(graph: Graph, numbers: readonly number[]): Value {
  return graph.constant(int64([numbers.length], numbers))
}
