import type { Graph, Value } from '../onnx/graph'
import type { Tensor } from '../onnx/tensor'
import { float32 } from '../onnx/tensor'
import { covarianceOf, pseudoInverse, whitening } from './covariance'
import { boolean, channelCount, choice, describe, image, number } from './describe'
import type { NodeState, NodeType, Parameters, StateTensor, WriteContext } from './node'
import type { RunningStatistics } from './statistics'
import { statisticsOf } from './statistics'

export const rxGlobal: NodeType = {
  description: describe({
    type: 'RXGlobal',
    family: 'statistical',
    role: 'transform',
    summary: 'Anomaly score of every pixel: squared Mahalanobis distance from the background of all training pixels.',
    formula: 'score = (x - mu)\' (cov + eps I)^-1 (x - mu), cov with divisor N - 1',
    source: 'Reed and Yu, IEEE Transactions on Acoustics, Speech, and Signal Processing 38 (1990); cuvis.ai RXGlobal.',
    inputs: [image('data', 'C', 'Cube.', { aliases: ['rgb'] })],
    outputs: [image('scores', 1, 'Squared distance; larger is more anomalous.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      number('eps', 1e-6, 'Added to the diagonal of the covariance.', { minimum: 0 }),
      choice('form', ['whitening', 'inverse'], 'whitening', 'whitening: length of (x - mu) W, with W factorised in float64; inverse: the quadratic form with the inverse in float32, as the reference computes it.'),
      boolean('cache_inverse', true, 'Whether the form "inverse" trains the inverse (true) or the covariance (false).'),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  // Small differences of bands that are nearly the same are divided by small variances.
  tolerance: 1e-4,
  autoChannels: { num_channels: 'data' },
  repositoryParameters: { form: 'inverse' },
  channels: () => ({ scores: 1 }),
  state(parameters) {
    const size = parameters.num_channels as number
    const tensor = (name: string, kind: StateTensor['kind']): StateTensor => ({ name, shape: name === 'mu' ? [size] : [size, size], kind })
    if (parameters.form === 'whitening') return [tensor('mu', 'statistic'), tensor('cov', 'constant'), tensor('whitening', 'statistic')]
    const trainsInverse = parameters.cache_inverse === true
    return [tensor('mu', 'statistic'), tensor('cov', trainsInverse ? 'constant' : 'statistic'), tensor('cov_inv', trainsInverse ? 'statistic' : 'constant')]
  },
  trainableStatistics: ['mu', 'whitening', 'cov', 'cov_inv'],
  // The reference always has mu, cov and cov_inv; cov_inv is empty while the covariance is what trains.
  repositoryState: {
    write: ({ cache_inverse: cached }, { mu, cov, cov_inv: inverse }) => ({ mu, cov, cov_inv: cached === true ? (inverse ?? inverted(cov)) : float32([0, 0], []) }),
    read: (_parameters, stored) => (stored.cov && stored.cov_inv?.data.length === 0 ? { ...stored, cov_inv: inverted(stored.cov) } : stored),
  },
  // While the covariance trains, its inverse follows step by step.
  moving: (_parameters, stage, isTrained) => (stage !== 'inference' && isTrained('cov') ? ['cov_inv'] : []),
  fit: {
    port: 'data',
    start: (parameters, { node }) => statisticsOf('full', node, parameters.num_channels as number, (statistics) => background(node, parameters, statistics)),
  },
  write(context) {
    const { graph, parameters, rows, state } = context
    const centred = graph.op('Sub', [rows('data'), state.mu])
    if (parameters.form === 'whitening') {
      return { scores: graph.op('ReduceSumSquare', [graph.op('MatMul', [centred, state.whitening])], { axes: [1], keepdims: 1 }) }
    }
    const turned = graph.op('MatMul', [centred, inverseOf(context)])
    return { scores: graph.op('ReduceSum', [graph.op('Mul', [turned, centred]), graph.constant({ type: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 }) }
  },
}

function inverted({ shape, data }: Tensor): Tensor {
  return float32(shape, pseudoInverse(data as Float32Array, shape[0]))
}

function background(node: string, parameters: Parameters, statistics: RunningStatistics): NodeState {
  const { covariance, size } = covarianceOf(node, statistics, () => parameters.eps as number)
  const square = (values: ArrayLike<number>) => float32([size, size], values)
  return {
    mu: float32([size], statistics.mean),
    cov: square(covariance),
    ...(parameters.form === 'whitening' ? { whitening: square(whitening(covariance, size)) } : { cov_inv: square(pseudoInverse(covariance, size)) }),
  }
}

/**
 * The inverse of the covariance. Where the covariance trains, one step of Newton's iteration from the last inverse A:
 * 2 A - A cov A, whose value is second-order exact and whose derivative at A = cov^-1 is that of the inverse.
 */
function inverseOf({ graph, parameters, state, stage, tensors, isTrained, update }: WriteContext): Value {
  if (parameters.cache_inverse === true) return state.cov_inv
  const size = parameters.num_channels as number
  if (!isTrained('cov') || stage === 'inference') return graph.initializer(nameOf(graph), float32([size, size], pseudoInverse(tensors.cov.data as Float32Array, size)))
  const last = state.cov_inv
  const product = graph.op('MatMul', [graph.op('MatMul', [last, state.cov]), last])
  const next = graph.op('Sub', [graph.op('Mul', [last, graph.scalar(2)]), product])
  if (stage === 'train') update('cov_inv', next)
  return next
}

/** A free name for the inverse that is computed while the graph is written. */
function nameOf(graph: Graph): string {
  let name = 'inverse_covariance'
  for (let index = 1; graph.has(name); index += 1) name = `inverse_covariance_${index}`
  return name
}
