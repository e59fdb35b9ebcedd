import { CuvetteError } from '../../shared/problem'
import { Graph } from '../onnx/graph'
import { encodeModel } from '../onnx/model'
import type { Session } from '../onnx/session'
import { openSession } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import type { StatisticsAccumulator } from './node'
import { requirePixels } from './statistics'

/** Smallest and largest value of a stream, over all its pixels and channels together, as running_min and running_max. */
export function rangeAccumulator(node: string): StatisticsAccumulator {
  let [seen, least, most] = [0, Infinity, -Infinity]
  return {
    async add(pixels, count, channels) {
      if (count === 0) return
      const values = float32([count * channels], pixels.subarray(0, count * channels))
      const results = await (await rangeSession()).run({ values })
      const [low, high, mean] = ['least', 'most', 'mean'].map((name) => Number(results[name].data[0]))
      if (![low, high, mean].every(Number.isFinite)) {
        throw new CuvetteError('bad-data', `The node ${node} cannot state a range, because some of its values are not finite numbers; mask those pixels out or leave the bands out.`, { where: node })
      }
      seen += count
      least = Math.min(least, low)
      most = Math.max(most, high)
    },
    async finish() {
      requirePixels(node, 1, seen)
      return { running_min: float32([], [least]), running_max: float32([], [most]) }
    },
  }
}

let session: Promise<Session> | null = null

function rangeSession(): Promise<Session> {
  session ??= openSession(encodeModel(rangeGraph()), 'cpu')
  return session
}

function rangeGraph(): Graph {
  const graph = new Graph()
  const values = graph.input('values', 'float32', ['N'])
  graph.output('least', graph.op('ReduceMin', [values], { keepdims: 0 }))
  graph.output('most', graph.op('ReduceMax', [values], { keepdims: 0 }))
  // The runtime's minimum and maximum may pass over a NaN; a mean never does.
  graph.output('mean', graph.op('ReduceMean', [values], { keepdims: 0 }))
  return graph
}
