import { float32 } from '../onnx/tensor'
import { channelCount, describe, image, integer, number } from './describe'
import type { NodeState, NodeType, Parameters, StatisticsAccumulator } from './node'
import { randomSource } from './random'
import type { PixelChoice } from './sampling'
import { choosePixels, gatherRows } from './sampling'
import { RunningStatistics, requireChannels, requirePixels } from './statistics'

export const perPixelUnitNorm: NodeType = {
  description: describe({
    type: 'PerPixelUnitNorm',
    family: 'normalization',
    role: 'transform',
    summary: 'Brings every spectrum to mean 0 and length 1, which takes brightness out.',
    formula: 'y = (x - mean(x)) / max(||x - mean(x)||, eps), per pixel over the channels',
    source: 'cuvis.ai PerPixelUnitNorm.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('normalized', 'C', 'Cube with unit spectra.', { aliases: ['output'] })],
    parameters: [number('eps', 1e-8, 'Smallest length that is divided by.', { exclusiveMinimum: 0 })],
  }),
  locality: 'pixel',
  channels: (_parameters, inputs) => ({ normalized: inputs.data }),
  write({ graph, parameters, rows }) {
    const pixels = rows('data')
    const centred = graph.op('Sub', [pixels, graph.op('ReduceMean', [pixels], { axes: [1], keepdims: 1 })])
    const length = graph.op('ReduceL2', [centred], { axes: [1], keepdims: 1 })
    return { normalized: graph.op('Div', [centred, graph.op('Max', [length, graph.scalar(parameters.eps as number)])]) }
  },
}

export const zScoreNormalizerGlobal: NodeType = {
  description: describe({
    type: 'ZScoreNormalizerGlobal',
    aliases: ['DeepSVDDEncoder'],
    family: 'normalization',
    role: 'transform',
    summary: 'Brings every channel to mean 0 and standard deviation 1, with statistics of the training pixels.',
    formula: 'y = (x - mean) / (std + eps), per channel; mean and std over at most sample_n random training pixels',
    source: 'cuvis.ai, Deep Learning Nodes: ZScoreNormalizerGlobal.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('normalized', 'C', 'Standardised cube.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      integer('sample_n', 500_000, 'Pixels the statistics are computed from, drawn without replacement; null: all.', { minimum: 2, nullable: true }),
      integer('seed', 0, 'Seed of the drawing.'),
      number('eps', 1e-8, 'Added to the standard deviation.', { minimum: 0 }),
      integer('ddof', 1, 'Divisor of the variance is N - ddof.', { minimum: 0, maximum: 1 }),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { num_channels: 'data' },
  repositoryParameters: { sample_n: null, ddof: 1 },
  channels: ({ num_channels: count }, inputs) => ({ normalized: typeof count === 'number' ? count : inputs.data }),
  state: ({ num_channels: count }) => [
    { name: 'zscore_mean', shape: [count as number], kind: 'statistic' },
    { name: 'zscore_std', shape: [count as number], kind: 'statistic' },
  ],
  trainableStatistics: ['zscore_mean', 'zscore_std'],
  fit: {
    port: 'data',
    start: (parameters, { node, pixels }) => {
      const wanted = (parameters.sample_n as number | null) ?? Infinity
      return zScoreStatistics(parameters, node, choosePixels(wanted, pixels, randomSource(parameters.seed as number, node)))
    },
  },
  write({ graph, rows, state }) {
    return { normalized: graph.op('Div', [graph.op('Sub', [rows('data'), state.zscore_mean]), state.zscore_std]) }
  },
}

/** Mean, and standard deviation plus eps, of the chosen pixels. */
export function zScoreStatistics(parameters: Parameters, node: string, choice: PixelChoice): StatisticsAccumulator {
  const statistics = new RunningStatistics('diagonal')
  return {
    async add(pixels, count, channels) {
      requireChannels(node, parameters.num_channels as number, channels)
      const chosen = choice.next(count)
      const all = chosen.length === count
      await statistics.add(all ? pixels : gatherRows(pixels, channels, chosen), chosen.length, channels)
    },
    async finish(): Promise<NodeState> {
      const { count, mean, scatter } = statistics
      const ddof = parameters.ddof as number
      requirePixels(node, 1 + ddof, count)
      const eps = Math.fround(parameters.eps as number)
      // Rounded at the same places as the reference: variance, root, sum.
      const deviation = Float32Array.from(scatter, (sum) => Math.fround(Math.sqrt(Math.fround(sum / (count - ddof)))) + eps)
      return { zscore_mean: float32([mean.length], mean), zscore_std: float32([mean.length], deviation) }
    },
  }
}
