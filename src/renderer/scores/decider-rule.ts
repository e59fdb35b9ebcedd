import { logitOfProbability } from '../../shared/logit'
import type { ParameterValue } from '../../shared/nodes'
import { meanOfLargestOfSorted, quantileOfSorted } from '../../shared/quantile'

export type DeciderParameters = Readonly<Record<string, ParameterValue>>

/** A parameter of a rule that is set with a handle. */
export interface RuleHandle {
  parameter: string
  /** 'upper-tail': what matters is how far it is from 1; 'lower-tail': from 0. Both then move by powers. */
  scale: 'linear' | 'upper-tail' | 'lower-tail'
}

interface Rule {
  /** Parameter that holds a fixed threshold instead of the rule. */
  fixed: string
  handles: readonly RuleHandle[]
  threshold(parameters: DeciderParameters, sorted: Float32Array): number
  /** The parameter that moves along when the threshold itself is moved, and the value it would need. */
  follows: { parameter: string; at(threshold: number, shareBelow: number): number }
}

const quantile: Rule['follows'] = { parameter: 'quantile', at: (_threshold, shareBelow) => shareBelow }

/** The rules of the deciders over the finite scores of a scene, as the engine states them in inference/threshold.ts. */
const RULES: Readonly<Record<string, Rule>> = {
  BinaryDecider: {
    fixed: 'logit_threshold',
    handles: [{ parameter: 'threshold', scale: 'linear' }],
    threshold: (parameters) => logitOfProbability(parameters.threshold as number),
    follows: { parameter: 'threshold', at: (threshold) => 1 / (1 + Math.exp(-threshold)) },
  },
  QuantileBinaryDecider: {
    fixed: 'threshold',
    handles: [{ parameter: 'quantile', scale: 'upper-tail' }],
    threshold: (parameters, sorted) => quantileOfSorted(sorted, parameters.quantile as number),
    follows: quantile,
  },
  TwoStageBinaryDecider: {
    fixed: 'threshold',
    handles: [{ parameter: 'quantile', scale: 'upper-tail' }, { parameter: 'image_threshold', scale: 'linear' }, { parameter: 'top_k_fraction', scale: 'lower-tail' }],
    threshold: (parameters, sorted) =>
      meanOfLargestOfSorted(sorted, parameters.top_k_fraction as number) < Math.fround(parameters.image_threshold as number) ? Infinity : quantileOfSorted(sorted, parameters.quantile as number),
    follows: quantile,
  },
}

/** null for a kind of decider that has no rule here. */
export function ruleOf(type: string): Rule | null {
  return Object.hasOwn(RULES, type) ? RULES[type] : null
}

/** The threshold of a decider over finite scores in ascending order: the one it holds, else its rule's. Infinity: nothing is flagged. NaN without scores. */
export function thresholdBy(rule: Rule, parameters: DeciderParameters, sorted: Float32Array): number {
  const held = parameters[rule.fixed]
  return Math.fround(typeof held === 'number' ? held : rule.threshold(parameters, sorted))
}

/** Where a value lies along its handle, 0 to 1, among so many scores. */
export function handlePlace(scale: RuleHandle['scale'], value: number, count: number): number {
  if (scale === 'linear') return clamp(value)
  const tail = scale === 'upper-tail' ? 1 - value : value
  const along = clamp(-Math.log10(Math.max(tail, 1e-12)) / decades(count))
  return scale === 'upper-tail' ? along : 1 - along
}

/** The value at a place of the handle, rounded to what one can see. */
export function handleValue(scale: RuleHandle['scale'], place: number, count: number): number {
  if (scale === 'linear') return Number(clamp(place).toFixed(3))
  const tail = 10 ** (-decades(count) * (scale === 'upper-tail' ? place : 1 - place))
  const rounded = Number(tail.toPrecision(3))
  return scale === 'upper-tail' ? Number((1 - rounded).toFixed(9)) : rounded
}

/** From all scores to one of them. */
function decades(count: number): number {
  return Math.max(1, Math.log10(Math.max(count, 10)))
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value))
}
