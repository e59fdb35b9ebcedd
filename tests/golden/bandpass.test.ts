import { expect } from 'vitest'
import { keptBands } from '../../src/engine/nodes/preprocessing'
import { oneNode, refuseIfBad } from './documents'
import { runCase } from './node-graph'
import { numbers } from './read-vectors'
import { expectCase, expectErrors, goldenSuite } from './suite'

const name = 'BandpassByWavelength'

goldenSuite('bandpass', async (one) => {
  if (one.name !== 'errors') {
    const wavelengthsNm = numbers((one.inputs ?? {}).wavelengths)
    return expectCase(await runCase(name, one, { wavelengthsNm }), one, { outputs: 0, gradients: 0 })
  }
  const limits = { min_wavelength_nm: 500, max_wavelength_nm: 650 }
  await expectErrors('bandpass', one, {
    empty: () => refuseIfBad(oneNode(name, { min_wavelength_nm: 2000 }), { channels: 3, wavelengthsNm: [400, 500, 600] }),
    length_mismatch: () => keptBands(limits, 6, [400, 450, 500, 550, 600]),
  })
  expect(() => refuseIfBad(oneNode(name, { min_wavelength_nm: 2000 }), { channels: 3, wavelengthsNm: [400, 500, 600] })).toThrow(/from 2000 nm.*400 nm to 600 nm/)
})
