import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float32, float64, int64 } from '../onnx/tensor'
import type { PrincipalAxes } from './covariance'
import { covarianceOf, principalAxes } from './covariance'
import { boolean, channelCount, choice, describe, image, integer, matrix, number, vector } from './describe'
import type { NodeState, NodeType, Parameters, StateTensor } from './node'
import type { RandomSource } from './random'
import { randomSource } from './random'
import type { RunningStatistics } from './statistics'
import { statisticsOf } from './statistics'
import { symmetricEigen } from './symmetric-eigen'

const source = 'Pearson, On Lines and Planes of Closest Fit to Systems of Points in Space (1901); Jolliffe, Principal Component Analysis (2002)'

const outputs = [
  image('projected', 'K', 'Coordinates along the components.', { aliases: ['output'] }),
  vector('explained_variance_ratio', 'K', 'Share of the variance along each component.'),
  matrix('components', 'K', 'C', 'Components, one per row; of each the element of largest magnitude is positive.'),
]

const count = integer('n_components', undefined, 'Number of components to keep.', { minimum: 1 })

const varianceRatio = choice('variance_ratio', ['total', 'retained'], 'total', 'total: share of the variance of all channels; retained: of the variance along the kept components plus eps, as the reference has it.')

export const trainablePCA: NodeType = {
  description: describe({
    type: 'TrainablePCA',
    family: 'reduction',
    role: 'transform',
    summary: 'Projects spectra on the directions of largest variance of all training pixels, which can be trained on.',
    formula: 'y = W (x - mean), whitened: divided by sqrt(variance + eps); rows of W: eigenvectors of the covariance (divisor N - 1), or random orthonormal directions. Training changes W, not mean and variance.',
    source: `${source}; cuvis.ai TrainablePCA.`,
    inputs: [image('data', 'C', 'Cube.')],
    outputs,
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      count,
      boolean('whiten', false, 'Whether every component is scaled to variance 1.'),
      choice('init_method', ['svd', 'random'], 'svd', 'svd: directions of largest variance; random: orthonormal directions drawn with the seed of the run.'),
      number('eps', 1e-6, 'Added to variances before a root or a division.', { minimum: 0 }),
      varianceRatio,
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { num_channels: 'data' },
  // The reference draws nothing: its init_method has no effect.
  repositoryParameters: { variance_ratio: 'retained', init_method: 'svd' },
  channels: ({ n_components: kept, num_channels: channels }, inputs) => shapesOf(kept as number, typeof channels === 'number' ? channels : inputs.data),
  state: stateOf,
  repositoryState: {
    write: (_parameters, { _mean, _explained_variance, _components }) => ({ _mean, _explained_variance, _components }),
    read: (_parameters, stored) => stored,
  },
  trainableStatistics: ['_components'],
  fit: {
    port: 'data',
    start: (parameters, { node, seed }) => statisticsOf('full', node, parameters.num_channels as number, (statistics) => fitted(node, parameters, statistics, randomSource(seed, node))),
  },
  write({ graph, parameters, rows, state }) {
    const variance = state._explained_variance
    const eps = graph.constant(float32([1], [parameters.eps as number]))
    let axes = state._components
    if (parameters.whiten === true) {
      const scale = graph.op('Reciprocal', [graph.op('Sqrt', [graph.op('Add', [variance, eps])])])
      // Scaled components are the same as scaled coordinates, of which there are many more.
      axes = graph.op('Mul', [axes, graph.op('Unsqueeze', [scale, graph.constant(int64([1], [1]))])])
    }
    const all = parameters.variance_ratio === 'total' ? state._total_variance : graph.op('Add', [graph.op('ReduceSum', [variance], { keepdims: 1 }), eps])
    return {
      projected: graph.op('Gemm', [graph.op('Sub', [rows('data'), state._mean]), axes], { transB: 1 }),
      explained_variance_ratio: graph.op('Div', [variance, all]),
      components: state._components,
    }
  },
}

function shapesOf(kept: number, channels: number): Record<string, number> {
  if (channels >= 0 && kept > channels) {
    throw new CuvetteError('bad-pipeline', `It keeps ${kept} components of ${channels} channels; set n_components to ${channels} or less.`, { where: 'n_components' })
  }
  return { projected: kept, explained_variance_ratio: kept, components: channels }
}

function stateOf({ num_channels: channels, n_components: kept, variance_ratio: ratio }: Parameters): StateTensor[] {
  const tensor = (name: string, ...shape: unknown[]): StateTensor => ({ name, shape: shape as number[], kind: 'statistic' })
  return [
    tensor('_mean', channels),
    tensor('_explained_variance', kept),
    tensor('_components', kept, channels),
    ...(ratio === 'total' ? [tensor('_total_variance', 1)] : []),
  ]
}

function fitted(node: string, parameters: Parameters, statistics: RunningStatistics, random: RandomSource): NodeState {
  const kept = parameters.n_components as number
  const { covariance, size } = covarianceOf(node, statistics)
  const { variances, directions } = parameters.init_method === 'random' ? randomAxes(covariance, size, kept, random) : principalAxes(covariance, size, kept)
  let total = 0
  for (let channel = 0; channel < size; channel += 1) total += covariance[channel * (size + 1)]
  return {
    _mean: float32([size], statistics.mean),
    _explained_variance: float32([kept], variances),
    _components: float32([kept, size], directions),
    // Channels that never change have no variance to be shared.
    ...(parameters.variance_ratio === 'total' && { _total_variance: float32([1], [total > 0 ? total : 1]) }),
  }
}

/** Random orthonormal directions (normal draws, made orthogonal one after the other) and the variances along them. */
function randomAxes(covariance: Float64Array, size: number, kept: number, random: RandomSource): PrincipalAxes {
  const rows: number[][] = []
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, at) => sum + value * b[at], 0)
  for (let row = 0; row < kept; row += 1) {
    let direction = Array.from({ length: size }, () => random.normal())
    // Twice, because once leaves rounding errors behind (Kahan and Parlett: twice is enough).
    for (const before of [...rows, ...rows]) {
      const share = dot(direction, before)
      direction = direction.map((value, at) => value - share * before[at])
    }
    const length = Math.sqrt(dot(direction, direction))
    rows.push(direction.map((value) => value / length))
  }
  const variances = rows.map((row) => dot(row, row.map((_, at) => dot(row, Array.from(covariance.subarray(at * size, (at + 1) * size))))))
  return { variances: Float64Array.from(variances), directions: Float64Array.from(rows.flat()) }
}

export const pca: NodeType = {
  description: describe({
    type: 'PCA',
    family: 'reduction',
    role: 'transform',
    summary: 'Projects every image on the directions of largest variance of its own pixels.',
    formula: 'y = W (x - mean), rows of W: eigenvectors of the covariance (divisor H W - 1) of the image, in float64. Ratio and components are those of the last image of the batch. No gradient goes through mean and W.',
    source: `${source}; cuvis.ai PCA.`,
    inputs: [image('data', 'C', 'Cube; every image has at least two pixels.')],
    outputs,
    parameters: [count, number('eps', 1e-6, 'Added to the variance that ratios are taken of.', { minimum: 0 }), varianceRatio],
  }),
  locality: 'image',
  repositoryParameters: { variance_ratio: 'retained' },
  channels: ({ n_components: kept }, inputs) => shapesOf(kept as number, inputs.data),
  write({ graph, parameters, inputs: { data } }) {
    const channels = data.shape[3] as number
    const kept = graph.constant(int64([1], [parameters.n_components as number]))
    const first = graph.constant(int64([1], [0]))
    const pixels = graph.reshape(data, [{ of: data, axis: 0 }, -1, channels])
    const { mean, covariance } = momentsOf(graph, pixels)
    const { values, vectors } = symmetricEigen(graph, covariance, channels)
    const keep = (value: Value): Value => graph.op('Slice', [value, first, kept, graph.constant(int64([1], [1]))])
    const variances = keep(values)
    const axes = toFloat32(graph, keep(vectors))
    const eps = graph.constant(float64([1, 1], [parameters.eps as number]))
    const sum = (value: Value): Value => graph.op('ReduceSum', [value, graph.constant(int64([1], [1]))], { keepdims: 1 })
    const ratios = graph.op('Div', [variances, graph.op('Add', [sum(parameters.variance_ratio === 'total' ? values : variances), eps])])
    const centred = graph.op('Sub', [pixels, graph.detach(toFloat32(graph, mean))])
    const projected = graph.op('MatMul', [centred, graph.op('Transpose', [graph.detach(axes)], { perm: [0, 2, 1] })])
    return {
      projected: graph.reshape(projected, [0, 1, 2].map((axis) => ({ of: data, axis }) as { of: Value; axis: number } | number).concat(parameters.n_components as number)),
      explained_variance_ratio: lastOf(graph, toFloat32(graph, ratios)),
      components: lastOf(graph, axes),
    }
  },
}

/** Mean [B, 1, C] and covariance [B, C, C] of pixels [B, P, C], in float64. */
function momentsOf(graph: Graph, pixels: Value): { mean: Value; covariance: Value } {
  const exact = graph.op('Cast', [pixels], { to: onnxTypeOf('float64') })
  const mean = graph.op('ReduceMean', [exact], { axes: [1], keepdims: 1 })
  const centred = graph.op('Sub', [exact, mean])
  const scatter = graph.op('MatMul', [graph.op('Transpose', [centred], { perm: [0, 2, 1] }), centred])
  const total = graph.op('Cast', [graph.size(pixels, 1)], { to: onnxTypeOf('float64') })
  return { mean, covariance: graph.op('Div', [scatter, graph.op('Sub', [total, graph.constant(float64([1], [1]))])]) }
}

function toFloat32(graph: Graph, value: Value): Value {
  return graph.op('Cast', [value], { to: onnxTypeOf('float32') })
}

/** The last of what is stacked along the first axis. */
function lastOf(graph: Graph, stacked: Value): Value {
  return graph.op('Gather', [stacked, graph.constant(int64([], [-1]))], { axis: 0 })
}
