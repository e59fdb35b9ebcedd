import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import { Graph } from '../onnx/graph'
import { encodeModel } from '../onnx/model'
import type { Session } from '../onnx/session'
import { openSession } from '../onnx/session'
import type { NodeState, StatisticsAccumulator } from './node'

/** Pixels in one run: their float64 values stay in the processor's cache (a fifth faster than four times as many), and the call matters little. */
const BLOCK_PIXELS = 2048

/** diagonal: sums of squares per channel. full: the whole scatter matrix. */
type Scatter = 'diagonal' | 'full'

/**
 * Mean and scatter of a stream of pixels, in float64. Each block is reduced by onnxruntime about its own mean,
 * and the blocks are merged by the formula of Chan, Golub and LeVeque (1979).
 */
export class RunningStatistics {
  /** Pixels seen. */
  count = 0
  /** [C] */
  mean = new Float64Array(0)
  /** Sum of squared deviations from the mean [C], or of their products [C, C]. */
  scatter = new Float64Array(0)

  constructor(private readonly kind: Scatter) {}

  /** pixels: [count, channels] row-major. */
  async add(pixels: Float32Array, count: number, channels: number): Promise<void> {
    if (count > 0 && this.count === 0) {
      this.mean = new Float64Array(channels)
      this.scatter = new Float64Array(this.kind === 'full' ? channels * channels : channels)
    }
    const session = await sessionFor(this.kind)
    for (let start = 0; start < count; start += BLOCK_PIXELS) {
      const rows = Math.min(BLOCK_PIXELS, count - start)
      const block = pixels.subarray(start * channels, (start + rows) * channels)
      const { mean, scatter } = await session.run({ pixels: { type: 'float32', shape: [rows, channels], data: block } })
      this.merge(rows, mean.data as Float64Array, scatter.data as Float64Array)
    }
  }

  private merge(rows: number, mean: Float64Array, scatter: Float64Array): void {
    const total = this.count + rows
    const share = rows / total
    const weight = this.count * share
    const shift = mean.map((value, channel) => value - this.mean[channel])
    for (let channel = 0; channel < shift.length; channel += 1) this.mean[channel] += shift[channel] * share
    if (this.kind === 'diagonal') {
      for (let channel = 0; channel < shift.length; channel += 1) this.scatter[channel] += scatter[channel] + shift[channel] * shift[channel] * weight
    } else {
      for (let row = 0, at = 0; row < shift.length; row += 1) {
        for (let column = 0; column < shift.length; column += 1, at += 1) this.scatter[at] += scatter[at] + shift[row] * shift[column] * weight
      }
    }
    this.count = total
  }
}

/** A fit that takes mean and scatter of the pixels, which must have `channels` channels, and makes its state of these. */
export function statisticsOf(kind: Scatter, node: string, channels: number, finish: (statistics: RunningStatistics) => NodeState): StatisticsAccumulator {
  const statistics = new RunningStatistics(kind)
  return {
    async add(pixels, count, found) {
      requireChannels(node, channels, found)
      await statistics.add(pixels, count, found)
    },
    finish: async () => finish(statistics),
  }
}

/** Refuses pixels with another number of channels than the node was made for. */
export function requireChannels(node: string, expected: number, found: number): void {
  if (expected === found) return
  throw new CuvetteError('bad-data', `The node ${node} expects ${expected} channels, but the pixels have ${found}; set its channel count to ${found} or leave it out.`, { where: node })
}

/** Refuses a stream with too few pixels. */
export function requirePixels(node: string, least: number, found: number): void {
  if (found >= least) return
  const got = found === 0 ? 'received no pixels' : `received only ${found} pixel${found === 1 ? '' : 's'}`
  throw new CuvetteError('bad-data', `The node ${node} ${got} to compute its statistics from; at least ${least} valid pixel${least === 1 ? ' is' : 's are'} needed.`, { where: node })
}

const sessions = new Map<Scatter, Promise<Session>>()

function sessionFor(kind: Scatter): Promise<Session> {
  const known = sessions.get(kind)
  if (known) return known
  const opened = openSession(encodeModel(blockGraph(kind)), 'cpu')
  sessions.set(kind, opened)
  return opened
}

function blockGraph(kind: Scatter): Graph {
  const graph = new Graph()
  const pixels = graph.op('Cast', [graph.input('pixels', 'float32', ['N', 'C'])], { to: onnxTypeOf('float64') })
  const mean = graph.op('ReduceMean', [pixels], { axes: [0], keepdims: 0 })
  const centred = graph.op('Sub', [pixels, mean])
  graph.output('mean', mean)
  graph.output('scatter', kind === 'full' ? graph.op('Gemm', [centred, centred], { transA: 1 }) : graph.op('ReduceSumSquare', [centred], { axes: [0], keepdims: 0 }))
  return graph
}
