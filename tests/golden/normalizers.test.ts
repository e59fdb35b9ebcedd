import { runCase } from './node-graph'
import { expectCase, goldenSuite } from './suite'

goldenSuite('normalizers', async (one) => {
  // Deviations from the mean are differences of numbers some ten times larger.
  expectCase(await runCase('PerPixelUnitNorm', one), one, { outputs: 1e-5, gradients: 1e-5, cancelled: 0.1 })
})
