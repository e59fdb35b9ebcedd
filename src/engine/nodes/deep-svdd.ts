import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { boolean, channelCount, choice, describe, image, integer, namedNumbers, number, vector } from './describe'
import { normal, phases, uniform } from './initial-values'
import type { NodeState, NodeType, Parameters, StateTensor } from './node'
import { requirePixels, statisticsOf } from './statistics'

const source = 'cuvis.ai, Deep Learning Nodes; Ruff et al., Deep One-Class Classification (ICML 2018).'

export const deepSVDDProjection: NodeType = {
  description: describe({
    type: 'DeepSVDDProjection',
    family: 'deep-svdd',
    role: 'transform',
    summary: 'A small network that maps every spectrum to an embedding.',
    formula: 'z = W2 relu(W1 f(x) + b1); f(x) = x (linear), or sqrt(2/n_rff) cos(x W + b) with W ~ N(0, 2 gamma), b ~ U(0, 2 pi) (rbf)',
    source: `${source} Random features: Rahimi and Recht (NIPS 2007).`,
    inputs: [image('data', 'C', 'Features of every pixel.')],
    outputs: [image('embeddings', 'D', 'Embedding of every pixel.', { aliases: ['output'] })],
    parameters: [
      channelCount('in_channels', 'Number of input features.'),
      integer('rep_dim', 32, 'Size of the embedding.', { minimum: 1 }),
      integer('hidden', 128, 'Size of the hidden layer.', { minimum: 1 }),
      choice('kernel', ['linear', 'rbf'], 'linear', 'linear: the features themselves; rbf: random Fourier features of them.'),
      integer('n_rff', 2048, 'Number of random Fourier features (rbf).', { minimum: 1 }),
      number('gamma', null, 'Width of the rbf kernel; null: 1 / in_channels.', { exclusiveMinimum: 0, nullable: true }),
      integer('mlp_forward_batch_size', 65_536, 'Accepted for compatibility; results never depend on it.'),
    ],
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { in_channels: 'data' },
  channels: ({ rep_dim: size }) => ({ embeddings: size as number }),
  state: projectionState,
  initialise(parameters, random): NodeState {
    const { inputs, features, hidden, size, prefix } = layout(parameters)
    const state: NodeState = {}
    if (parameters.kernel === 'rbf') {
      const gamma = (parameters.gamma as number | null) ?? 1 / inputs
      state['net.0.W'] = normal(random, [inputs, features], Math.sqrt(2 * gamma))
      state['net.0.b'] = phases(random, [features], 2 * Math.PI)
      state['net.0.z_scale'] = float32([], [Math.sqrt(2 / features)])
    }
    state[`${prefix}fc1.weight`] = uniform(random, [hidden, features], 1 / Math.sqrt(features))
    state[`${prefix}fc1.bias`] = uniform(random, [hidden], 1 / Math.sqrt(features))
    state[`${prefix}fc2.weight`] = uniform(random, [size, hidden], Math.sqrt(6 / (hidden + size)))
    return state
  },
  write({ graph, parameters, rows, state }) {
    const { prefix } = layout(parameters)
    const features = parameters.kernel === 'rbf' ? randomFeatures(graph, rows('data'), state) : rows('data')
    // The bias is the weight of a column of ones: the runtime writes a bias of Gemm over the whole output first, and its
    // gradient would be one more pass over the pixels. Measured: a training step takes 13 % less.
    const weights = graph.op('Concat', [state[`${prefix}fc1.weight`], graph.op('Unsqueeze', [state[`${prefix}fc1.bias`], graph.constant(int64([1], [1]))])], { axis: 1 })
    const hidden = graph.op('Relu', [graph.op('Gemm', [withOnes(graph, features), weights], { transB: 1 })])
    return { embeddings: graph.op('Gemm', [hidden, state[`${prefix}fc2.weight`]], { transB: 1 }) }
  },
}

function layout(parameters: Parameters): { inputs: number; features: number; hidden: number; size: number; prefix: string } {
  const inputs = parameters.in_channels as number
  const rbf = parameters.kernel === 'rbf'
  return {
    inputs,
    features: rbf ? (parameters.n_rff as number) : inputs,
    hidden: parameters.hidden as number,
    size: parameters.rep_dim as number,
    // The names of the reference's modules, so that its weights can be read and written.
    prefix: rbf ? 'net.1.' : 'net.',
  }
}

function projectionState(parameters: Parameters): StateTensor[] {
  const { inputs, features, hidden, size, prefix } = layout(parameters)
  const kernel: StateTensor[] = [
    { name: 'net.0.W', shape: [inputs, features], kind: 'constant' },
    { name: 'net.0.b', shape: [features], kind: 'constant' },
    { name: 'net.0.z_scale', shape: [], kind: 'constant' },
  ]
  return [
    ...(parameters.kernel === 'rbf' ? kernel : []),
    { name: `${prefix}fc1.weight`, shape: [hidden, features], kind: 'parameter' },
    { name: `${prefix}fc1.bias`, shape: [hidden], kind: 'parameter' },
    { name: `${prefix}fc2.weight`, shape: [size, hidden], kind: 'parameter' },
  ]
}

/** Rows [N, C] with a last column of ones, [N, C + 1]. */
function withOnes(graph: Graph, rows: Value): Value {
  const shape = graph.op('Concat', [graph.size(rows, 0), graph.constant(int64([1], [1]))], { axis: 0 })
  const ones = graph.op('Expand', [graph.constant(float32([1, 1], [1])), shape], {}, { shape: [rows.shape[0], 1] })
  return graph.op('Concat', [rows, ones], { axis: 1 })
}

function randomFeatures(graph: Graph, pixels: Value, state: Readonly<Record<string, Value>>): Value {
  const phase = graph.op('Gemm', [pixels, state['net.0.W'], state['net.0.b']])
  return graph.op('Mul', [graph.op('Cos', [phase]), state['net.0.z_scale']])
}

const CENTER = '_tracked_center'

export const deepSVDDCenterTracker: NodeType = {
  description: describe({
    type: 'DeepSVDDCenterTracker',
    family: 'deep-svdd',
    role: 'transform',
    summary: 'Keeps the centre of the embeddings: their mean at first, then a moving average while training.',
    formula: 'c0 = mean(z); c = (1 - alpha) c + alpha mean(z of the batch), before c is handed on. No gradient flows through c.',
    source,
    inputs: [image('embeddings', 'D', 'Embeddings.', { aliases: ['data'] })],
    outputs: [
      vector('center', 'D', 'The present centre.', { aliases: ['output'] }),
      namedNumbers('metrics', 'Length of the centre.'),
    ],
    parameters: [
      channelCount('rep_dim', 'Size of the embedding.'),
      number('alpha', 0.1, 'Share of the batch in the new centre.', { exclusiveMinimum: 0, maximum: 1 }),
      boolean('update_in_eval', false, 'Whether the centre also moves in validation.'),
    ],
    needsStatistics: true,
  }),
  locality: 'pixel',
  autoChannels: { rep_dim: 'embeddings' },
  channels: ({ rep_dim: size }, inputs) => ({ center: typeof size === 'number' ? size : inputs.embeddings }),
  state: ({ rep_dim: size }) => [{ name: CENTER, shape: [size as number], kind: 'statistic' }],
  moving: (parameters, stage) => (moves(parameters, stage) ? [CENTER] : []),
  fit: {
    port: 'embeddings',
    start: (parameters, { node }) => statisticsOf('diagonal', node, parameters.rep_dim as number, (statistics) => {
      requirePixels(node, 1, statistics.count)
      return { [CENTER]: float32([statistics.mean.length], statistics.mean) }
    }),
  },
  write({ graph, parameters, judgedRows, stage, state, setting, update }) {
    const center = state[CENTER]
    if (!moves(parameters, stage)) return { center }
    const alpha = setting('alpha', parameters.alpha as number)
    const mean = graph.op('ReduceMean', [judgedRows('embeddings')], { axes: [0], keepdims: 0 })
    const kept = graph.op('Mul', [center, graph.op('Sub', [graph.scalar(1), alpha])])
    const next = graph.detach(graph.op('Add', [kept, graph.op('Mul', [mean, alpha])]))
    update(CENTER, next)
    return { center: next }
  },
  measurement: {
    ports: ['center'],
    measure: (_parameters, { center }) => ({ 'deepsvdd_center/norm': Math.sqrt((center.data as Float32Array).reduce((sum, value) => sum + value * value, 0)) }),
  },
}

function moves(parameters: Parameters, stage: string): boolean {
  return stage === 'train' || (stage === 'validation' && parameters.update_in_eval === true)
}

export const deepSVDDScores: NodeType = {
  description: describe({
    type: 'DeepSVDDScores',
    family: 'deep-svdd',
    role: 'transform',
    summary: 'Anomaly score of every pixel: squared distance of its embedding from the centre.',
    formula: 'score = sum_d (z_d - c_d)^2',
    source,
    inputs: [image('embeddings', 'D', 'Embeddings.'), vector('center', 'D', 'Centre.')],
    outputs: [image('scores', 1, 'Squared distance; larger is more anomalous.', { aliases: ['output'] })],
  }),
  locality: 'pixel',
  channels: () => ({ scores: 1 }),
  write: ({ graph, rows, inputs }) => ({ scores: squaredDistance(graph, rows('embeddings'), inputs.center) }),
}

/** ||z - c||^2 of every row, [N, 1]. */
export function squaredDistance(graph: Graph, embeddings: Value, center: Value): Value {
  return graph.op('ReduceSumSquare', [graph.op('Sub', [embeddings, center])], { axes: [1], keepdims: 1 })
}
