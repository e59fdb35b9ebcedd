import { refuseIfBad } from './documents'
import { runCase } from './node-graph'
import type { NodeCase } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'DeepSVDDSoftBoundaryLoss'

goldenSuite('deepsvdd_soft_boundary_loss', async (one) => {
  if (one.name === 'errors') return errors(one)
  expectCase(await runCase(name, one, { stage: 'train' }), one, { outputs: 1e-5, gradients: 1e-5 })
})

async function errors(one: NodeCase): Promise<void> {
  const loss = (config: Record<string, unknown>, other = 3) => ({
    nodes: {
      cube: { type: 'Cube' }, projection: { type: 'DeepSVDDProjection', config: { rep_dim: 3 } }, other: { type: 'DeepSVDDProjection', config: { rep_dim: other } },
      tracker: { type: 'DeepSVDDCenterTracker' }, scores: { type: 'DeepSVDDScores' }, loss: { type: name, config },
    },
    connections: [
      ['cube.cube', 'projection.data'], ['cube.cube', 'other.data'], ['other.embeddings', 'tracker.embeddings'], ['projection.embeddings', 'loss.embeddings'],
      ['tracker.center', 'loss.center'], ['other.embeddings', 'scores.embeddings'], ['tracker.center', 'scores.center'],
    ] as [string, string][],
  })
  refuseIfBad(loss({}))
  await expectErrors('deepsvdd_soft_boundary_loss', one, {
    nu0: () => refuseIfBad(loss({ nu: 0 })),
    nu1: () => refuseIfBad(loss({ nu: 1 })),
    bad_center: () => refuseIfBad(loss({}, 2)),
  })
}
