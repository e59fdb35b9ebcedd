import { CuvetteError } from '../../shared/problem'
import { float32, float64, int64 } from '../onnx/tensor'
import { boolean, channelCount, describe, image, number } from './describe'
import type { NodeState, NodeType, Parameters } from './node'
import type { RunningStatistics } from './statistics'
import { requirePixels, statisticsOf } from './statistics'

/** Keeps the scale of the mean spectrum and the degrees away from 0, as the reference does. */
const TINY = 1e-12

export const ladGlobal: NodeType = {
  description: describe({
    type: 'LADGlobal',
    family: 'statistical',
    role: 'transform',
    summary: 'Anomaly score of every pixel by the Laplacian of a graph whose nodes are the bands and whose edges join bands with similar means.',
    formula: 'score = (x - M)\' L (x - M); A_ij = 1 / (1 + ((M_i - M_j) / mean(M))^2), A_ii = 0; L = D - A, normalised: D^-1/2 (D - A) D^-1/2; M mean spectrum of the training pixels',
    source: 'Verdoja and Grangetto, Graph Laplacian for image anomaly detection, Machine Vision and Applications 31 (2020); cuvis.ai LADGlobal.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('scores', 1, 'Larger is more anomalous.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      number('eps', 1e-8, 'Has no effect. Kept because documents of the reference hold it.', { minimum: 0 }),
      boolean('normalize_laplacian', true, 'Whether the Laplacian is normalised by the degrees.'),
      boolean('use_numpy_laplacian', true, 'Where the smallest number is added that keeps degrees from 0: true: to their root; false: to them.'),
    ],
    needsStatistics: true,
    trainable: true,
  }),
  locality: 'pixel',
  autoChannels: { num_channels: 'data' },
  channels: () => ({ scores: 1 }),
  // The reference keeps both in float64.
  repositoryState: {
    write: (_parameters, state) => Object.fromEntries(Object.entries(state).map(([name, { shape, data }]) => [name, float64(shape, data as Float32Array)])),
    read: (_parameters, stored) => stored,
  },
  state: ({ num_channels: count }) => [
    { name: 'M', shape: [count as number], kind: 'statistic' },
    { name: 'L', shape: [count as number, count as number], kind: 'statistic' },
  ],
  trainableStatistics: ['M', 'L'],
  fit: {
    port: 'data',
    start: (parameters, { node }) => statisticsOf('diagonal', node, parameters.num_channels as number, (statistics) => laplacianOf(node, parameters, statistics)),
  },
  write({ graph, rows, state }) {
    const centred = graph.op('Sub', [rows('data'), state.M])
    const turned = graph.op('Mul', [graph.op('MatMul', [centred, state.L]), centred])
    return { scores: graph.op('ReduceSum', [turned, graph.constant(int64([1], [1]))], { keepdims: 1 }) }
  },
}

function laplacianOf(node: string, parameters: Parameters, { count, mean }: RunningStatistics): NodeState {
  requirePixels(node, 1, count)
  // The state keeps the mean in float32, and the Laplacian is that of the mean that is kept.
  const spectrum = Float32Array.from(mean)
  const channel = spectrum.findIndex((value) => !Number.isFinite(value))
  if (channel >= 0) throw new CuvetteError('bad-data', `The node ${node} cannot compute a mean, because channel ${channel} has pixels that are not finite numbers; mask them out or leave the channel out.`, { where: node })
  return { M: float32([spectrum.length], spectrum), L: float32([spectrum.length, spectrum.length], laplacian(spectrum, parameters.normalize_laplacian === true, parameters.use_numpy_laplacian === true)) }
}

/** The Laplacian [C, C], row-major, of the bands of a spectrum [C]. */
export function laplacian(spectrum: ArrayLike<number>, normalised: boolean, rootFirst: boolean): Float64Array {
  const size = spectrum.length
  const scale = Array.from(spectrum).reduce((sum, value) => sum + value, 0) / size + TINY
  const result = new Float64Array(size * size)
  for (let row = 0; row < size; row += 1) {
    let degree = 0
    for (let column = 0; column < size; column += 1) {
      if (column === row) continue
      const weight = 1 / (1 + ((spectrum[row] - spectrum[column]) / scale) ** 2)
      result[row * size + column] = -weight
      degree += weight
    }
    result[row * size + row] = degree
  }
  if (!normalised) return result
  const factors = Array.from({ length: size }, (_, band) => {
    const degree = result[band * (size + 1)]
    return rootFirst ? 1 / (Math.sqrt(degree) + TINY) : 1 / Math.sqrt(degree + TINY)
  })
  return result.map((value, at) => value * factors[Math.floor(at / size)] * factors[at % size])
}
