import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import type { Tensor } from '../onnx/tensor'
import { float64, int64 } from '../onnx/tensor'
import { backwards, blocksOf, factorise, forwards } from './cholesky'
import type { Parameters } from './node'
import { randomSource } from './random'
import { MOST_SWEEPS, symmetricEigen } from './symmetric-eigen'

/** How many random directions are asked how small the smallest eigenvalue is. */
const PROBES = 8

/** A probe meets the eigenvector with a hundredth of its length at least: all of them miss it once in a billion. */
const PROBE_MARGIN = 100

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
 * Both by Cholesky. Where a direction may have no variance, by the eigenvectors of the pseudo-inverse: see `pseudoInverse`.
 */
export function surroundingDistances(graph: Graph, around: Surroundings, parameters: Parameters): Value {
  const channels = parameters.num_channels as number
  const [chunk, most] = around.weights.shape as number[]
  const isDual = parameters.inverse === 'pseudo' && most - 1 < channels
  const system = isDual ? byPixels(graph, around, channels, most) : byChannels(graph, around, channels)
  const less = graph.op('Sub', [system.count, scalar(graph, 1)])
  const probes = parameters.inverse === 'pseudo' ? probesFor(system.widths) : null
  const rows = system.right.map((right, index) => (probes ? graph.op('Concat', [right, repeated(graph, probes[index], chunk)], { axis: 1 }) : right))

  const products = lowerBlocks(graph, system.columns)
  const trace = total(graph, system.widths.map((width, at) => sum(graph, graph.op('Mul', [products(at, at), identity(graph, width)]), [1, 2])))
  const added = isDual ? apartFromTheRest(graph, system, graph.op('Div', [trace, scalar(graph, most)])) : null
  const ridge = probes ? null : graph.op('Mul', [less, scalar(graph, parameters.eps as number)])
  const factor = factorise(graph, system.widths, (row, column) => {
    const block = products(row, column)
    if (added) return graph.op('Add', [block, added(row, column)])
    return ridge && row === column ? graph.op('Add', [block, graph.op('Mul', [ridge, identity(graph, system.widths[row])])]) : block
  })
  const solved = forwards(graph, factor, rows)
  const first = (values: readonly Value[]): Value[] => (probes ? values.map((value) => graph.op('Slice', [value, integers(graph, [0]), integers(graph, [1]), integers(graph, [1])])) : [...values])
  const result = isDual ? backwards(graph, factor, first(solved)) : first(solved)
  const lengths = total(graph, result.map((part) => graph.op('ReduceSumSquare', [part], { axes: [1, 2], keepdims: 0 })))
  const divisor = flat(graph, less)
  const enough = graph.op('GreaterOrEqual', [divisor, graph.constant(float64([1], [1]))])
  const scaled = graph.op('Mul', [probes ? pseudoInverse(graph, { system, lengths, trace, solved, isDual }, parameters, most) : lengths, divisor])
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

interface Solved {
  system: System
  /** [P]: what Cholesky found. */
  lengths: Value
  /** Of the matrices, [P, 1, 1]. */
  trace: Value
  /** Blocks [P, 1 + PROBES, w]: what L^-1 made of the rows and the probes. */
  solved: readonly Value[]
  isDual: boolean
}

/**
 * The lengths again, by eigenvectors for those matrices that may have eigenvalues which the pseudo-inverse leaves out. For
 * a probe g of ones and minus ones, g' A^-1 g is at least (g'v)^2 / l, with l the smallest eigenvalue and v its vector;
 * the trace is at least the largest one. Eigenvectors take a hundred times as long, and are rarely needed.
 */
function pseudoInverse(graph: Graph, { system, lengths, trace, solved, isDual }: Solved, parameters: Parameters, most: number): Value {
  const channels = parameters.num_channels as number
  const share = Math.max(channels, (parameters.outer_window as number) ** 2) * Number.EPSILON
  const size = isDual ? most : channels
  const squares = total(graph, solved.map((part) => graph.op('ReduceSumSquare', [part], { axes: [2], keepdims: 0 })))
  const inverse = graph.op('ReduceMax', [graph.op('Slice', [squares, integers(graph, [1]), integers(graph, [1 + PROBES]), integers(graph, [1])])], { axes: [1], keepdims: 0 })
  const bound = graph.op('Mul', [graph.op('Mul', [inverse, flat(graph, trace)]), graph.constant(float64([1], [PROBE_MARGIN * share]))])
  const isClear = graph.op('Less', [bound, graph.constant(float64([1], [1]))])
  const unclear = graph.op('Reshape', [graph.op('NonZero', [graph.op('Not', [isClear])]), integers(graph, [-1])], {}, { shape: ['unclear'] })
  // Some operators of the runtime do not bear an empty batch: the first matrix comes along, and its result is not used.
  const others = graph.op('Concat', [integers(graph, [0]), unclear], { axis: 0 }, { shape: ['others'] })
  const of = (value: Value): Value => graph.op('Gather', [value, others], { axis: 0 })

  const columns = graph.op('Concat', system.columns.map(of), { axis: 2 })
  const rows = graph.op('Concat', system.right.map(of), { axis: 2 })
  const matrices = graph.op('MatMul', [graph.op('Transpose', [columns], { perm: [0, 2, 1] }), columns], {}, { shape: ['others', size, size] })
  const some = graph.op('Min', [graph.op('Squeeze', [graph.op('Shape', [unclear]), integers(graph, [0])]), graph.constant(int64([], [1]))])
  const { values, vectors } = symmetricEigen(graph, matrices, size, graph.op('Mul', [some, graph.constant(int64([], [MOST_SWEEPS]))]))
  const along = graph.op('Squeeze', [graph.op('MatMul', [vectors, graph.op('Transpose', [rows], { perm: [0, 2, 1] })]), integers(graph, [2])])
  const largest = graph.op('Slice', [values, integers(graph, [0]), integers(graph, [1]), integers(graph, [1])])
  const kept = graph.op('Greater', [values, graph.op('Mul', [largest, graph.constant(float64([1, 1], [share]))])])
  const safe = graph.op('Where', [kept, values, graph.constant(float64([1, 1], [1]))])
  const once = graph.op('Div', [along, safe])
  const parts = graph.op('Where', [kept, graph.op('Mul', [once, isDual ? once : along]), graph.constant(float64([1, 1], [0]))])
  const found = graph.op('Slice', [sum(graph, parts, [1], 0), integers(graph, [1]), integers(graph, [Number.MAX_SAFE_INTEGER])], {}, { shape: ['unclear'] })
  return graph.op('ScatterElements', [lengths, unclear, found], { axis: 0 })
}

/** Fixed rows of ones and minus ones [1, PROBES, w] for blocks of these widths. */
function probesFor(widths: readonly number[]): Tensor[] {
  const random = randomSource(0, 'RXLocal')
  return widths.map((width) => float64([1, PROBES, width], Array.from({ length: PROBES * width }, () => (random.uniform() < 0.5 ? -1 : 1))))
}

function repeated(graph: Graph, tensor: Tensor, times: number): Value {
  const [, rows, columns] = tensor.shape
  return graph.op('Expand', [graph.constant(tensor), integers(graph, [times, rows, columns])], {}, { shape: [times, rows, columns] })
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
