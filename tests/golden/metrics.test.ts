import { expect } from 'vitest'
import type { Written } from './documents'
import { refuseIfBad } from './documents'
import { repositoryParameters, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { numbers, tensors } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

interface Metrics {
  metrics: { name: string; value: number | string }[]
}

type MetricsCase = Omit<NodeCase, 'outputs'> & { outputs: Metrics; outputs_without_logits?: Metrics; entropy?: Metrics; execution_stages?: Record<string, string[]> }

const type = typeNamed('AnomalyDetectionMetrics')

// Metrics of one port, by the names of their cases.
const others: readonly [prefix: string, type: string][] = [
  ['score_statistics_', 'ScoreStatisticsMetric'],
  ['anomaly_pixel_statistics', 'AnomalyPixelStatisticsMetric'],
  ['explained_variance_', 'ExplainedVarianceMetric'],
  ['component_orthogonality_', 'ComponentOrthogonalityMetric'],
  ['selector_entropy_', 'SelectorEntropyMetric'],
  ['selector_diversity_', 'SelectorDiversityMetric'],
  ['selector_zero_weights', 'SelectorDiversityMetric'],
]

goldenSuite<MetricsCase>('metrics', async (one) => {
  if (one.name === 'stages') return stages(one)
  const other = others.find(([prefix]) => one.name.startsWith(prefix))?.[1]
  if (one.entropy) expectMetrics(measured('SelectorEntropyMetric', one), one.entropy)
  if (other) return expectMetrics(measured(other, one), one.outputs)
  const { decisions, targets, logits } = tensors(one.inputs as Record<string, StoredTensor>)
  const parameters = repositoryParameters(type)
  expectMetrics(type.measurement?.measure(parameters, { decisions, targets, logits }) ?? {}, one.outputs)
  if (one.outputs_without_logits) expectMetrics(type.measurement?.measure(parameters, { decisions, targets }) ?? {}, one.outputs_without_logits)
  // The default ranks the scores themselves, so that large ones are not made equal.
  const found = type.measurement?.measure({ average_precision_of: 'scores' }, { decisions, targets, logits }).average_precision
  expect(found).toBeCloseTo(plainAveragePrecision(numbers(logits), numbers(targets)), 12)
})

function measured(name: string, one: MetricsCase): Record<string, number> {
  const { measurement } = typeNamed(name)
  return measurement?.measure(repositoryParameters(typeNamed(name)), tensors(one.inputs as Record<string, StoredTensor>)) ?? {}
}

/** Recall steps times precision over all thresholds, by counting. */
function plainAveragePrecision(scores: number[], targets: number[]): number {
  const thresholds = [...new Set(scores)].sort((a, b) => b - a)
  const positives = targets.reduce((sum, target) => sum + target, 0)
  let [recall, sum] = [0, 0]
  for (const threshold of positives > 0 ? thresholds : []) {
    const flagged = scores.flatMap((score, index) => (score >= threshold ? [targets[index]] : []))
    const found = flagged.reduce((total, target) => total + target, 0)
    sum += (found / positives - recall) * (found / flagged.length)
    recall = found / positives
  }
  return sum
}

function expectMetrics(found: Record<string, number>, expected: Metrics): void {
  expect(Object.keys(found)).toEqual(expected.metrics.map(({ name }) => name))
  for (const { name, value } of expected.metrics) {
    const wanted = Number(value)
    if (Number.isNaN(wanted)) expect(found[name], name).toBeNaN()
    // float64 here, float32 there.
    else expect(Math.abs(found[name] - wanted), name).toBeLessThanOrEqual(1e-7 * Math.max(1, Math.abs(wanted) * 3))
  }
}

async function stages(one: MetricsCase): Promise<void> {
  expect(one.execution_stages?.AnomalyDetectionMetrics).toEqual(['test', 'val'])
  // A metric is measured from tensors; there is nothing of it that a graph of any stage could hold.
  expect(type.description.role).toBe('metric')
  expect(type.write).toBeUndefined()
  const withoutTargets: Written = {
    nodes: { cube: { type: 'Cube' }, rx: { type: 'RXGlobal' }, decider: { type: 'QuantileBinaryDecider' }, metrics: { type: 'AnomalyDetectionMetrics' } },
    connections: [['cube.cube', 'rx.data'], ['rx.scores', 'decider.logits'], ['decider.decisions', 'metrics.decisions']],
  }
  await expectErrors('metrics', one as unknown as NodeCase, { no_targets: () => refuseIfBad(withoutTargets) })
}
