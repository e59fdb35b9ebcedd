import { expect } from 'vitest'
import type { Written } from './documents'
import { refuseIfBad } from './documents'
import { repositoryParameters, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { tensors } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

interface Metrics {
  metrics: { name: string; value: number }[]
}

type MetricsCase = Omit<NodeCase, 'outputs'> & { outputs: Metrics; outputs_without_logits?: Metrics; execution_stages?: Record<string, string[]> }

const type = typeNamed('AnomalyDetectionMetrics')

goldenSuite<MetricsCase>('metrics', async (one) => {
  if (one.name === 'stages') return stages(one)
  const { decisions, targets, logits } = tensors(one.inputs as Record<string, StoredTensor>)
  const parameters = repositoryParameters(type)
  expectMetrics(type.measurement?.measure(parameters, { decisions, targets, logits }) ?? {}, one.outputs)
  if (one.outputs_without_logits) expectMetrics(type.measurement?.measure(parameters, { decisions, targets }) ?? {}, one.outputs_without_logits)
  // Ranking the scores themselves agrees wherever the sigmoid in float32 makes no ties.
  if (one.name === 'anomaly_detection_saturated_sigmoid_ap') {
    expect(type.measurement?.measure({ average_precision_of: 'scores' }, { decisions, targets, logits }).average_precision).toBeCloseTo(5 / 6, 12)
  } else {
    expectMetrics(type.measurement?.measure({ average_precision_of: 'scores' }, { decisions, targets, logits }) ?? {}, one.outputs)
  }
})

function expectMetrics(found: Record<string, number>, expected: Metrics): void {
  expect(Object.keys(found)).toEqual(expected.metrics.map(({ name }) => name))
  for (const { name, value } of expected.metrics) expect(Math.abs(found[name] - value), name).toBeLessThanOrEqual(1e-7)
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
