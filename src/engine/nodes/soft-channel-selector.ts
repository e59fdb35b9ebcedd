import { CuvetteError } from '../../shared/problem'
import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { boolean, channelCount, choice, describe, image, integer, number, vector } from './describe'
import type { NodeState, NodeType, Parameters, StateTensor, WriteContext } from './node'
import { requirePixels, statisticsOf } from './statistics'

/** What the temperature was in the last batch; the setting of the training has a name of its own. */
const LAST_TEMPERATURE = 'last_temperature'

export const softChannelSelector: NodeType = {
  description: describe({
    type: 'SoftChannelSelector',
    family: 'reduction',
    role: 'transform',
    summary: 'Weighs every channel; the weights can be trained, and can be made a choice of some channels.',
    formula: 'y_c = w_c x_c, w = n_select softmax(logits / T); hard, outside of training: w = 1 at the n_select largest, 0 elsewhere. T = temperature_init, or with anneal max(temperature_min, temperature_init temperature_decay^epoch). First logits: 0, or ln(variance + eps).',
    source: 'Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax (ICLR 2017), without its noise; cuvis.ai SoftChannelSelector.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [
      image('selected', 'C', 'Weighted channels.', { aliases: ['output'] }),
      vector('weights', 'C', 'Weight of every channel; they add up to n_select.'),
    ],
    parameters: [
      integer('n_select', undefined, 'Number of channels to select; the sum of the weights.', { minimum: 1 }),
      channelCount('input_channels', 'Number of channels.'),
      choice('init_method', ['uniform', 'variance'], 'uniform', 'uniform: all channels weigh the same at first; variance: those that vary more weigh more.'),
      number('temperature_init', 5, 'Temperature of the softmax; high temperatures make weights equal.', { exclusiveMinimum: 0 }),
      number('temperature_min', 0.1, 'Lowest temperature of the annealing.', { exclusiveMinimum: 0 }),
      number('temperature_decay', 0.9, 'Factor of the temperature from epoch to epoch.', { exclusiveMinimum: 0, maximum: 1 }),
      boolean('hard', false, 'Whether outside of training the largest weights become 1 and the others 0.'),
      number('eps', 1e-6, 'Added to the variance before its logarithm.', { exclusiveMinimum: 0 }),
      boolean('anneal', false, 'Whether the temperature follows the epochs, and stays where the training left it. The trainers of the reference leave it at temperature_init.'),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { input_channels: 'data' },
  repositoryParameters: { anneal: false },
  channels({ n_select: chosen, input_channels: stated }, { data }) {
    const channels = typeof stated === 'number' ? stated : data
    if (channels >= 0 && (chosen as number) > channels) {
      throw new CuvetteError('bad-pipeline', `It selects ${String(chosen)} of ${channels} channels; set n_select to ${channels} or less.`, { where: 'n_select' })
    }
    return { selected: channels, weights: channels }
  },
  state: (parameters) => [
    { name: 'channel_logits', shape: [parameters.input_channels as number], kind: 'statistic' },
    ...(parameters.anneal === true ? [{ name: LAST_TEMPERATURE, shape: [1], kind: 'constant' } satisfies StateTensor] : []),
  ],
  trainableStatistics: ['channel_logits'],
  moving: (parameters, stage) => (parameters.anneal === true && stage === 'train' ? [LAST_TEMPERATURE] : []),
  initialise: (parameters): NodeState => ({
    ...(parameters.init_method === 'uniform' && { channel_logits: float32([parameters.input_channels as number], new Float32Array(parameters.input_channels as number)) }),
    ...(parameters.anneal === true && { [LAST_TEMPERATURE]: float32([1], [parameters.temperature_init as number]) }),
  }),
  schedule: (parameters, epoch): Record<string, number> => (parameters.anneal === true ? { temperature: temperature(parameters, epoch) } : {}),
  fit: {
    port: 'data',
    needed: ({ init_method: method }) => method === 'variance',
    start: (parameters, { node }) => statisticsOf('diagonal', node, parameters.input_channels as number, (statistics) => {
      const { count, scatter } = statistics
      requirePixels(node, 2, count)
      return { channel_logits: float32([scatter.length], scatter.map((sum) => Math.log(sum / (count - 1) + (parameters.eps as number)))) }
    }),
  },
  write(context) {
    const { graph, rows } = context
    const weights = weightsOf(context)
    return { selected: graph.op('Mul', [rows('data'), weights]), weights }
  },
}

function temperature({ temperature_init: first, temperature_min: least, temperature_decay: decay }: Parameters, epoch: number): number {
  return Math.max(least as number, (first as number) * (decay as number) ** epoch)
}

function weightsOf(context: WriteContext): Value {
  const { graph, parameters, stage, state } = context
  const count = parameters.n_select as number
  if (parameters.hard === true && stage !== 'train') return hardWeights(graph, state.channel_logits, count)
  const shares = graph.op('Softmax', [graph.op('Div', [state.channel_logits, presentTemperature(context)])], { axis: 0 })
  return graph.op('Mul', [shares, graph.scalar(count)])
}

function presentTemperature({ graph, parameters, stage, state, setting, update }: WriteContext): Value {
  const first = parameters.temperature_init as number
  if (parameters.anneal !== true) return graph.scalar(first)
  if (stage !== 'train') return state[LAST_TEMPERATURE]
  const present = setting('temperature', first)
  update(LAST_TEMPERATURE, graph.op('Unsqueeze', [present, graph.constant(int64([1], [0]))]))
  return present
}

/** 1 at the largest logits, of equal ones the first. */
function hardWeights(graph: Graph, logits: Value, count: number): Value {
  const size = logits.shape[0] as number
  const [, chosen] = graph.ops('TopK', [logits, graph.constant(int64([1], [count]))], 2, { axis: 0, largest: 1, sorted: 1 })
  return graph.op('ScatterElements', [graph.constant(float32([size], new Float32Array(size))), chosen, graph.constant(float32([count], new Float32Array(count).fill(1)))], { axis: 0 })
}

export const topKIndices: NodeType = {
  description: describe({
    type: 'TopKIndices',
    family: 'reduction',
    role: 'transform',
    summary: 'Names the channels with the largest weights.',
    formula: 'indices of the k largest weights, largest first, of equal ones the first; all of them where there are fewer',
    source: 'cuvis.ai TopKIndices.',
    inputs: [vector('weights', 'C', 'Weight of every channel.')],
    outputs: [vector('indices', 'K', 'Channels, counted from 0.', { dtype: 'int64' })],
    parameters: [integer('k', undefined, 'Number of channels to name.', { minimum: 1 })],
  }),
  locality: 'pixel',
  channels: ({ k }, { weights }) => ({ indices: weights < 0 ? -1 : Math.min(k as number, weights) }),
  write({ graph, parameters, inputs: { weights } }) {
    const count = Math.min(parameters.k as number, weights.shape[0] as number)
    return { indices: graph.ops('TopK', [weights, graph.constant(int64([1], [count]))], 2, { axis: 0, largest: 1, sorted: 1 })[1] }
  },
}
