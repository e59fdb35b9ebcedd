import type { Written } from './documents'
import { refuseIfBad } from './documents'
import { runCase } from './node-graph'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'DeepSVDDScores'

goldenSuite('deepsvdd_scores', async (one) => {
  if (one.name !== 'errors') return expectCase(await runCase(name, one), one, { outputs: 1e-5, gradients: 1e-5 })
  await expectErrors('deepsvdd_scores', one, { dim_mismatch: () => refuseIfBad(twoSizes()) })
})

/** A centre of one projection beside the embeddings of another. */
function twoSizes(): Written {
  return {
    nodes: {
      cube: { type: 'Cube' }, four: { type: 'DeepSVDDProjection', config: { rep_dim: 4 } }, three: { type: 'DeepSVDDProjection', config: { rep_dim: 3 } },
      tracker: { type: 'DeepSVDDCenterTracker' }, scores: { type: name },
    },
    connections: [
      ['cube.cube', 'four.data'], ['cube.cube', 'three.data'], ['four.embeddings', 'tracker.embeddings'],
      ['three.embeddings', 'scores.embeddings'], ['tracker.center', 'scores.center'],
    ],
  }
}
