import { CuvetteError } from '../../shared/problem'
import type { Pipeline, PipelineNode } from '../pipeline/pipeline'
import { logitOfProbability } from '../../shared/logit'
import { meanOfLargestOf, quantileOf } from './quantile'
import type { Question } from './walks'
import { answer, through } from './walks'

/** What a decider's rule makes of the scores of one whole image. */
export interface Judgement {
  /** float32, on the axis of the scores; Infinity: nothing is flagged; NaN when no score is finite. */
  threshold: number
  /** A sentence about what the threshold does not say by itself. */
  note: string | null
}

interface Rule {
  /** Parameter that holds a fixed threshold on the scores, instead of the rule. */
  fixed: string
  /** About the scores [N, channels]. */
  judge(decider: PipelineNode, channels: number): Question<number | Judgement>
}

/** How each kind of decider finds its threshold from the scores of one whole image. */
const rules: Readonly<Record<string, Rule>> = {
  BinaryDecider: { fixed: 'logit_threshold', judge: probabilityRule },
  QuantileBinaryDecider: { fixed: 'threshold', judge: quantileRule },
  TwoStageBinaryDecider: { fixed: 'threshold', judge: twoStageRule },
}

// Needs no walk.
function* probabilityRule({ parameters }: PipelineNode): Question<number> {
  return logitOfProbability(parameters.threshold as number)
}

function* quantileRule(decider: PipelineNode, channels: number): Question<number> {
  requireOneThreshold(decider, channels)
  yield* refuseMissing(decider)
  return yield* quantileOf(decider.parameters.quantile as number)
}

/**
 * A scene has one threshold: the overlay, the curves and the metrics are of it. Refuses deciders that ask for one per
 * line, sample or channel, which only the exported graph has. A scene is a batch of its own, so the first axis of
 * `reduce_dims` changes nothing. Throws CuvetteError('unsupported').
 */
export function requireOneThreshold({ name, type, parameters }: PipelineNode, channels: number): void {
  if (!Array.isArray(parameters.reduce_dims) || typeof parameters[ruleOf({ name, type }).fixed] === 'number' || type.description.type !== 'QuantileBinaryDecider') return
  const axes = parameters.reduce_dims.map((axis) => (axis + 4) % 4)
  const kept = [1, 2, 3].filter((axis) => !axes.includes(axis) && (axis !== 3 || channels > 1))
  if (kept.length === 0) return
  const what = kept.map((axis) => ['line', 'sample', 'channel'][axis - 1]).join(' and ')
  throw new CuvetteError('unsupported', `The decider ${name} has reduce_dims [${parameters.reduce_dims.join(', ')}], a threshold for each ${what}; a scene has one threshold. Leave reduce_dims out, or give a threshold.`, { where: `nodes.${name}.config.reduce_dims` })
}

function* twoStageRule(decider: PipelineNode, channels: number): Question<number | Judgement> {
  const { name, parameters } = decider
  yield* refuseMissing(decider)
  const { mean, count } = yield* through((scores: Float32Array) => pixelScores(scores, channels), meanOfLargestOf(parameters.top_k_fraction as number))
  const gate = Math.fround(parameters.image_threshold as number)
  if (mean < gate) {
    return { threshold: Infinity, note: `The decider ${name} flags nothing: the mean of the ${count} largest scores is ${Number(mean.toPrecision(4))}, below its image_threshold of ${parameters.image_threshold as number}.` }
  }
  return yield* quantileOf(parameters.quantile as number)
}

function* refuseMissing({ name, parameters }: PipelineNode): Question<void> {
  if (parameters.nan_policy !== 'propagate') return
  let missing = false
  yield (scores) => { missing ||= scores.some(Number.isNaN) }
  if (!missing) return
  throw new CuvetteError('bad-data', `Some pixels have no score, and with nan_policy: propagate the decider ${name} would flag nothing at all; set nan_policy: omit, or give a threshold.`, { where: `nodes.${name}.config.nan_policy` })
}

/** The decider of a pipeline; null when it has none. */
export function deciderOf(pipeline: Pipeline): PipelineNode | null {
  return pipeline.nodes.find(({ type }) => type.description.role === 'decider') ?? null
}

/** The parameter with which a decider holds a fixed threshold on the axis of the scores. */
export function fixedThresholdOf(decider: PipelineNode): string {
  return ruleOf(decider).fixed
}

/**
 * The question what a decider's rule makes of the scores [N, channels] of one image, exact over the whole scene; blocks
 * hold whole pixels. A threshold that the decider holds comes before its rule.
 */
export function* judgementOf(decider: PipelineNode, channels: number): Question<Judgement> {
  const rule = ruleOf(decider)
  const held = decider.parameters[rule.fixed]
  const found = typeof held === 'number' ? held : yield* rule.judge(decider, channels)
  return typeof found === 'number' ? { threshold: Math.fround(found), note: null } : found
}

/** The same of scores in memory. */
export function judge(decider: PipelineNode, scores: Float32Array, channels = 1): Judgement {
  return answer(judgementOf(decider, channels), scores)
}

/** The threshold of `judge`: a float32 number. */
export function thresholdByRule(decider: PipelineNode, scores: Float32Array, channels = 1): number {
  return judge(decider, scores, channels).threshold
}

function ruleOf({ name, type }: Pick<PipelineNode, 'name' | 'type'>): Rule {
  const rule = rules[type.description.type] as Rule | undefined
  if (!rule) throw new CuvetteError('unsupported', `The decider ${name} of type ${type.description.type} has no rule for whole scenes in this version; give a threshold.`, { where: `nodes.${name}` })
  return rule
}

/** The largest score of every pixel [N] of scores [N, channels]; NaN where one of them is not finite. One channel: the same array. */
export function pixelScores(scores: Float32Array, channels: number): Float32Array {
  if (channels === 1) return scores
  const largest = new Float32Array(scores.length / channels)
  for (let pixel = 0, at = 0; pixel < largest.length; pixel += 1) {
    let most = -Infinity
    for (const end = at + channels; at < end; at += 1) most = Number.isFinite(scores[at]) ? Math.max(most, scores[at]) : Number.NaN
    largest[pixel] = most
  }
  return largest
}

/**
 * Decisions [N], 1 = anomalous: score >= threshold. This is the one place of the rule outside the graph; both
 * numbers are float32. A pixel without a score (NaN) is not flagged.
 */
export function decide(scores: Float32Array, threshold: number): Uint8Array {
  const limit = Math.fround(threshold)
  const decisions = new Uint8Array(scores.length)
  for (let index = 0; index < scores.length; index += 1) decisions[index] = scores[index] >= limit ? 1 : 0
  return decisions
}
