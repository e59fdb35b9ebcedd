import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { boolean, describe, image, integers, number } from './describe'
import type { Locality, NodeType, Parameters, Stage } from './node'
import { rangeAccumulator } from './range-statistics'

// Normalizers of scores and cubes that look at whole images, and those that go by a number at a time.

const data = image('data', 'C', 'Scores or cube.', { aliases: ['scores'] })
const normalized = image('normalized', 'C', 'The same, normalised.', { aliases: ['output'] })

/** Axes of one channel of one image. */
const PLANE = [1, 2]

export const minMaxNormalizer: NodeType = {
  description: describe({
    type: 'MinMaxNormalizer',
    family: 'normalization',
    role: 'transform',
    summary: 'Brings values to the range from 0 to 1, by the range of the training data or of each channel of each image.',
    formula: 'y = (x - min) / max(max - min, eps); min and max over all training pixels and channels together, or, with use_running_stats false, per image and channel',
    source: 'cuvis.ai MinMaxNormalizer.',
    inputs: [data],
    outputs: [normalized],
    parameters: [
      number('eps', 1e-6, 'Smallest range that is divided by.', { exclusiveMinimum: 0 }),
      boolean('use_running_stats', true, 'Whether the range is one of all training data, which new data may leave; false: that of each channel of each image.'),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: (parameters) => (isRunning(parameters) ? 'pixel' : 'image'),
  channels: (_parameters, inputs) => ({ normalized: inputs.data }),
  // The reference keeps both bounds in any case.
  repositoryState: {
    write: (_parameters, state) => ({ running_min: float32([], [Number.NaN]), running_max: float32([], [Number.NaN]), ...state }),
    read(parameters, { running_min: least, running_max: most, ...rest }) {
      return isRunning(parameters) ? { running_min: least, running_max: most, ...rest } : rest
    },
  },
  state: (parameters) => (isRunning(parameters) ? [{ name: 'running_min', shape: [], kind: 'statistic' }, { name: 'running_max', shape: [], kind: 'statistic' }] : []),
  trainableStatistics: ['running_min', 'running_max'],
  fit: {
    port: 'data',
    needed: isRunning,
    start: (_parameters, { node }) => rangeAccumulator(node),
  },
  write({ graph, parameters, rows, inputs, state, stage }) {
    if (isRunning(parameters)) {
      const [least, most] = [state.running_min, state.running_max].map((bound) => graph.reshape(bound, [1, 1]))
      return { normalized: scaled(graph, rows('data'), least, most, parameters.eps as number) }
    }
    const { least, most } = rangeOfPlanes(graph, inputs.data, stage)
    return { normalized: scaled(graph, inputs.data, least, most, parameters.eps as number) }
  },
}

function isRunning({ use_running_stats: running }: Parameters): boolean {
  return running === true
}

/** (x - min) / max(max - min, eps), in any shapes that broadcast. */
export function scaled(graph: Graph, values: Value, least: Value, most: Value, eps: number): Value {
  const range = graph.op('Clip', [graph.op('Sub', [most, least]), graph.scalar(eps)])
  return graph.op('Div', [graph.op('Sub', [values, least]), range])
}

/**
 * Smallest and largest value of every channel of every image [B, H, W, C], as [B, 1, 1, C]; NaN where a value is NaN.
 * While training, the gradient goes to the first of equal extremes, as that of torch.min along an axis does.
 */
export function rangeOfPlanes(graph: Graph, values: Value, stage: Stage): { least: Value; most: Value } {
  // The runtime's minimum and maximum may or may not see a NaN; a mean always does.
  const mean = graph.detach(graph.op('ReduceMean', [values], { axes: PLANE, keepdims: 1 }))
  const isMissing = graph.op('IsNaN', [mean])
  const bound = (reduction: 'ReduceMin' | 'ReduceMax'): Value => {
    const found = stage === 'train' ? firstExtreme(graph, values, reduction === 'ReduceMax') : graph.op(reduction, [values], { axes: PLANE, keepdims: 1 })
    return graph.op('Where', [isMissing, mean, found])
  }
  return { least: bound('ReduceMin'), most: bound('ReduceMax') }
}

/** The extreme of every channel of every image as one element, the first that attains it. */
function firstExtreme(graph: Graph, values: Value, largest: boolean): Value {
  const lists = graph.reshape(values, [{ of: values, axis: 0 }, -1, { of: values, axis: 3 }])
  const [found] = graph.ops('TopK', [lists, graph.constant(int64([1], [1]))], 2, { axis: 1, largest: largest ? 1 : 0, sorted: 1 })
  return graph.op('Unsqueeze', [found, graph.constant(int64([1], [1]))])
}

export const zScoreNormalizer: NodeType = {
  description: describe({
    type: 'ZScoreNormalizer',
    family: 'normalization',
    role: 'transform',
    summary: 'Brings values to mean 0 and standard deviation 1 along chosen axes, usually per image and channel.',
    formula: 'y = (x - mean) / (std + eps), std with divisor N',
    source: 'cuvis.ai ZScoreNormalizer.',
    inputs: [data],
    outputs: [normalized],
    parameters: [
      integers('dims', [1, 2], 'Axes of [B, H, W, C] over which mean and deviation are taken.', { minimum: -4, maximum: 3 }),
      number('eps', 1e-6, 'Added to the standard deviation.', { minimum: 0 }),
      boolean('keepdim', true, 'Accepted for compatibility; mean and deviation always belong to the values they were taken of.'),
    ],
  }),
  locality: localityOfAxes,
  channels: (_parameters, inputs) => ({ normalized: inputs.data }),
  check(parameters) {
    const axes = axesOf(parameters)
    if (axes.length === 0 || new Set(axes).size !== axes.length) {
      throw new CuvetteError('bad-pipeline', `The list dims is ${axes.length === 0 ? 'empty' : `${String(parameters.dims)}, which names an axis twice`}; name each axis once, and at least one.`, { where: 'dims' })
    }
  },
  write({ graph, parameters, inputs }) {
    const axes = axesOf(parameters)
    const { centred, deviation } = standardised(graph, inputs.data, axes)
    return { normalized: graph.op('Div', [centred, graph.op('Add', [deviation, graph.scalar(parameters.eps as number)])]) }
  },
}

function axesOf({ dims }: Parameters): number[] {
  return (Array.isArray(dims) ? dims : []).map((axis) => (axis < 0 ? axis + 4 : axis)).sort((a, b) => a - b)
}

function localityOfAxes(parameters: Parameters): Locality {
  const axes = axesOf(parameters)
  // Without both axes of the image, loose pixels would be a batch of images of one line: only images keep what is meant.
  if (axes.includes(0) && axes.includes(1) && axes.includes(2)) return 'batch'
  return axes.includes(0) || axes.includes(1) || axes.includes(2) ? 'image' : 'pixel'
}

/** Deviations from the mean along `axes`, and their root mean square with sizes of 1 there. */
function standardised(graph: Graph, values: Value, axes: readonly number[]): { mean: Value; centred: Value; deviation: Value } {
  const mean = graph.op('ReduceMean', [values], { axes, keepdims: 1 })
  const centred = graph.op('Sub', [values, mean])
  // The length of a vector has the slope 0 at 0; a root would have none.
  const length = graph.op('ReduceL2', [centred], { axes, keepdims: 1 })
  return { mean, centred, deviation: graph.op('Div', [length, graph.op('Sqrt', [countAlong(graph, values, axes)])]) }
}

/** How many values lie along `axes`, as a float32 scalar. */
function countAlong(graph: Graph, values: Value, axes: readonly number[]): Value {
  const sizes = graph.op('Gather', [graph.op('Shape', [values]), graph.constant(int64([axes.length], axes))], { axis: 0 })
  return graph.op('Cast', [graph.op('ReduceProd', [sizes], { axes: [0], keepdims: 0 })], { to: onnxTypeOf('float32') })
}

export const sigmoidNormalizer: NodeType = {
  description: describe({
    type: 'SigmoidNormalizer',
    family: 'normalization',
    role: 'transform',
    summary: 'Squashes each channel of each image around its median to the range from 0 to 1; extreme values do not stretch it.',
    formula: 'y = sigmoid((x - median) / max(std, std_floor)), per image and channel; the median of an even number of values is the lower of the middle two, std has the divisor N',
    source: 'cuvis.ai SigmoidNormalizer; torch.median.',
    inputs: [data],
    outputs: [normalized],
    parameters: [number('std_floor', 1e-6, 'Smallest standard deviation that is divided by.', { exclusiveMinimum: 0 })],
  }),
  locality: 'image',
  channels: (_parameters, inputs) => ({ normalized: inputs.data }),
  write({ graph, parameters, inputs }) {
    const { deviation } = standardised(graph, inputs.data, PLANE)
    const floor = graph.constant(float32([1, 1, 1, 1], [parameters.std_floor as number]))
    // A deviation that is not a number stays one, and makes every value of its channel one.
    const divisor = graph.op('Where', [graph.op('Less', [deviation, floor]), floor, deviation])
    const centred = graph.op('Sub', [inputs.data, lowerMedians(graph, inputs.data)])
    return { normalized: graph.op('Sigmoid', [graph.op('Div', [centred, divisor])]) }
  },
}

/** Lower median of every channel of every image [B, H, W, C], as [B, 1, 1, C]. */
function lowerMedians(graph: Graph, values: Value): Value {
  const planes = graph.op('Transpose', [values], { perm: [0, 3, 1, 2] })
  const lists = graph.reshape(planes, [{ of: values, axis: 0 }, { of: values, axis: 3 }, -1])
  // Of n values sorted upwards, the one at place floor((n - 1) / 2) is the last of the smallest floor((n + 1) / 2).
  const half = graph.op('Div', [graph.op('Add', [graph.size(lists, 2), graph.constant(int64([1], [1]))]), graph.constant(int64([1], [2]))])
  const [smallest] = graph.ops('TopK', [lists, half], 2, { axis: 2, largest: 0, sorted: 1 })
  const last = graph.op('Sub', [half, graph.constant(int64([1], [1]))])
  const medians = graph.op('Gather', [smallest, last], { axis: 2 })
  return graph.reshape(medians, [{ of: values, axis: 0 }, 1, 1, { of: values, axis: 3 }])
}

export const sigmoidTransform: NodeType = {
  description: describe({
    type: 'SigmoidTransform',
    family: 'normalization',
    role: 'transform',
    summary: 'Turns logits into probabilities.',
    formula: 'y = 1 / (1 + exp(-x))',
    source: 'cuvis.ai SigmoidTransform.',
    inputs: [image('data', 'C', 'Logits.', { aliases: ['logits', 'scores'] })],
    outputs: [image('transformed', 'C', 'Probabilities from 0 to 1.', { aliases: ['output'] })],
  }),
  locality: 'pixel',
  channels: (_parameters, inputs) => ({ transformed: inputs.data }),
  write: ({ graph, rows }) => ({ transformed: graph.op('Sigmoid', [rows('data')]) }),
}

export const identityNormalizer: NodeType = {
  description: describe({
    type: 'IdentityNormalizer',
    family: 'normalization',
    role: 'transform',
    summary: 'Hands values on as they are, where a normalizer is to be left out.',
    formula: 'y = x',
    source: 'cuvis.ai IdentityNormalizer.',
    inputs: [data],
    outputs: [normalized],
  }),
  locality: 'pixel',
  channels: (_parameters, inputs) => ({ normalized: inputs.data }),
  write: ({ rows }) => ({ normalized: rows('data') }),
}
