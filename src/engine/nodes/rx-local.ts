import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Value } from '../onnx/graph'
import { Graph } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'
import { channelCount, choice, describe, image, integer, number } from './describe'
import { symmetricInverse } from './inverse'
import type { NodeType, Parameters } from './node'
import { symmetricEigen } from './symmetric-eigen'

export const rxLocal: NodeType = {
  description: describe({
    type: 'RXLocal',
    family: 'statistical',
    role: 'transform',
    summary: 'Anomaly score of every pixel against its surroundings: a window around it without the inner window that guards the target.',
    formula: 'score = (x - mu)\' cov^+ (x - mu), mu and cov (divisor N - 1) of the pixels inside the outer and outside the inner window; near an edge both windows are shifted into the image, so that N is the same everywhere; of an image that is smaller than a window there is less',
    source: 'Reed and Yu, IEEE Transactions on Acoustics, Speech, and Signal Processing 38 (1990).',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('scores', 1, 'Squared distance; larger is more anomalous.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      integer('inner_window', 5, 'Side of the inner window, odd: at least the size of a target.', { minimum: 1, unit: 'pixels' }),
      integer('outer_window', 15, 'Side of the outer window, odd. With fewer pixels in it than bands, the pseudo-inverse looks only at the directions in which they differ.', { minimum: 3, unit: 'pixels' }),
      choice('inverse', ['pseudo', 'regularised'], 'pseudo', 'pseudo: directions without variance are left out; regularised: eps is added to the variances, which is faster.'),
      number('eps', 1e-6, 'Added to the diagonal of the covariance when it is regularised.', { exclusiveMinimum: 0 }),
    ],
  }),
  locality: 'neighbourhood',
  // Windows at an edge reach from one of their ends to the other.
  margin: ({ outer_window: outer }) => (outer as number) - 1,
  autoChannels: { num_channels: 'data' },
  channels: () => ({ scores: 1 }),
  check({ inner_window: inner, outer_window: outer }) {
    for (const [name, side] of [['inner_window', inner], ['outer_window', outer]] as const) {
      if ((side as number) % 2 === 0) throw new CuvetteError('bad-pipeline', `The ${name} is ${side as number}; an odd number of pixels is expected, so that the window has a middle.`, { where: name })
    }
    if ((inner as number) >= (outer as number)) {
      throw new CuvetteError('bad-pipeline', `The inner window is ${inner as number} pixels wide and the outer one ${outer as number}; the outer one must be larger.`, { where: 'inner_window' })
    }
  },
  write({ graph, parameters, inputs }) {
    const { data } = inputs
    const channels = parameters.num_channels as number
    const pixels = graph.op('Cast', [data], { to: onnxTypeOf('float64') })
    const empty = graph.op('ReduceSum', [graph.op('Mul', [pixels, literal(graph, 0)]), integers(graph, [3])], { keepdims: 0 })
    const lines = graph.op('Squeeze', [graph.size(data, 1), integers(graph, [0])])
    const body = line(parameters, channels)
    const [, scores] = graph.ops('Loop', [lines, always(graph), pixels, empty], 2, { body: { kind: 'graph', value: body } }, { name: 'Lines' })
    const found = graph.op('Cast', [graph.op('Unsqueeze', [scores, integers(graph, [3])])], { to: onnxTypeOf('float32') })
    return { scores: found }
  },
}

/** Scores of one line of images [B, H, W, C], put into the scores [B, H, W]. */
function line(parameters: Parameters, channels: number): Graph {
  const [outer, inner] = [parameters.outer_window as number, parameters.inner_window as number]
  const graph = new Graph()
  const index = graph.input('index', 'int64', [])
  const goOn = graph.input('go_on', 'bool', [])
  const pixels = graph.input('pixels', 'float64', ['B', 'H', 'W', channels])
  const before = graph.input('before', 'float64', ['B', 'H', 'W'])
  const height = graph.op('Squeeze', [graph.size(pixels, 1), integers(graph, [0])])
  const width = graph.op('Squeeze', [graph.size(pixels, 2), integers(graph, [0])])
  const samples = graph.op('Unsqueeze', [graph.op('Range', [integer0(graph, 0), width, integer0(graph, 1)]), integers(graph, [1])])

  // First place of a window of that side around `at`, shifted into [0, size).
  const first = (at: Value, side: number, size: Value): Value => {
    const last = graph.op('Sub', [size, integer0(graph, side)])
    return graph.op('Max', [graph.op('Min', [graph.op('Sub', [at, integer0(graph, (side - 1) / 2)]), last]), integer0(graph, 0)])
  }
  const steps = integers(graph, Array.from({ length: outer }, (_, step) => step))
  const rowsAt = graph.op('Add', [first(index, outer, height), steps])
  const samplesAt = graph.op('Add', [first(samples, outer, width), steps])
  const within = (at: Value, size: Value): Value => graph.op('Min', [at, graph.op('Sub', [size, integer0(graph, 1)])])
  // [B, outer, W, C], then [B, outer, W, outer, C], then one list of pixels per sample.
  const band = graph.op('Gather', [pixels, within(rowsAt, height)], { axis: 1 })
  const windows = graph.op('Transpose', [graph.op('Gather', [band, within(samplesAt, width)], { axis: 2 })], { perm: [0, 2, 1, 3, 4] })
  const list = graph.op('Reshape', [windows, integers(graph, [-1, outer * outer, channels])], {}, { shape: ['BW', outer * outer, channels] })

  const inside = (at: Value, start: Value): Value => graph.op('And', [graph.op('GreaterOrEqual', [at, start]), graph.op('Less', [at, graph.op('Add', [start, integer0(graph, inner)])])])
  const rowInside = graph.op('Reshape', [inside(rowsAt, first(index, inner, height)), integers(graph, [1, outer, 1])])
  const sampleInside = graph.op('Unsqueeze', [inside(samplesAt, first(samples, inner, width)), integers(graph, [1])])
  // Of an image that is smaller than the window there is less.
  const rowBeyond = graph.op('Reshape', [graph.op('GreaterOrEqual', [rowsAt, height]), integers(graph, [1, outer, 1])])
  const sampleBeyond = graph.op('Unsqueeze', [graph.op('GreaterOrEqual', [samplesAt, width]), integers(graph, [1])])
  const without = graph.op('Or', [graph.op('And', [rowInside, sampleInside]), graph.op('Or', [rowBeyond, sampleBeyond])])
  const guarded = graph.op('Reshape', [without, integers(graph, [1, -1, outer * outer, 1])])
  const batch = graph.op('Concat', [graph.size(pixels, 0), integers(graph, [1, 1, 1])], { axis: 0 })
  const left = graph.op('Reshape', [graph.op('Expand', [graph.op('Cast', [graph.op('Not', [guarded])], { to: onnxTypeOf('float64') }), batch]), integers(graph, [-1, outer * outer, 1])], {}, { shape: ['BW', outer * outer, 1] })

  const count = graph.op('ReduceSum', [left, integers(graph, [1])], { keepdims: 1 })
  const mean = graph.op('Div', [graph.op('ReduceSum', [graph.op('Mul', [list, left]), integers(graph, [1])], { keepdims: 1 }), count])
  const centred = graph.op('Mul', [graph.op('Sub', [list, mean]), left])
  const scatter = graph.op('MatMul', [graph.op('Transpose', [centred], { perm: [0, 2, 1] }), centred])
  const covariance = graph.op('Div', [scatter, graph.op('Max', [graph.op('Sub', [count, literal(graph, 1)]), literal(graph, 1)])])
  const own = graph.op('Reshape', [graph.op('Gather', [pixels, index], { axis: 1 }), integers(graph, [-1, 1, channels])], {}, { shape: ['BW', 1, channels] })
  const distance = distances(graph, graph.op('Sub', [own, mean]), covariance, parameters, channels)

  const scores = graph.op('Reshape', [distance, graph.op('Concat', [graph.size(pixels, 0), integers(graph, [1]), graph.size(pixels, 2)], { axis: 0 })], {}, { shape: ['B', 1, 'W'] })
  const here = graph.op('Equal', [graph.op('Range', [integer0(graph, 0), height, integer0(graph, 1)]), index])
  const place = graph.op('Reshape', [here, integers(graph, [1, -1, 1])])
  graph.output('again', graph.op('Identity', [goOn]))
  graph.output('pixels_out', graph.op('Identity', [pixels]))
  graph.output('after', graph.op('Where', [place, scores, before]))
  return graph
}

/** Squared Mahalanobis lengths of deviations [N, 1, C] under covariances [N, C, C]. */
function distances(graph: Graph, deviations: Value, covariances: Value, parameters: Parameters, channels: number): Value {
  if (parameters.inverse === 'regularised') {
    const ridge = graph.constant(float64([channels, channels], Array.from({ length: channels ** 2 }, (_, at) => (at % (channels + 1) === 0 ? (parameters.eps as number) : 0))))
    const inverse = symmetricInverse(graph, graph.op('Add', [covariances, ridge]), channels)
    return graph.op('ReduceSum', [graph.op('Mul', [graph.op('MatMul', [deviations, inverse]), deviations]), integers(graph, [1, 2])], { keepdims: 0 })
  }
  const { values, vectors } = symmetricEigen(graph, covariances, channels)
  const along = graph.op('Squeeze', [graph.op('MatMul', [vectors, graph.op('Transpose', [deviations], { perm: [0, 2, 1] })]), integers(graph, [2])])
  const largest = graph.op('Slice', [values, integers(graph, [0]), integers(graph, [1]), integers(graph, [1])])
  const smallest = graph.op('Mul', [largest, graph.constant(float64([1, 1], [Math.max(channels, (parameters.outer_window as number) ** 2) * Number.EPSILON]))])
  const zero = graph.constant(float64([1, 1], [0]))
  const kept = graph.op('Greater', [values, smallest])
  const divisor = graph.op('Where', [kept, values, graph.constant(float64([1, 1], [1]))])
  const parts = graph.op('Where', [kept, graph.op('Div', [graph.op('Mul', [along, along]), divisor]), zero])
  return graph.op('ReduceSum', [parts, integers(graph, [1])], { keepdims: 0 })
}

function literal(graph: Graph, value: number): Value {
  return graph.constant(float64([1, 1, 1], [value]))
}

function integers(graph: Graph, numbers: readonly number[]): Value {
  return graph.constant(int64([numbers.length], numbers))
}

function integer0(graph: Graph, value: number): Value {
  return graph.constant(int64([], [value]))
}

function always(graph: Graph): Value {
  return graph.constant({ type: 'bool', shape: [], data: Uint8Array.of(1) })
}
