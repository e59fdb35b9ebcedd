import { expect } from 'vitest'
import type { NodeState, Stage } from '../../src/engine/nodes/node'
import { compileInference } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import type { Written } from './documents'
import { oneNode, pipelineOf, refuseIfBad } from './documents'
import { fitted, repositoryParameters, runNode, typeNamed } from './node-graph'
import type { NodeCase, StoredTensor } from './read-vectors'
import { expectClose, tensor } from './read-vectors'
import { expectErrors, goldenSuite } from './suite'

interface Metric {
  name: string
  value: number | string
}

interface TrackerCase extends NodeCase {
  center_after_init: StoredTensor
  center_after_init_f64?: StoredTensor
  sequence?: { context: { stage: string } | null; embeddings: StoredTensor; center: StoredTensor; metrics: Metric[] }[]
  embeddings?: StoredTensor
  center?: StoredTensor
  metrics?: Metric[]
}

const name = 'DeepSVDDCenterTracker'
const type = typeNamed(name)

/** The reference also moves the centre when it is given no context at all; here that is training. */
const stages: Record<string, Stage> = { train: 'train', val: 'validation', test: 'validation', inference: 'inference', none: 'train' }

goldenSuite<TrackerCase>('deepsvdd_center_tracker', async (one) => {
  if (one.name === 'errors') return errors(one)
  const size = one.center_after_init.shape[0]
  const parameters = repositoryParameters(type, { rep_dim: size, ...one.hparams })
  let state: NodeState = { _tracked_center: tensor(one.center_after_init) }
  if (one.init_stream) {
    state = await fitted(type, parameters, one.init_stream.map(tensor))
    expectClose(state._tracked_center, one.center_after_init, 1e-5)
    expectClose(state._tracked_center, one.center_after_init_f64 as StoredTensor, 1e-6)
  }
  const steps = one.sequence ?? [{ context: { stage: 'train' }, embeddings: one.embeddings as StoredTensor, center: one.center as StoredTensor, metrics: one.metrics ?? [] }]
  for (const { context, embeddings, center, metrics } of steps) {
    const { outputs, next } = await runNode({ type, parameters, inputs: { embeddings: tensor(embeddings) }, state, stage: stages[context?.stage ?? 'none'] })
    expectClose(outputs.center, center, 1e-5, context?.stage)
    const reported = type.measurement?.measure(parameters, outputs) ?? {}
    expect(Object.keys(reported)).toEqual(metrics.map((metric) => metric.name))
    for (const metric of metrics) {
      if (metric.value === 'NaN') expect(reported[metric.name]).toBeNaN()
      else expect(reported[metric.name]).toBeCloseTo(Number(metric.value), 5)
    }
    if (next._tracked_center) {
      expect(next._tracked_center.data).toEqual(outputs.center.data)
      state = next
    }
  }
})

/** A pipeline whose trainer unfreezes the centre. */
function unfrozen(): Written {
  return {
    nodes: {
      cube: { type: 'Cube' }, projection: { type: 'DeepSVDDProjection', config: { rep_dim: 2 } }, tracker: { type: name },
      scores: { type: 'DeepSVDDScores' }, loss: { type: 'DeepSVDDSoftBoundaryLoss' },
    },
    connections: [
      ['cube.cube', 'projection.data'], ['projection.embeddings', 'tracker.embeddings'], ['projection.embeddings', 'scores.embeddings'],
      ['tracker.center', 'scores.center'], ['projection.embeddings', 'loss.embeddings'], ['tracker.center', 'loss.center'],
    ],
    trainer: { unfreeze: ['projection', 'tracker'] },
  }
}

async function errors(one: NodeCase): Promise<void> {
  const pixel = (channels: number) => tensor({ shape: [1, 1, 1, channels], dtype: 'float32', data: new Array(channels).fill(0.5) })
  expect(type.description.inputs[0].aliases).toContain('data')
  await expectErrors('deepsvdd_center_tracker', one, {
    alpha_zero: () => refuseIfBad(oneNode(name, { rep_dim: 2, alpha: 0 }, 'embeddings')),
    alpha_gt_1: () => refuseIfBad(oneNode(name, { rep_dim: 2, alpha: 1.5 }, 'embeddings')),
    rep_dim_zero: () => refuseIfBad(oneNode(name, { rep_dim: 0 }, 'embeddings')),
    forward_before_init: () => {
      const pipeline = pipelineOf({ ...unfrozen(), trainer: { unfreeze: ['projection'] } }, { channels: 3, wavelengthsNm: null })
      return compileInference(pipeline, initialState(pipeline, 1))
    },
    init_dim_mismatch: () => fitted(type, repositoryParameters(type, { rep_dim: 2 }), [pixel(3)]),
    empty_stream: () => fitted(type, repositoryParameters(type, { rep_dim: 2 }), []),
    train_forward_after_unfreeze: () => refuseIfBad(unfrozen()),
  })
}
