import type { DetectionMetrics } from '../../shared/metrics'
import type { DeviceChoice, DeviceReport } from '../../shared/device'
import { detectionOf } from '../inference/detection'
import { judgedPixels, scoreScene, valuesOf } from '../inference/scene'
import { scoringModel } from '../inference/partial-model'
import type { Scores } from '../inference/scores'
import { deciderOf, judgementOf } from '../inference/threshold'
import type { FittedScene } from '../inference/trained-pipeline'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { answerOver } from '../inference/walks'
import { openSession } from '../onnx/session'
import type { Pipeline } from '../pipeline/pipeline'
import type { Frame } from './frame'
import type { FitMemory } from './memory'

/** What a fitted pipeline says of cubes. */
export interface Assessment {
  scenes: FittedScene[]
  /** Over all cubes together, at the threshold that the decider's rule gives for them together; null without masks. */
  metrics: DetectionMetrics | null
  device: DeviceReport
  warnings: string[]
}

/** Scores cubes with the model that will be written; scores that do not fit into memory lie in `folder` meanwhile. Throws as scoreScene, and 'cancelled'. */
export async function assess(model: Uint8Array, pipeline: Pipeline, frames: readonly Frame[], which: 'training' | 'test', device: DeviceChoice, memory: FitMemory, folder: string, context: WorkContext): Promise<Assessment> {
  const session = await openSession(scoringModel(model, 'model.onnx'), device)
  const total = frames.reduce((sum, { cube: { description: { shape } } }) => sum + shape[0] * shape[1], 0)
  const meter = startStage(context, 'score', `Scoring the ${which} cubes`, total)
  const judged: Judged[] = []
  try {
    const scenes: FittedScene[] = []
    const warnings: string[] = []
    for (const { cube, targets } of frames) {
      const room = { bytes: memory.scores / frames.length, folder }
      const scene = await scoreScene(session, pipeline, cube, targets, { bytes: memory.read, imageBytes: memory.image, room, signal: context.signal, onPixels: (count) => meter.advance(count) })
      scenes.push({
        path: cube.description.path, threshold: Number.isFinite(scene.threshold) ? scene.threshold : null, flagged: scene.decided ? scene.flagged : null, unusable: scene.unusable, metrics: scene.metrics,
      })
      warnings.push(...scene.warnings)
      if (targets) judged.push({ scores: scene.judged, targets })
      else await scene.judged.close()
    }
    meter.finish()
    return { scenes, metrics: scenes.length === 1 ? scenes[0].metrics : await together(pipeline, judged), device: session.report, warnings }
  } finally {
    for (const { scores } of judged) await scores.close()
    await session.release()
  }
}

/** Scores of one cube as the decider gets them [N, K], and its targets [N]. */
interface Judged {
  scores: Scores
  targets: Uint8Array
}

async function together(pipeline: Pipeline, cubes: readonly Judged[]): Promise<DetectionMetrics | null> {
  if (cubes.length === 0) return null
  const decider = deciderOf(pipeline)
  const threshold = decider ? (await answerOver(judgementOf(decider, cubes[0].scores.channels), () => chained(cubes, ({ scores }) => valuesOf(scores)))).threshold : Infinity
  return await answerOver(detectionOf(threshold), () => chained(cubes, ({ scores, targets }) => judgedPixels(scores, targets)))
}

async function* chained<T>(cubes: readonly Judged[], blocks: (cube: Judged) => AsyncIterable<T>): AsyncGenerator<T> {
  for (const cube of cubes) yield* blocks(cube)
}
