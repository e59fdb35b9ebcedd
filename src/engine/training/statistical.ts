import type { DeviceChoice } from '../../shared/device'
import { CuvetteError } from '../../shared/problem'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import { compileUpTo } from '../pipeline/compile'
import type { Pipeline, PipelineNode, PipelineState } from '../pipeline/pipeline'
import { nodesToFit, setNodeState } from '../pipeline/state'
import type { PixelStream } from './pixel-stream'

export interface StatisticalSettings {
  seed: number
  device: DeviceChoice
}

/**
 * Phase 1: sets the statistics of every node that needs data, in graph order, each seeing what the nodes before it
 * produce (inference stage). One walk over all valid pixels a node; accumulated in float64. Changes `state` and returns
 * the names of the fitted nodes. Throws CuvetteError('bad-data') when a statistic comes out not finite, 'cancelled'.
 */
export async function fitStatistics(pipeline: Pipeline, state: PipelineState, stream: PixelStream, settings: StatisticalSettings, context: WorkContext): Promise<string[]> {
  const nodes = nodesToFit(pipeline)
  for (const { node, observes } of nodes) await fitNode(node, observes, pipeline, state, stream, settings, context)
  return nodes.map(({ node }) => node.name)
}

async function fitNode(node: PipelineNode, observes: string, pipeline: Pipeline, state: PipelineState, stream: PixelStream, settings: StatisticalSettings, context: WorkContext): Promise<void> {
  const accumulator = node.type.fit?.start(node.parameters, { node: node.name, seed: settings.seed, pixels: stream.count })
  if (!accumulator) return
  const meter = startStage(context, 'statistics', `Statistics of ${node.name}`, stream.count)
  const { graph, output } = compileUpTo(pipeline, state, observes)
  // A node right behind the cube sees the pixels as they are.
  const session = graph.nodes.length === 0 ? null : await openSession(encodeModel(graph), settings.device)
  try {
    for await (const { pixels, count } of stream.blocks()) {
      if (context.signal.aborted) throw new CuvetteError('cancelled', 'The fit was stopped during the statistical phase; nothing was written.')
      if (session) {
        const { [output]: seen } = await session.run({ cube: float32([1, 1, count, stream.bands], pixels) })
        await accumulator.add(seen.data as Float32Array, count, seen.shape[seen.shape.length - 1], null)
      } else {
        await accumulator.add(pixels, count, stream.bands, null)
      }
      meter.advance(count)
    }
    const found = await accumulator.finish()
    for (const [name, { data }] of Object.entries(found)) {
      if (!(data as Float32Array).every(Number.isFinite)) {
        throw new CuvetteError('bad-data', `The statistic ${name} of the node ${node.name} came out infinite or not a number; look for extreme values or constant bands in the data.`, { where: `nodes.${node.name}` })
      }
    }
    setNodeState(state, node.name, found)
    meter.finish()
  } finally {
    await session?.release()
  }
}
