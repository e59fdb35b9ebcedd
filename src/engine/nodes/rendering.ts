import type { ParameterDescription } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { Graph } from '../onnx/graph'
import type { Value } from '../onnx/graph'
import { encodeModel } from '../onnx/model'
import type { Session } from '../onnx/session'
import { openSession } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import { sRGBOfLinear } from './color-spaces'
import { boolean, choice, integer } from './describe'
import type { Selection } from './false-color'
import type { Parameters, StateTensor, StatisticalFit, WriteContext } from './node'
import { quantileThreshold } from './quantile-decider'
import { randomSource } from './random'
import { choosePixels, gatherRows } from './sampling'
import { requirePixels } from './statistics'

// How mixed bands become a picture from 0 to 1: bounds of each colour, then the curve of a screen.

/** Share of the pixels below the lower and below the upper bound; outliers beyond are cut off. */
const QUANTILES = [0.005, 0.995]

/** Smallest distance of the bounds. */
const LEAST_RANGE = 1e-8

/** Pixels the bounds of mode statistical are computed from. */
const SAMPLED_PIXELS = 1_000_000

type Mode = 'running' | 'statistical' | 'per_frame'

const MODES: Record<Mode, string> = {
  running: 'running: from the 0.5 to the 99.5 percentile of the image, whatever images came before',
  statistical: 'statistical: from the 0.5 to the 99.5 percentile of the training pixels, which keeps brightness the same for all images',
  per_frame: 'per_frame: from the smallest to the largest value of the image',
}

export function renderingParameters(modes: Mode[]): ParameterDescription[] {
  return [
    choice('norm_mode', modes, modes[0], `How each colour is brought to the range from 0 to 1. ${modes.map((mode) => MODES[mode]).join('; ')}.`),
    boolean('apply_gamma', true, 'Whether the curve of sRGB is applied, which lifts the middle tones for screens.'),
    integer('freeze_running_bounds_after_frames', 20, 'Accepted for compatibility; no bounds are carried from image to image.', { minimum: 1, nullable: true }),
    integer('running_warmup_frames', 10, 'Accepted for compatibility; no bounds are carried from image to image.', { minimum: 0 }),
  ]
}

export function renderingState({ norm_mode: mode }: Parameters): StateTensor[] {
  return mode === 'statistical' ? [{ name: 'running_min', shape: [3], kind: 'statistic' }, { name: 'running_max', shape: [3], kind: 'statistic' }] : []
}

/** The bounds of mode statistical: exact quantiles of the colours of all training pixels, or of a sample of them. */
export function renderingFit(select: (parameters: Parameters, channels: number, wavelengthsNm: readonly number[] | null) => Selection): StatisticalFit {
  return {
    port: 'cube',
    start(parameters, { node, seed, pixels: total, wavelengthsNm }) {
      const choices = choosePixels(SAMPLED_PIXELS, total, randomSource(seed, node))
      const blocks: Float32Array[] = []
      let mixer: Promise<Session> | null = null
      return {
        async add(pixels, count, channels) {
          const chosen = choices.next(count)
          if (chosen.length === 0) return
          mixer ??= openMixer(select(parameters, channels, wavelengthsNm))
          const { colors } = await (await mixer).run({ pixels: float32([chosen.length, channels], gatherRows(pixels, channels, chosen)) })
          blocks.push(colors.data as Float32Array)
        },
        async finish() {
          await (await mixer)?.release()
          const count = blocks.reduce((sum, block) => sum + block.length / 3, 0)
          requirePixels(node, 1, count)
          const bounds = [0, 1, 2].map((color) => quantilesOf(blocks, color, count))
          if (bounds.some((pair) => pair.some(Number.isNaN))) {
            throw new CuvetteError('bad-data', `The node ${node} cannot state the bounds of its colours, because no pixel has finite numbers in the bands of one of them; mask bad pixels out.`, { where: node })
          }
          return { running_min: float32([3], bounds.map(([low]) => low)), running_max: float32([3], bounds.map(([, high]) => high)) }
        },
      }
    },
  }
}

/** Turns `pixels` [N, bands] into `colors` [N, 3]. */
function openMixer({ bands, shares }: Selection): Promise<Session> {
  const graph = new Graph()
  const pixels = graph.input('pixels', 'float32', ['N', bands])
  graph.output('colors', graph.op('Gemm', [pixels, graph.constant(float32([3, bands], shares))], { transB: 1 }))
  return openSession(encodeModel(graph), 'cpu')
}

function quantilesOf(blocks: readonly Float32Array[], color: number, count: number): number[] {
  const values = new Float32Array(count)
  let filled = 0
  for (const block of blocks) {
    for (let at = color; at < block.length; at += 3) {
      if (!Number.isFinite(block[at])) continue
      values[filled] = block[at]
      filled += 1
    }
  }
  const sorted = values.subarray(0, filled).sort()
  return QUANTILES.map((quantile) => {
    const rank = quantile * (filled - 1)
    const below = Math.floor(rank)
    return filled === 0 ? NaN : sorted[below] + (sorted[Math.ceil(rank)] - sorted[below]) * (rank - below)
  })
}

/** Colours [N, 3] of the pixels of `inputs.cube` as a picture from 0 to 1, by the parameters of renderingParameters. */
export function render({ graph, parameters, inputs: { cube }, state }: Pick<WriteContext, 'graph' | 'parameters' | 'inputs' | 'state'>, colors: Value): Value {
  let picture: Value
  if (parameters.norm_mode === 'statistical') {
    const [low, high] = [state.running_min, state.running_max].map((bound) => graph.reshape(bound, [1, 3]))
    picture = between(graph, colors, low, high)
  } else {
    const image = graph.reshape(colors, [...[0, 1, 2].map((axis) => ({ of: cube, axis })), 3])
    const [low, high] = parameters.norm_mode === 'per_frame' ? extremes(graph, image) : percentiles(graph, image)
    picture = between(graph, image, low, high)
  }
  return parameters.apply_gamma === true ? sRGBOfLinear(graph, picture) : picture
}

/** The bounds count as constants in differentiation: a picture must not train its own exposure. */
function between(graph: Graph, values: Value, low: Value, high: Value): Value {
  const [from, to] = [graph.detach(low), graph.detach(high)]
  const range = graph.op('Clip', [graph.op('Sub', [to, from]), graph.scalar(LEAST_RANGE)])
  return graph.op('Clip', [graph.op('Div', [graph.op('Sub', [values, from]), range]), graph.scalar(0), graph.scalar(1)])
}

/** Bounds of each colour of each image [B, 1, 1, 3]; pixels that are not numbers are passed over. */
function percentiles(graph: Graph, image: Value): [Value, Value] {
  const quantile = graph.scalar(QUANTILES[1])
  // The lower bound is the upper one of the negative image, so that only a few of the largest numbers are sorted.
  const low = graph.op('Neg', [quantileThreshold(graph, graph.op('Neg', [image]), [1, 2], quantile, true)])
  return [low, quantileThreshold(graph, image, [1, 2], quantile, true)]
}

function extremes(graph: Graph, image: Value): [Value, Value] {
  const isMissing = graph.op('IsNaN', [image])
  const bound = (op: 'ReduceMin' | 'ReduceMax', worst: number): Value =>
    graph.op(op, [graph.op('Where', [isMissing, graph.constant(float32([1, 1, 1, 1], [worst])), image])], { axes: [1, 2], keepdims: 1 })
  return [bound('ReduceMin', Infinity), bound('ReduceMax', -Infinity)]
}
