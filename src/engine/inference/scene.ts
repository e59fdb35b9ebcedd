import type { DetectionMetrics } from '../../shared/metrics'
import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'
import type { Session } from '../onnx/session'
import { scorePorts } from '../pipeline/compile'
import { ancestors, looksAtImages } from '../pipeline/locality'
import type { Pipeline } from '../pipeline/pipeline'
import { localityOf } from '../nodes/node'
import type { JudgedPixels } from './detection'
import { detectionOf } from './detection'
import type { SceneScores } from './score'
import { scoreCube } from './score'
import type { ScoreRoom, Scores } from './scores'
import { decide, deciderOf, judgementOf, pixelScores } from './threshold'
import { usablePixels } from './usable-pixels'
import { answerOver } from './walks'

/** A scored cube: what `run` writes and `fit` states. To be closed. */
export interface Scene {
  /** What the decider judges [H, W, K]; NaN where a pixel could not be scored. `pixelScores` makes one number a pixel of them. */
  judged: Scores
  /** float32; Infinity where nothing is flagged: because the decider says so, or without a decider and a threshold of the user's. */
  threshold: number
  /** Whether there is a decider or a threshold, and so decisions. */
  decided: boolean
  flagged: number
  metrics: DetectionMetrics | null
  /** Sentences. */
  warnings: string[]
  unusable: number
}

/** Some consecutive pixels of a scored cube, as files and pictures show them. */
export interface ScenePixels {
  /** Index of the first pixel: line * samples + sample. */
  first: number
  /** [count], the largest where a pixel has several; NaN where it could not be scored. */
  scores: Float32Array
  /** [count], 1 = anomalous. */
  decisions: Uint8Array
}

/** The pixels of a scored cube in scan order, in blocks of whole lines. */
export async function* scenePixels({ judged, threshold }: Pick<Scene, 'judged' | 'threshold'>, samples: number): AsyncGenerator<ScenePixels> {
  for await (const { first, values } of judged.blocks(samples)) {
    const scores = pixelScores(values, judged.channels)
    yield { first, scores, decisions: decide(scores, threshold) }
  }
}

/** The same with targets [H, W]. */
export async function* judgedPixels(judged: Scores, targets: Uint8Array): AsyncGenerator<JudgedPixels> {
  for await (const { first, count, values } of judged.blocks()) yield { scores: pixelScores(values, judged.channels), targets: targets.subarray(first, first + count) }
}

export interface SceneOptions {
  bytes: number
  /** Largest image that goes through whole, where the scores need all of it; default: `bytes`. */
  imageBytes?: number
  /** Where the scores are kept; default: in memory. */
  room?: ScoreRoom
  /** Instead of the decider's rule. */
  threshold?: number
  signal?: AbortSignal
  onPixels?(count: number): void
}

/** Whether every node that the scores, or what `node` puts out, pass through looks at one pixel at a time. Deciders, and what is only looked at, are not among them. */
export function scoresAreLocal(pipeline: Pipeline, node = scorePorts(pipeline).scores.node): boolean {
  return !looksAtImages(pipeline, node)
}

/**
 * How far around a pixel the nodes behind the scores, or behind `node`, look, all of them together; null where one of them
 * needs the whole image.
 */
export function haloOf(pipeline: Pipeline, node = scorePorts(pipeline).scores.node): number | null {
  let halo = 0
  for (const { type, parameters } of ancestors(pipeline, [node])) {
    const locality = localityOf(type, parameters, 'inference')
    if (locality === 'pixel') continue
    if (locality !== 'neighbourhood' || !type.margin) return null
    halo += type.margin(parameters)
  }
  return halo
}

/**
 * Scores a cube, finds its threshold over the whole scene, and compares with targets [H, W] where there are some. Throws
 * CuvetteError('bad-data') when no pixel can be scored.
 */
export async function scoreScene(session: Session, pipeline: Pipeline, cube: Cube, targets: Uint8Array | null, options: SceneOptions): Promise<Scene> {
  const scored = await scoreCube(session, cube, { ...options, local: scoresAreLocal(pipeline), halo: haloOf(pipeline), usable: usablePixels(pipeline) })
  try {
    return await judgeScene(pipeline, cube, targets, scored, options.threshold)
  } catch (error) {
    await scored.scores.close()
    throw error
  }
}

async function judgeScene(pipeline: Pipeline, { description: { path, shape: [lines, samples] } }: Cube, targets: Uint8Array | null, { scores: judged, unusable, unscored }: SceneScores, given: number | undefined): Promise<Scene> {
  const total = lines * samples
  if (unusable === total) {
    throw new CuvetteError('bad-data', `No pixel of ${path} has a finite value in every band that is used, so nothing can be scored; check the no-data value and the bad bands.`, { path })
  }
  const warnings = unusable === 0 ? [] : [`${unusable} of ${total} pixels of ${path} lack a finite value in a band that is used; they have no score and are not flagged.`]
  if (unscored === total) {
    throw new CuvetteError('bad-data', `Every score of ${path} is infinite or not a number although the pixels are finite; the state of the pipeline does not fit these data.`, { path })
  }
  if (unscored > unusable) warnings.push(`${unscored - unusable} further pixels of ${path} came out with an infinite score or none.`)

  const decider = deciderOf(pipeline)
  const judgement = given !== undefined ? { threshold: Math.fround(given), note: null } : decider && (await answerOver(judgementOf(decider, judged.channels), () => valuesOf(judged)))
  if (judgement?.note) warnings.push(judgement.note)
  const threshold = judgement?.threshold ?? Infinity
  let flagged = 0
  if (judgement) for await (const { decisions } of scenePixels({ judged, threshold }, samples)) for (const decision of decisions) flagged += decision
  const metrics = targets && (await answerOver(detectionOf(threshold), () => judgedPixels(judged, targets)))
  if (targets && !targets.includes(1)) warnings.push(`The mask of ${path} marks no anomalous pixel, so AUC and average precision are not defined.`)
  return { judged, threshold, decided: judgement !== null, flagged, metrics, warnings, unusable }
}

/** The scores [n, K] of a scene, block by block. */
export async function* valuesOf(judged: Scores): AsyncGenerator<Float32Array> {
  for await (const { values } of judged.blocks()) yield values
}
