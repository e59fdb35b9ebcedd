import { runCase } from './node-graph'
import { expectCase, goldenSuite } from './suite'

goldenSuite('normalizers', async (one) => {
  expectCase(await runCase('PerPixelUnitNorm', one), one, { outputs: 1e-5, gradients: 1e-5 })
})
