import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'
import { channelCount, describe, image, number } from './describe'
import { symmetricInverse } from './inverse'
import type { NodeType } from './node'

export const rxPerBatch: NodeType = {
  description: describe({
    type: 'RXPerBatch',
    family: 'statistical',
    role: 'transform',
    summary: 'Anomaly score of every pixel: squared Mahalanobis distance from the background of its own image. Needs no fit.',
    formula: 'score = (x - mu)\' (cov + eps I)^-1 (x - mu), mu and cov of the image, cov with divisor max(N - 1, 1); pixels that are not finite are left out and have no score',
    source: 'Reed and Yu, IEEE Transactions on Acoustics, Speech, and Signal Processing 38 (1990); cuvis.ai RXPerBatch.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('scores', 1, 'Squared distance; larger is more anomalous.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      number('eps', 1e-6, 'Added to the diagonal of the covariance.', { exclusiveMinimum: 0 }),
    ],
  }),
  locality: 'image',
  autoChannels: { num_channels: 'data' },
  channels: () => ({ scores: 1 }),
  write({ graph, parameters, inputs }) {
    const { data } = inputs
    const size = data.shape[3]
    const channels = typeof size === 'number' ? size : (parameters.num_channels as number)
    const pixels = graph.op('Cast', [graph.reshape(data, [{ of: data, axis: 0 }, -1, channels])], { to: onnxTypeOf('float64') })
    const missing = notFinite(graph, pixels)
    const zero = literal(graph, 0)
    const along = graph.constant(int64([1], [1]))
    const present = graph.op('Cast', [graph.op('Not', [missing])], { to: onnxTypeOf('float64') })
    const count = graph.op('ReduceSum', [present, along], { keepdims: 1 })
    const mean = graph.op('Div', [graph.op('ReduceSum', [graph.op('Where', [missing, zero, pixels]), along], { keepdims: 1 }), count])
    const centred = graph.op('Where', [missing, zero, graph.op('Sub', [pixels, mean])])
    const divisor = graph.op('Max', [graph.op('Sub', [count, literal(graph, 1)]), literal(graph, 1)])
    const scatter = graph.op('MatMul', [graph.op('Transpose', [centred], { perm: [0, 2, 1] }), centred])
    const ridge = float64([channels, channels], Array.from({ length: channels ** 2 }, (_, at) => (at % (channels + 1) === 0 ? (parameters.eps as number) : 0)))
    const covariance = graph.op('Add', [graph.op('Div', [scatter, divisor]), graph.constant(ridge)])
    const turned = graph.op('MatMul', [centred, symmetricInverse(graph, covariance, channels)])
    const distance = graph.op('ReduceSum', [graph.op('Mul', [turned, centred]), graph.constant(int64([1], [2]))], { keepdims: 1 })
    const scores = graph.op('Cast', [graph.op('Where', [missing, literal(graph, Number.NaN), distance])], { to: onnxTypeOf('float32') })
    return { scores: graph.reshape(scores, [{ of: data, axis: 0 }, { of: data, axis: 1 }, { of: data, axis: 2 }, 1]) }
  },
}

/** Whether any channel of a pixel [B, N, C] is no finite number, [B, N, 1]. */
function notFinite(graph: Graph, pixels: Value): Value {
  const sum = graph.op('ReduceSum', [graph.detach(pixels), graph.constant(int64([1], [2]))], { keepdims: 1 })
  return graph.op('IsNaN', [graph.op('Sub', [sum, sum])])
}

function literal(graph: Graph, value: number): Value {
  return graph.constant(float64([1, 1, 1], [value]))
}
