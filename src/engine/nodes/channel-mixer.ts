import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import type { Tensor } from '../onnx/tensor'
import { covarianceOf, principalAxes } from './covariance'
import { boolean, channelCount, choice, describe, image, integer, integers, matrix, number } from './describe'
import { uniform } from './initial-values'
import type { Locality, NodeState, NodeType, Parameters, Stage, StateTensor, WriteContext } from './node'
import type { RandomSource } from './random'
import { statisticsOf } from './statistics'

/** Batch normalisation's own constants in the reference. */
const BATCH_EPS = 1e-5
const MOMENTUM = 0.1

export const learnableChannelMixer: NodeType = {
  description: describe({
    type: 'LearnableChannelMixer',
    family: 'reduction',
    role: 'transform',
    summary: 'Mixes all channels of a pixel into a few, through one or more trained layers.',
    formula: 'y = W_n a(... a(W_1 x + b_1) ...) + b_n, a: leaky ReLU. minmax: (y - min) / max(max - min, eps) per image and channel, cut to [0, 1]. batchnorm_sigmoid: sigmoid((y - m) / sqrt(v + 1e-5) g + c), m and v of the batch in training, moving averages (momentum 0.1) otherwise. Without normalisation the last layer is activated too.',
    source: 'Zeegers et al., Task-Driven Learned Hyperspectral Data Reduction Using End-to-End Supervised Deep Learning (Journal of Imaging 6, 2020); Glorot and Bengio (AISTATS 2010); He et al. (ICCV 2015); Ioffe and Szegedy, Batch Normalization (ICML 2015); cuvis.ai LearnableChannelMixer.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [
      image('rgb', 'K', 'Mixed channels, within [0, 1] when normalised.', { aliases: ['output'] }),
      matrix('weights', 'K', 'D', 'Weights of the last layer.', { optional: true }),
    ],
    parameters: [
      channelCount('input_channels', 'Number of channels that arrive.'),
      integer('output_channels', undefined, 'Number of mixed channels.', { minimum: 1 }),
      number('leaky_relu_negative_slope', 0.01, 'Slope of the leaky ReLU below 0.', { minimum: 0 }),
      boolean('use_bias', true, 'Whether layers add a bias.'),
      boolean('use_activation', true, 'Whether layers are followed by a leaky ReLU.'),
      boolean('normalize_output', true, 'Whether the output is normalised.'),
      choice('output_normalization', ['minmax', 'batchnorm_sigmoid'], 'minmax', 'minmax: each image and channel to [0, 1]; batchnorm_sigmoid: batch normalisation and a sigmoid, as the reference has it.'),
      choice('inference_normalization', ['batchnorm_sigmoid', 'per_frame_minmax', 'sigmoid_only', 'none'], 'batchnorm_sigmoid', 'What stands for batchnorm_sigmoid in inference.'),
      choice('init_method', ['xavier', 'kaiming', 'pca', 'zeros'], 'xavier', 'First weights. xavier: even within sqrt(6 / (in + out)); kaiming: even within sqrt(6 / ((1 + slope^2) in)); pca: the first layer takes the directions of largest variance, further ones as xavier; zeros.'),
      number('eps', 1e-6, 'Smallest range that minmax divides by.', { exclusiveMinimum: 0 }),
      integers('reduction_scheme', null, 'Channels from layer to layer, input and output included, such as [61, 16, 8, 3]; null: one layer.', { nullable: true, minimum: 1 }),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality,
  autoChannels: { input_channels: 'data' },
  repositoryParameters: { output_normalization: 'batchnorm_sigmoid' },
  nearestInRepository: (parameters) => (parameters.output_normalization === 'minmax' ? { ...parameters, inference_normalization: 'per_frame_minmax' } : parameters),
  check({ reduction_scheme: scheme, output_channels: kept, input_channels: arriving }) {
    if (!Array.isArray(scheme)) return
    if (scheme.length < 2) refuseScheme(`has ${scheme.length} element${scheme.length === 1 ? '' : 's'}; at least the channels that arrive and those that leave are expected`)
    if (scheme[scheme.length - 1] !== kept) refuseScheme(`ends with ${scheme[scheme.length - 1]}, but output_channels is ${String(kept)}; both must be the same`)
    if (typeof arriving === 'number') requireFirst(scheme, arriving)
  },
  channels({ reduction_scheme: scheme, output_channels: kept, input_channels: arriving }, { data }) {
    const first = typeof arriving === 'number' ? arriving : data
    if (Array.isArray(scheme) && first >= 0) requireFirst(scheme, first)
    return { rgb: kept as number, weights: Array.isArray(scheme) ? scheme[scheme.length - 2] : first }
  },
  state: stateOf,
  // The reference counts the batches of its batch normalisation, and has one whenever the output is normalised.
  repositoryState: {
    write: (parameters, state) => (parameters.normalize_output === true ? { ...freshBatchNorm(parameters), ...state } : state),
    read: (_parameters, { [BATCHES]: _count, ...stored }) => stored,
  },
  moving: (parameters, stage) => (stage === 'train' && hasBatchNorm(parameters) ? ['output_bn.running_mean', 'output_bn.running_var'] : []),
  initialise: initialState,
  fit: {
    port: 'data',
    needed: ({ init_method: method }) => method === 'pca',
    start: (parameters, { node }) => statisticsOf('full', node, parameters.input_channels as number, (statistics) => {
      const [inputs, width] = schemeOf(parameters)
      const { covariance } = covarianceOf(node, statistics)
      // Rows without a direction of their own stay 0.
      const weights = new Float32Array(width * inputs)
      weights.set(principalAxes(covariance, inputs, width).directions)
      return { 'convs.0.weight': float32([width, inputs, 1, 1], weights) }
    }),
  },
  write(context) {
    const { graph, parameters, state } = context
    const scheme = schemeOf(parameters)
    const last = scheme.length - 2
    const weights = Array.from({ length: last + 1 }, (_, layer) => graph.reshape(state[`convs.${layer}.weight`], [scheme[layer + 1], scheme[layer]]))
    const bias = (layer: number): Value | null => (parameters.use_bias === true ? state[`convs.${layer}.bias`] : null)
    let rows = context.rows('data')
    for (let layer = 0; layer < last; layer += 1) rows = activated(context, affine(graph, rows, weights[layer], bias(layer)))
    return { rgb: finished(context, rows, weights[last], bias(last)), weights: weights[last] }
  },
}

const BATCHES = 'output_bn.num_batches_tracked'

/** Batch normalisation as the reference creates it. */
function freshBatchNorm(parameters: Parameters): NodeState {
  const scheme = schemeOf(parameters)
  const size = scheme[scheme.length - 1]
  const [zeros, ones] = [new Float32Array(size), new Float32Array(size).fill(1)]
  return {
    'output_bn.weight': float32([size], ones), 'output_bn.bias': float32([size], zeros), 'output_bn.running_mean': float32([size], zeros), 'output_bn.running_var': float32([size], ones),
    [BATCHES]: { type: 'int64', shape: [], data: BigInt64Array.of(0n) },
  }
}

function refuseScheme(clause: string): never {
  throw new CuvetteError('bad-pipeline', `The reduction_scheme ${clause}.`, { where: 'reduction_scheme' })
}

function requireFirst(scheme: readonly number[], arriving: number): void {
  if (scheme[0] !== arriving) refuseScheme(`starts with ${scheme[0]}, but ${arriving} channels arrive; both must be the same`)
}

/** Channels from layer to layer. */
function schemeOf({ reduction_scheme: scheme, input_channels: inputs, output_channels: kept }: Parameters): number[] {
  return Array.isArray(scheme) ? scheme : [inputs as number, kept as number]
}

function hasBatchNorm({ normalize_output: normalised, output_normalization: how }: Parameters): boolean {
  return normalised === true && how === 'batchnorm_sigmoid'
}

/** How the output is normalised in a stage. */
function normalisation(parameters: Parameters, stage: Stage): 'minmax' | 'batch' | 'moving' | 'sigmoid' | 'none' {
  if (parameters.normalize_output !== true) return 'none'
  if (parameters.output_normalization === 'minmax') return 'minmax'
  if (stage === 'train') return 'batch'
  if (stage === 'validation') return 'moving'
  const modes = { batchnorm_sigmoid: 'moving', per_frame_minmax: 'minmax', sigmoid_only: 'sigmoid', none: 'none' } as const
  return modes[parameters.inference_normalization as keyof typeof modes]
}

function locality(parameters: Parameters, stage: Stage): Locality {
  const how = normalisation(parameters, stage)
  if (how === 'batch') return 'batch'
  return how === 'minmax' ? 'image' : 'pixel'
}

function stateOf(parameters: Parameters): StateTensor[] {
  const scheme = schemeOf(parameters)
  const layers = scheme.slice(1).flatMap((width, layer): StateTensor[] => [
    { name: `convs.${layer}.weight`, shape: [width, scheme[layer], 1, 1], kind: 'parameter' },
    ...(parameters.use_bias === true ? [{ name: `convs.${layer}.bias`, shape: [width], kind: 'parameter' as const }] : []),
  ])
  const shape = [scheme[scheme.length - 1]]
  const batch = (name: string, kind: StateTensor['kind']): StateTensor => ({ name: `output_bn.${name}`, shape, kind })
  return hasBatchNorm(parameters) ? [...layers, batch('weight', 'parameter'), batch('bias', 'parameter'), batch('running_mean', 'constant'), batch('running_var', 'constant')] : layers
}

function initialState(parameters: Parameters, random: RandomSource): NodeState {
  return Object.fromEntries(stateOf(parameters).map(({ name, shape }) => [name, firstValue(name, shape, parameters, random)]))
}

function firstValue(name: string, shape: readonly number[], parameters: Parameters, random: RandomSource): Tensor {
  if (name.startsWith('convs.') && name.endsWith('.weight') && parameters.init_method !== 'zeros') {
    const [outputs, inputs] = shape
    const slope = parameters.leaky_relu_negative_slope as number
    return uniform(random, shape, parameters.init_method === 'kaiming' ? Math.sqrt(6 / ((1 + slope ** 2) * inputs)) : Math.sqrt(6 / (inputs + outputs)))
  }
  const value = name === 'output_bn.weight' || name === 'output_bn.running_var' ? 1 : 0
  return float32(shape, new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(value))
}

function affine(graph: Graph, rows: Value, weights: Value, bias: Value | null): Value {
  return graph.op('Gemm', bias ? [rows, weights, bias] : [rows, weights], { transB: 1 })
}

function activated({ graph, parameters }: WriteContext, value: Value): Value {
  if (parameters.use_activation !== true) return value
  return graph.op('LeakyRelu', [value], { alpha: { kind: 'float', value: parameters.leaky_relu_negative_slope as number } })
}

/** The last layer with whatever normalises it, as rows [N, K] or as an image. */
function finished(context: WriteContext, rows: Value, weights: Value, bias: Value | null): Value {
  const { graph, parameters, stage } = context
  const how = normalisation(parameters, stage)
  if (how === 'moving') return graph.op('Sigmoid', [foldedBatchNorm(context, rows, weights, bias)])
  const mixed = affine(graph, rows, weights, bias)
  switch (how) {
    case 'minmax':
      return minMax(context, mixed)
    case 'batch':
      return graph.op('Sigmoid', [batchNorm(context, mixed)])
    case 'sigmoid':
      return graph.op('Sigmoid', [mixed])
    case 'none':
      return parameters.normalize_output === true ? mixed : activated(context, mixed)
  }
}

/** Normalisation with fixed mean and variance, as part of the last layer: no pass over the pixels of its own. */
function foldedBatchNorm({ graph, state }: WriteContext, rows: Value, weights: Value, bias: Value | null): Value {
  const scale = scaleOf(graph, state['output_bn.weight'], state['output_bn.running_var'])
  const shift = graph.op('Mul', [bias ? graph.op('Sub', [bias, state['output_bn.running_mean']]) : graph.op('Neg', [state['output_bn.running_mean']]), scale])
  const scaled = graph.op('Mul', [weights, graph.op('Unsqueeze', [scale, graph.constant(int64([1], [1]))])])
  return affine(graph, rows, scaled, graph.op('Add', [shift, state['output_bn.bias']]))
}

/** Normalisation with mean and variance of the batch, whose moving averages move on. */
function batchNorm({ graph, state, update }: WriteContext, mixed: Value): Value {
  const mean = graph.op('ReduceMean', [mixed], { axes: [0], keepdims: 0 })
  const centred = graph.op('Sub', [mixed, mean])
  const variance = graph.op('ReduceMean', [graph.op('Mul', [centred, centred])], { axes: [0], keepdims: 0 })
  const count = graph.op('Cast', [graph.size(mixed, 0)], { to: onnxTypeOf('float32') })
  // The reference refuses a batch of one pixel. Here its variance, which is 0, must not be divided by 0.
  const others = graph.op('Max', [graph.op('Sub', [count, graph.scalar(1)]), graph.scalar(1)])
  const moved = (name: string, value: Value): void => {
    const before = graph.op('Mul', [state[name], graph.scalar(1 - MOMENTUM)])
    update(name, graph.detach(graph.op('Add', [before, graph.op('Mul', [value, graph.scalar(MOMENTUM)])])))
  }
  moved('output_bn.running_mean', mean)
  moved('output_bn.running_var', graph.op('Mul', [variance, graph.op('Div', [count, others])]))
  return graph.op('Add', [graph.op('Mul', [centred, scaleOf(graph, state['output_bn.weight'], variance)]), state['output_bn.bias']])
}

function scaleOf(graph: Graph, weight: Value, variance: Value): Value {
  return graph.op('Div', [weight, graph.op('Sqrt', [graph.op('Add', [variance, graph.scalar(BATCH_EPS)])])])
}

/** Every image and channel to [0, 1]. */
function minMax({ graph, parameters, inputs: { data }, stage }: WriteContext, mixed: Value): Value {
  const channels = parameters.output_channels as number
  const images = graph.reshape(mixed, [{ of: data, axis: 0 }, -1, channels])
  const [least, most] = ['ReduceMin', 'ReduceMax'].map((op) => graph.op(op, [images], { axes: [1], keepdims: 1 }))
  const range = graph.op('Max', [graph.op('Sub', [most, least]), graph.scalar(parameters.eps as number)])
  const scaled = graph.op('Div', [graph.op('Sub', [images, least]), range])
  // In the reference only its own normalisation is cut, not the one that stands for another in inference.
  const isCut = parameters.output_normalization === 'minmax' || stage !== 'inference'
  return graph.reshape(isCut ? graph.op('Clip', [scaled, graph.scalar(0), graph.scalar(1)]) : scaled, [-1, channels])
}
