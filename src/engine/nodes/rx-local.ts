import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Value } from '../onnx/graph'
import { Graph } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { channelCount, choice, describe, image, integer, number } from './describe'
import { surroundingDistances } from './local-distance'
import type { NodeType, Parameters } from './node'

/** Bytes of the surroundings that are worked on at once. What is made of them takes about four times as much. */
const CHUNK_BYTES = 8 * 2 ** 20

/** Fewer pixels than these are not worth starting an operator for; more do not make it faster. */
const CHUNK_LIMITS = [16, 1024] as const

export const rxLocal: NodeType = {
  description: describe({
    type: 'RXLocal',
    family: 'statistical',
    role: 'transform',
    summary: 'Anomaly score of every pixel against its surroundings: a window around it without the inner window that guards the target.',
    formula: 'score = (x - mu)\' cov^+ (x - mu), mu and cov (divisor N - 1) of the N pixels inside the outer and outside the inner window; near an edge both windows are shifted into the image, so that N is the same everywhere; of an image that is smaller than a window there is less; pixels without finite values are no part of the surroundings, and with fewer than two others there is no score',
    source: 'Reed and Yu, IEEE Transactions on Acoustics, Speech, and Signal Processing 38 (1990); windows as in Spectral Python.',
    inputs: [image('data', 'C', 'Cube.')],
    outputs: [image('scores', 1, 'Squared distance; larger is more anomalous.', { aliases: ['output'] })],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      integer('inner_window', 5, 'Side of the inner window, odd: at least the size of a target.', { minimum: 1, unit: 'pixels' }),
      integer('outer_window', 15, 'Side of the outer window, odd. With fewer pixels in it than bands, the pseudo-inverse looks only at the directions in which they differ.', { minimum: 3, unit: 'pixels' }),
      choice('inverse', ['pseudo', 'regularised'], 'pseudo', 'pseudo: directions without variance are left out; regularised: eps is added to the variances.'),
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
    const pixels = graph.op('Reshape', [data, integers(graph, [-1, channels])], {}, { shape: ['B*H*W', channels] })
    // A pixel is of use when nothing in it is infinite or no number: then it less itself is 0.
    const rest = graph.op('ReduceSum', [graph.op('Sub', [pixels, pixels]), integers(graph, [1])], { keepdims: 0 })
    const usable = graph.op('Equal', [rest, graph.scalar(0)])
    const clean = graph.op('Where', [graph.op('Unsqueeze', [usable, integers(graph, [1])]), pixels, graph.scalar(0)])
    const chunk = chunkOf(parameters)
    const count = graph.op('Shape', [usable])
    const rounds = graph.op('Squeeze', [graph.op('Div', [graph.op('Add', [count, integers(graph, [chunk - 1])]), integers(graph, [chunk])]), integers(graph, [0])])
    const size = graph.op('Concat', [graph.size(data, 1), graph.size(data, 2)], { axis: 0 })
    const carried = [clean, graph.op('Cast', [usable], { to: onnxTypeOf('float32') }), size]
    const made = graph.ops('Loop', [rounds, always(graph), ...carried], 4, { body: { kind: 'graph', value: scoresOfChunk(parameters, chunk) } }, { name: 'Chunks' })
    const all = graph.op('Slice', [graph.op('Reshape', [made[3], integers(graph, [-1])]), integers(graph, [0]), count])
    const shape = graph.op('Concat', [graph.op('Slice', [graph.op('Shape', [data]), integers(graph, [0]), integers(graph, [3])]), integers(graph, [1])], { axis: 0 })
    return { scores: graph.op('Reshape', [all, shape], {}, { shape: [...data.shape.slice(0, 3), 1] }) }
  },
}

/** Pixels in the surroundings of one, where the image is not smaller than the windows. */
function mostAround({ inner_window: inner, outer_window: outer }: Parameters): number {
  return (outer as number) ** 2 - (inner as number) ** 2
}

function chunkOf(parameters: Parameters): number {
  const bytes = mostAround(parameters) * (parameters.num_channels as number) * 8
  return Math.min(Math.max(Math.round(CHUNK_BYTES / bytes), CHUNK_LIMITS[0]), CHUNK_LIMITS[1])
}

/** Scores [chunk] of the pixels of one round, from all pixels [N, C], which of them are usable (1) and the size (H, W) of an image. */
function scoresOfChunk(parameters: Parameters, chunk: number): Graph {
  const [outer, inner] = [parameters.outer_window as number, parameters.inner_window as number]
  const graph = new Graph()
  const round = graph.input('round', 'int64', [])
  const goOn = graph.input('go_on', 'bool', [])
  const pixels = graph.input('pixels', 'float32', ['N', parameters.num_channels as number])
  const usable = graph.input('usable', 'float32', ['N'])
  const size = graph.input('size', 'int64', [2])

  const last = graph.op('Sub', [graph.size(usable, 0), integers(graph, [1])])
  const first = graph.op('Mul', [round, integers(graph, [chunk])])
  // Beyond the last pixel it is scored again, and then cut off.
  const own = graph.op('Min', [graph.op('Add', [first, counted(graph, chunk)]), last])
  const [height, width] = graph.ops('Split', [size, integers(graph, [1, 1])], 2, { axis: 0 })
  const area = graph.op('Mul', [height, width])
  const within = graph.op('Mod', [own, area])
  const before = column(graph, graph.op('Sub', [own, within]))
  const row = cells(graph, column(graph, graph.op('Div', [within, width])), height, outer, inner, (at) => Math.floor(at / outer))
  const sample = cells(graph, column(graph, graph.op('Mod', [within, width])), width, outer, inner, (at) => at % outer)
  const places = graph.op('Add', [graph.op('Add', [graph.op('Mul', [row.place, width]), sample.place]), before])
  const guarded = graph.op('And', [row.isGuarded, sample.isGuarded])
  const taken = graph.op('And', [graph.op('And', [row.isThere, sample.isThere]), graph.op('Not', [guarded])])
  const shares = graph.op('Mul', [graph.op('Gather', [usable, places], { axis: 0 }), graph.op('Cast', [taken], { to: onnxTypeOf('float32') })])
  // What counts comes to the front; of the rest there is only as much as other pixels need places.
  const [weights, order] = graph.ops('TopK', [shares, integers(graph, [mostAround(parameters)])], 2, { axis: 1, largest: 1, sorted: 1 })
  const around = graph.op('GatherElements', [places, order], { axis: 1 })

  const scores = surroundingDistances(graph, { pixels, own, around, weights }, parameters)
  const isScored = graph.op('Greater', [graph.op('Gather', [usable, own], { axis: 0 }), graph.scalar(0)])
  graph.output('again', graph.op('Identity', [goOn]))
  graph.output('pixels_out', graph.op('Identity', [pixels]))
  graph.output('usable_out', graph.op('Identity', [usable]))
  graph.output('size_out', graph.op('Identity', [size]))
  graph.output('scores', graph.op('Where', [isScored, graph.op('Cast', [scores], { to: onnxTypeOf('float32') }), graph.constant(float32([1], [NaN]))]))
  return graph
}

interface Cells {
  /** Where the cells of the outer window lie along one axis, inside of the image. */
  place: Value
  /** Not so of an image that is smaller than the window. */
  isThere: Value
  isGuarded: Value
}

/** The cells [chunk, outer * outer] of the outer windows around `at` [chunk, 1], along one axis; `step` says how far each is from the first. */
function cells(graph: Graph, at: Value, size: Value, outer: number, inner: number, step: (cell: number) => number): Cells {
  const steps = graph.constant(int64([1, outer * outer], Array.from({ length: outer * outer }, (_, cell) => step(cell))))
  const wanted = graph.op('Add', [shifted(graph, at, size, outer), steps])
  const guard = shifted(graph, at, size, inner)
  const isGuarded = graph.op('And', [graph.op('GreaterOrEqual', [wanted, guard]), graph.op('Less', [wanted, graph.op('Add', [guard, integers(graph, [inner])])])])
  return { place: graph.op('Min', [wanted, graph.op('Sub', [size, integers(graph, [1])])]), isThere: graph.op('Less', [wanted, size]), isGuarded }
}

/** First place of a window of that side around `at`, shifted into [0, size). */
function shifted(graph: Graph, at: Value, size: Value, side: number): Value {
  const first = graph.op('Min', [graph.op('Sub', [at, integers(graph, [(side - 1) / 2])]), graph.op('Sub', [size, integers(graph, [side])])])
  return graph.op('Max', [first, integers(graph, [0])])
}

function counted(graph: Graph, count: number): Value {
  return graph.constant(int64([count], Array.from({ length: count }, (_, index) => index)))
}

function column(graph: Graph, values: Value): Value {
  return graph.op('Unsqueeze', [values, integers(graph, [1])])
}

function integers(graph: Graph, numbers: readonly number[]): Value {
  return graph.constant(int64([numbers.length], numbers))
}

function always(graph: Graph): Value {
  return graph.constant({ type: 'bool', shape: [], data: Uint8Array.of(1) })
}
