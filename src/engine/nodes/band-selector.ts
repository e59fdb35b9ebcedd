import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { boolean, channelCount, choice, describe, image, integer, matrix, number, vector } from './describe'
import type { NodeType, Parameters, WriteContext } from './node'

export const concreteBandSelector: NodeType = {
  description: describe({
    type: 'ConcreteBandSelector',
    aliases: ['ConcreteChannelMixer'],
    family: 'reduction',
    role: 'transform',
    summary: 'Learns which bands to keep: mixtures of all bands at first, single bands in the end.',
    formula: 'y_k = sum_c w_kc x_c; in training w = softmax((logits + g) / tau), g = -ln(-ln(u + eps) + eps), u uniform on [0, 1), one draw a batch; otherwise w is 1 at the largest logit, or softmax(logits / tau_end); tau = tau_start (tau_end / tau_start)^f, f = e / E or e / (E - 1) of epoch e of E = max_epochs, at most 1',
    source: 'Abid, Balin and Zou, Concrete Autoencoders (ICML 2019); Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax (ICLR 2017); Maddison, Mnih and Teh, The Concrete Distribution (ICLR 2017); cuvis.ai ConcreteBandSelector, ConcreteChannelMixer.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [
      image('rgb', 'K', 'Selected bands; within [0, 1] where the cube is.', { aliases: ['output'] }),
      matrix('selection_weights', 'K', 'C', 'Share of every band in each output channel; rows add up to 1.'),
      vector('selected_bands', 'K', 'The band with the largest logit of each output channel, counted from 0.', { dtype: 'int64' }),
    ],
    parameters: [
      channelCount('input_channels', 'Number of bands that arrive.'),
      integer('output_channels', 3, 'Number of bands to select.', { minimum: 1 }),
      number('tau_start', 10, 'Temperature of the first epoch; high temperatures mix all bands.', { exclusiveMinimum: 0 }),
      number('tau_end', 0.1, 'Temperature that the annealing goes to; low temperatures pick single bands.', { exclusiveMinimum: 0 }),
      integer('max_epochs', 20, 'Epochs of the annealing; afterwards the temperature stays.', { minimum: 1, unit: 'epochs' }),
      boolean('use_hard_inference', true, 'Whether single bands are picked outside of training; otherwise bands are mixed at tau_end.'),
      number('eps', 1e-6, 'Added inside both logarithms of the noise.', { exclusiveMinimum: 0 }),
      choice('annealing', ['e/E', 'e/(E-1)'], 'e/E', 'Exponent of the temperature in epoch e of E: e/E comes to tau_end after the last epoch, e/(E-1) in it.'),
    ],
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { input_channels: 'data' },
  repositoryParameters: { annealing: 'e/(E-1)' },
  aliasParameters: { ConcreteChannelMixer: { annealing: 'e/(E-1)' } },
  channels: ({ output_channels: kept, input_channels: bands }, inputs) => ({
    rgb: kept as number,
    selection_weights: typeof bands === 'number' ? bands : inputs.data,
    selected_bands: kept as number,
  }),
  state: (parameters) => [{ name: 'logits', shape: shapeOf(parameters), kind: 'parameter' }],
  initialise: (parameters) => {
    const shape = shapeOf(parameters)
    return { logits: float32(shape, new Float32Array(shape[0] * shape[1])) }
  },
  noise: (parameters) => [{ name: 'u', shape: shapeOf(parameters), draw: 'uniform' }],
  schedule: (parameters, epoch) => ({ tau: temperature(parameters, epoch) }),
  write(context) {
    const { graph, rows, state } = context
    const selected = graph.op('ArgMax', [state.logits], { axis: 1, keepdims: 0 })
    const weights = weightsOf(context, selected)
    return { rgb: graph.op('Gemm', [rows('data'), weights], { transB: 1 }), selection_weights: weights, selected_bands: selected }
  },
}

function shapeOf(parameters: Parameters): [number, number] {
  return [parameters.output_channels as number, parameters.input_channels as number]
}

/** Geometric path from tau_start to tau_end over max_epochs. */
function temperature({ tau_start: start, tau_end: end, max_epochs: epochs, annealing }: Parameters, epoch: number): number {
  const steps = (epochs as number) - (annealing === 'e/E' ? 0 : 1)
  const share = steps < 1 ? 1 : Math.min(Math.max(epoch, 0), steps) / steps
  return (start as number) * ((end as number) / (start as number)) ** share
}

/** [K, C], rows adding up to 1. */
function weightsOf({ graph, parameters, stage, state, setting, noise }: WriteContext, selected: Value): Value {
  const end = parameters.tau_end as number
  if (stage === 'train') {
    const noisy = graph.op('Add', [state.logits, gumbel(graph, noise('u'), parameters.eps as number)])
    return graph.op('Softmax', [graph.op('Div', [noisy, setting('tau', end)])], { axis: 1 })
  }
  if (parameters.use_hard_inference !== true) return graph.op('Softmax', [graph.op('Div', [state.logits, graph.scalar(end)])], { axis: 1 })
  return graph.op('OneHot', [selected, graph.constant(int64([1], [parameters.input_channels as number])), graph.constant(float32([2], [0, 1]))], { axis: 1 })
}

/** Standard Gumbel noise from uniform numbers. */
function gumbel(graph: Graph, uniform: Value, eps: number): Value {
  const added = graph.scalar(eps)
  const outer = graph.op('Add', [graph.op('Neg', [graph.op('Log', [graph.op('Add', [uniform, added])])]), added])
  return graph.op('Neg', [graph.op('Log', [outer])])
}
