import type { DeviceChoice } from '../../shared/device'
import { CuvetteError } from '../../shared/problem'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Session } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import type { Tensor } from '../onnx/tensor'
import { compileUpTo } from '../pipeline/compile'
import { looksAtImages } from '../pipeline/locality'
import type { Pipeline, PipelineNode, PipelineState } from '../pipeline/pipeline'
import { enteringWavelengths } from '../pipeline/pipeline'
import { nodesToFit, setNodeState } from '../pipeline/state'
import { TARGET } from '../nodes/targets'
import type { ReadTarget } from './targets'
import { targetsSeen } from './targets'
import type { LearnedPixels } from './frame'
import type { PixelStream, StreamedImage } from './pixel-stream'

export interface StatisticalSettings {
  seed: number
  device: DeviceChoice
  /** Nodes whose statistics are known already. */
  known?: readonly string[]
  /** Spectra that detectors look for, by node. */
  targets?: ReadonlyMap<string, readonly ReadTarget[]>
}

/**
 * Phase 1: sets the statistics of every node that needs data, in graph order, each seeing what the nodes before it
 * produce (inference stage). One walk over all usable pixels a node, as loose pixels or, behind a node that looks at
 * images, as whole cubes one after the other; accumulated in float64. Targets of a detector are set as soon as the nodes
 * before it are. Changes `state` and returns the names of the fitted nodes. Throws CuvetteError('bad-data') when a
 * statistic comes out not finite or a target lacks a band, 'cancelled'.
 */
export async function fitStatistics(pipeline: Pipeline, state: PipelineState, stream: PixelStream, settings: StatisticalSettings, context: WorkContext): Promise<string[]> {
  const toFit = new Map(nodesToFit(pipeline).filter(({ node }) => !settings.known?.includes(node.name)).map(({ node, observes }) => [node.name, observes]))
  for (const node of pipeline.nodes) {
    // What is looked for is as the document says it now, also where the rest was learned earlier.
    const targets = settings.targets?.get(node.name)
    if (targets) setNodeState(state, node.name, { [TARGET]: await targetsSeen(node, targets, pipeline, state) })
    const observes = toFit.get(node.name)
    if (observes !== undefined) await fitNode(node, observes, pipeline, state, stream, settings, context)
  }
  return [...toFit.keys()]
}

async function fitNode(node: PipelineNode, observes: string, pipeline: Pipeline, state: PipelineState, stream: PixelStream, settings: StatisticalSettings, context: WorkContext): Promise<void> {
  const accumulator = node.type.fit?.start(node.parameters, { node: node.name, seed: settings.seed, pixels: stream.count, wavelengthsNm: enteringWavelengths(pipeline) })
  if (!accumulator) return
  const meter = startStage(context, 'statistics', `Statistics of ${node.name}`, stream.count)
  const { graph, output } = compileUpTo(pipeline, state, observes)
  // A node right behind the cube sees the pixels as they are.
  const session = graph.nodes.length === 0 ? null : await openSession(encodeModel(graph), settings.device)
  const whole = node.type.fit && looksAtImages(pipeline, node.inputs[node.type.fit.port].node)
  try {
    for await (const { pixels, count, targets } of whole && session ? seenOfImages(stream, session, output) : seenOfPixels(stream, session, output)) {
      if (context.signal.aborted) throw new CuvetteError('cancelled', 'The fit was stopped during the statistical phase; nothing was written.')
      if (count === 0) continue
      await accumulator.add(pixels, count, pixels.length / count, node.type.fit?.wantsTargets ? targets : null)
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

/** What the nodes before make of loose pixels: [count, channels]. */
async function* seenOfPixels(stream: PixelStream, session: Session | null, output: string): AsyncGenerator<LearnedPixels> {
  for await (const block of stream.blocks()) {
    yield session ? { ...block, pixels: await seen(session, output, block.pixels, [1, 1, block.count, stream.bands]) } : block
  }
}

/** What the nodes before make of whole cubes, at the pixels that can be used. */
async function* seenOfImages(stream: PixelStream, session: Session, output: string): AsyncGenerator<LearnedPixels> {
  for await (const image of stream.images()) {
    const { pixels, lines, samples } = image
    yield usedOf(image, await seen(session, output, pixels, [1, lines, samples, stream.bands]))
  }
}

async function seen(session: Session, output: string, pixels: Float32Array, shape: number[]): Promise<Float32Array> {
  const results: Record<string, Tensor> = await session.run({ cube: float32(shape, pixels) })
  return results[output].data as Float32Array
}

/**
 * The values at usable pixels. Where an image has pixels that cannot be used, those around them that came out without a
 * finite value are left out as well.
 */
function usedOf({ pixels, lines, samples, usable, targets }: StreamedImage, values: Float32Array): LearnedPixels {
  const total = lines * samples
  const channels = values.length / total
  const good = Uint8Array.from({ length: total }, (_, pixel) => (usable(pixels, pixel) ? 1 : 0))
  if (!good.includes(0)) return { pixels: values, count: total, targets }
  const kept: number[] = []
  for (let pixel = 0; pixel < total; pixel += 1) {
    if (good[pixel] === 1 && values.subarray(pixel * channels, (pixel + 1) * channels).every(Number.isFinite)) kept.push(pixel)
  }
  const used = new Float32Array(kept.length * channels)
  for (const [index, pixel] of kept.entries()) used.set(values.subarray(pixel * channels, (pixel + 1) * channels), index * channels)
  return { pixels: used, count: kept.length, targets: targets && Uint8Array.from(kept, (pixel) => targets[pixel]) }
}
