import type { DetectionMetrics } from '../../shared/metrics'
import { CuvetteError } from '../../shared/problem'
import { detectionMetrics, thresholdCurve } from '../../shared/threshold-curve'
import type { Cube } from '../cube'
import type { Session } from '../onnx/session'
import { scorePorts } from '../pipeline/compile'
import { ancestors, looksAtImages } from '../pipeline/locality'
import type { Pipeline } from '../pipeline/pipeline'
import { localityOf } from '../nodes/node'
import { scoreCube } from './score'
import { decide, deciderOf, judge, pixelScores } from './threshold'
import { usablePixels } from './usable-pixels'

/** A scored cube: what `run` writes and `fit` states. */
export interface Scene {
  /** [H, W], the largest where a pixel has several; NaN where a pixel could not be scored. */
  scores: Float32Array
  /** What the decider judges [H, W, K]. */
  judged: Float32Array
  /** float32; Infinity where nothing is flagged: because the decider says so, or without a decider and a threshold of the user's. */
  threshold: number
  /** [H, W], 1 = anomalous; null without a decider and a threshold. */
  decisions: Uint8Array | null
  flagged: number
  metrics: DetectionMetrics | null
  /** Sentences. */
  warnings: string[]
  unusable: number
}

export interface SceneOptions {
  bytes: number
  /** Largest image that goes through whole, where the scores need all of it; default: `bytes`. */
  imageBytes?: number
  /** Instead of the decider's rule. */
  threshold?: number
  signal?: AbortSignal
  onPixels?(count: number): void
}

/** Whether every node that the scores pass through looks at one pixel at a time. Deciders, and what is only looked at, are not among them. */
export function scoresAreLocal(pipeline: Pipeline): boolean {
  return !looksAtImages(pipeline, scorePorts(pipeline).scores.node)
}

/**
 * How far around a pixel the nodes behind the scores look, all of them together; null where one of them needs the whole
 * image.
 */
export function haloOf(pipeline: Pipeline): number | null {
  let halo = 0
  for (const { type, parameters } of ancestors(pipeline, [scorePorts(pipeline).scores.node])) {
    const locality = localityOf(type, parameters, 'inference')
    if (locality === 'pixel') continue
    if (locality !== 'neighbourhood' || !type.margin) return null
    halo += type.margin(parameters)
  }
  return halo
}

/**
 * Scores a cube, finds its threshold over the whole scene, decides, and compares with targets [H, W] where there are
 * some. Throws CuvetteError('bad-data') when no pixel can be scored.
 */
export async function scoreScene(session: Session, pipeline: Pipeline, cube: Cube, targets: Uint8Array | null, options: SceneOptions): Promise<Scene> {
  const { path, shape: [lines, samples] } = cube.description
  const { values: judged, channels, unusable } = await scoreCube(session, cube, { ...options, local: scoresAreLocal(pipeline), halo: haloOf(pipeline), usable: usablePixels(pipeline) })
  const scores = pixelScores(judged, channels)
  const total = lines * samples
  if (unusable === total) {
    throw new CuvetteError('bad-data', `No pixel of ${path} has a finite value in every band that is used, so nothing can be scored; check the no-data value and the bad bands.`, { path })
  }
  const warnings = unusable === 0 ? [] : [`${unusable} of ${total} pixels of ${path} lack a finite value in a band that is used; they have no score and are not flagged.`]
  const unscored = scores.reduce((count, score) => (Number.isFinite(score) ? count : count + 1), 0) - unusable
  if (unscored === total - unusable) {
    throw new CuvetteError('bad-data', `Every score of ${path} is infinite or not a number although the pixels are finite; the state of the pipeline does not fit these data.`, { path })
  }
  if (unscored > 0) warnings.push(`${unscored} further pixels of ${path} came out with an infinite score or none.`)

  const decider = deciderOf(pipeline)
  const given = options.threshold !== undefined ? { threshold: Math.fround(options.threshold), note: null } : null
  const judgement = given ?? (decider && judge(decider, judged, channels))
  if (judgement?.note) warnings.push(judgement.note)
  const threshold = judgement?.threshold ?? Infinity
  const decisions = judgement && decide(scores, threshold)
  const flagged = decisions?.reduce((sum, decision) => sum + decision, 0) ?? 0
  const metrics = targets && detectionMetrics(thresholdCurve(scores, targets), threshold)
  if (targets && !targets.includes(1)) warnings.push(`The mask of ${path} marks no anomalous pixel, so AUC and average precision are not defined.`)
  return { scores, judged, threshold, decisions, flagged, metrics, warnings, unusable }
}
