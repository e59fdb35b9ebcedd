import { CuvetteError } from '../../shared/problem'
import type { Pipeline, PipelineNode } from '../pipeline/pipeline'
import { quantile } from './quantile'

/** How each kind of decider finds its threshold from the scores of one whole image. */
const rules: Readonly<Record<string, (scores: Float32Array, decider: PipelineNode) => number>> = {
  QuantileBinaryDecider: quantileRule,
}

function quantileRule(scores: Float32Array, { name, parameters }: PipelineNode): number {
  if (typeof parameters.threshold === 'number') return parameters.threshold
  const axes = Array.isArray(parameters.reduce_dims) ? parameters.reduce_dims.map((axis) => (axis + 4) % 4) : [1, 2, 3]
  if (!axes.includes(1) || !axes.includes(2) || axes.includes(0)) {
    throw new CuvetteError('unsupported', `The decider ${name} asks for thresholds over the axes ${axes.join(', ')}; whole scenes have one threshold each. Leave reduce_dims out, or give a threshold.`, { where: `nodes.${name}.config.reduce_dims` })
  }
  if (parameters.nan_policy === 'propagate' && scores.some(Number.isNaN)) {
    throw new CuvetteError('bad-data', `Some pixels have no score, and with nan_policy: propagate the decider ${name} would flag nothing at all; set nan_policy: omit, or give a threshold.`, { where: `nodes.${name}.config.nan_policy` })
  }
  return quantile(scores, parameters.quantile as number)
}

/** The decider of a pipeline; null when it has none. */
export function deciderOf(pipeline: Pipeline): PipelineNode | null {
  return pipeline.nodes.find(({ type }) => type.description.role === 'decider') ?? null
}

/**
 * The threshold that a decider's rule gives for the scores [N] of one image: a float32 number, exact over the whole
 * scene. NaN when no score is finite.
 */
export function thresholdByRule(decider: PipelineNode, scores: Float32Array): number {
  const { type } = decider.type.description
  const rule = rules[type]
  if (!rule) throw new CuvetteError('unsupported', `The decider ${decider.name} of type ${type} has no rule for whole scenes in this version; give a threshold.`, { where: `nodes.${decider.name}` })
  return Math.fround(rule(scores, decider))
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
