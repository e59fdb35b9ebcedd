import { float32 } from '../onnx/tensor'
import { covarianceOf, whitening } from './covariance'
import { channelCount, choice, describe, image, number } from './describe'
import type { NodeState, NodeType, Parameters } from './node'
import { bestOf } from './nearest-reference'
import type { RunningStatistics } from './statistics'
import { statisticsOf } from './statistics'
import { keptTargets, targetParameter, targetState } from './targets'

/** Keeps a target that is the background itself from dividing by 0. */
const SMALLEST = 1e-30

export const matchedFilter: NodeType = {
  description: describe({
    type: 'MatchedFilter',
    family: 'statistical',
    role: 'transform',
    summary: 'How much of a target spectrum a pixel holds, against the mean and covariance of all training pixels.',
    formula: 'y = (x - mu) W, s = (t - mu) W, W W\' = (cov + regularization v I)^-1, v mean variance of the channels, cov with divisor N - 1; mf: y s\' / (s s\'), which is 0 at the mean and 1 at the target; ace: the squared cosine of y and s, negative where y s\' is',
    source: 'Manolakis et al., Detection Algorithms in Hyperspectral Imaging Systems: An Overview of Practical Algorithms, IEEE Signal Processing Magazine 31 (2014); ace: Kraut, Scharf and Butler, The Adaptive Coherence Estimator, IEEE Transactions on Signal Processing 53 (2005).',
    inputs: [image('data', 'C', 'Cube.', { aliases: ['cube'] })],
    outputs: [
      image('scores', 'K', 'Score of every target; larger is more alike.'),
      image('best_scores', 1, 'Largest score.', { aliases: ['output'] }),
      image('identity_mask', 1, 'Number of the target with the largest score, from 1.', { dtype: 'int32' }),
    ],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      targetParameter,
      choice('normalization', ['mf', 'ace'], 'mf', 'mf: matched filter, in shares of the target; ace: adaptive cosine estimator, from -1 to 1, whatever the brightness of the deviation.'),
      number('regularization', 1e-6, 'This share of the mean variance is added to every variance, which keeps the covariance invertible where bands repeat each other.', { minimum: 0 }),
    ],
    needsStatistics: true,
  }),
  locality: 'pixel',
  autoChannels: { num_channels: 'data' },
  targets: { port: 'data', instead: [] },
  channels: (parameters) => ({ scores: targetState(parameters)[0]?.shape[0] ?? -1, best_scores: 1, identity_mask: 1 }),
  state: (parameters) => {
    const size = parameters.num_channels as number
    return [{ name: 'mu', shape: [size], kind: 'statistic' }, { name: 'whitening', shape: [size, size], kind: 'statistic' }, ...targetState(parameters)]
  },
  fit: {
    port: 'data',
    start: (parameters, { node }) => statisticsOf('full', node, parameters.num_channels as number, (statistics) => background(node, parameters, statistics)),
  },
  write(context) {
    const { graph, parameters, rows, state } = context
    const whitened = (spectra: typeof state.mu) => graph.op('MatMul', [graph.op('Sub', [spectra, state.mu]), state.whitening])
    const pixels = whitened(rows('data'))
    const targets = whitened(keptTargets(context, ''))
    const floor = graph.constant(float32([1, 1], [SMALLEST]))
    const product = graph.op('MatMul', [pixels, graph.op('Transpose', [targets], { perm: [1, 0] })])
    const energy = graph.op('Max', [graph.op('Transpose', [graph.op('ReduceSumSquare', [targets], { axes: [1], keepdims: 1 })], { perm: [1, 0] }), floor])
    const scores = () => {
      if (parameters.normalization === 'mf') return graph.op('Div', [product, energy])
      const length = graph.op('Max', [graph.op('ReduceL2', [pixels], { axes: [1], keepdims: 1 }), floor])
      const cosine = graph.op('Div', [graph.op('Div', [product, graph.op('Sqrt', [energy])]), length])
      return graph.op('Mul', [cosine, graph.op('Abs', [cosine])])
    }
    return bestOf(graph, scores(), 'largest')
  },
}

/** Mean and whitening of the background. */
function background(node: string, parameters: Parameters, statistics: RunningStatistics): NodeState {
  const { covariance, size } = covarianceOf(node, statistics, (variance) => (parameters.regularization as number) * variance)
  return { mu: float32([size], statistics.mean), whitening: float32([size, size], whitening(covariance, size)) }
}
