import { expect } from 'vitest'
import { fitted, repositoryParameters, runCase, typeNamed } from './node-graph'
import type { NodeState, Parameters } from '../../src/engine/nodes/node'
import { randomSource } from '../../src/engine/nodes/random'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'ScoreToLogit'
const type = typeNamed(name)

interface LogitCase extends NodeCase {
  predict_anomalies?: StoredTensor
  ref_f64?: { bias_mean_plus_2std_ddof1: number }
  requires_initial_fit?: boolean
}

goldenSuite<LogitCase>('score_to_logit', async (one) => {
  if (one.name === 'errors') return errors(one)
  const parameters = repositoryParameters(type, one.hparams)
  const found = one.init_stream ? await fitted(type, parameters, one.init_stream.map(tensor)) : initial(parameters)
  for (const key of ['scale', 'bias'] as const) expectClose(found[key], (one.init_state ?? {})[key], 1e-6, key)
  if (one.init_stream) expect(Math.abs(Number(found.bias.data[0]) / (one.ref_f64?.bias_mean_plus_2std_ddof1 ?? NaN) - 1)).toBeLessThan(1e-7)
  if (one.requires_initial_fit !== undefined) expect(type.description.needsStatistics).toBe(one.requires_initial_fit)
  const run = await runCase(name, one)
  expectCase(run, one, { outputs: 1e-5, gradients: 1e-5 })
  // An anomaly is a logit of 0 or more where the scale is positive: the score is at least the bias.
  if (one.predict_anomalies && Number((one.init_state ?? {}).scale.data[0]) > 0) {
    expect(numbers(run.outputs.logits).map((logit) => (logit >= 0 ? 1 : 0))).toEqual(numbers(one.predict_anomalies))
  }
})

function initial(parameters: Parameters): NodeState {
  if (!type.initialise) throw new Error('The node has no first values.')
  return type.initialise(parameters, randomSource(0, 'node'))
}

async function errors(one: NodeCase): Promise<void> {
  const parameters = repositoryParameters(type)
  const scores = (count: number) => tensor({ shape: [1, 1, count, 1], dtype: 'float32', data: new Array(count).fill(0.5) })
  await expectErrors('score_to_logit', one, {
    empty: () => fitted(type, parameters, []),
    one_value: () => fitted(type, parameters, [scores(1)]),
  })
}
