import type { DetectionMetrics } from '../../shared/metrics'
import type { DeviceChoice, DeviceReport } from '../../shared/device'
import { detectionMetrics, thresholdCurve } from '../../shared/threshold-curve'
import { scoreScene } from '../inference/scene'
import { scoringModel } from '../inference/partial-model'
import { deciderOf, pixelScores, thresholdByRule } from '../inference/threshold'
import type { FittedScene } from '../inference/trained-pipeline'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { openSession } from '../onnx/session'
import type { Pipeline } from '../pipeline/pipeline'
import type { Frame } from './data'
import type { FitMemory } from './memory'

/** What a fitted pipeline says of cubes. */
export interface Assessment {
  scenes: FittedScene[]
  /** Over all cubes together, at the threshold that the decider's rule gives for them together; null without masks. */
  metrics: DetectionMetrics | null
  device: DeviceReport
  warnings: string[]
}

/** Scores cubes with the model that will be written. Throws as scoreScene, and 'cancelled'. */
export async function assess(model: Uint8Array, pipeline: Pipeline, frames: readonly Frame[], which: 'training' | 'test', device: DeviceChoice, memory: FitMemory, context: WorkContext): Promise<Assessment> {
  const session = await openSession(scoringModel(model, 'model.onnx'), device)
  const total = frames.reduce((sum, { cube: { description: { shape } } }) => sum + shape[0] * shape[1], 0)
  const meter = startStage(context, 'score', `Scoring the ${which} cubes`, total)
  try {
    const scenes: FittedScene[] = []
    const warnings: string[] = []
    const judged: Judged[] = []
    for (const { cube, targets } of frames) {
      const scene = await scoreScene(session, pipeline, cube, targets, { bytes: memory.read, imageBytes: memory.image, signal: context.signal, onPixels: (count) => meter.advance(count) })
      const decided = scene.decisions !== null
      scenes.push({
        path: cube.description.path, threshold: Number.isFinite(scene.threshold) ? scene.threshold : null, flagged: decided ? scene.flagged : null, unusable: scene.unusable, metrics: scene.metrics,
      })
      warnings.push(...scene.warnings)
      if (targets) judged.push({ scores: scene.judged, targets })
    }
    meter.finish()
    return { scenes, metrics: scenes.length === 1 ? scenes[0].metrics : together(pipeline, judged), device: session.report, warnings }
  } finally {
    await session.release()
  }
}

/** Scores of one cube as the decider gets them [N, K], and its targets [N]. */
interface Judged {
  scores: Float32Array
  targets: Uint8Array
}

function together(pipeline: Pipeline, cubes: readonly Judged[]): DetectionMetrics | null {
  if (cubes.length === 0) return null
  const judged = new Float32Array(cubes.reduce((sum, { scores }) => sum + scores.length, 0))
  const targets = new Uint8Array(cubes.reduce((sum, cube) => sum + cube.targets.length, 0))
  let [at, pixel] = [0, 0]
  for (const cube of cubes) {
    judged.set(cube.scores, at)
    targets.set(cube.targets, pixel)
    at += cube.scores.length
    pixel += cube.targets.length
  }
  const channels = judged.length / targets.length
  const decider = deciderOf(pipeline)
  return detectionMetrics(thresholdCurve(pixelScores(judged, channels), targets), decider ? thresholdByRule(decider, judged, channels) : Infinity)
}
