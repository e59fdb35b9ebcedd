import { describe, expect, it } from 'vitest'
import { guessedUnit, normalisedUnit, wavelengthsInNanometres } from '../../src/engine/cube/wavelengths'

describe('wavelength units', () => {
  it('are written with their usual signs', () => {
    expect(['Nanometers', ' NM ', 'Micrometers', 'μm', 'cm-1', 'MHz', 'Unknown', 'Index', '', null].map(normalisedUnit)).toEqual(['nm', 'nm', 'µm', 'µm', 'cm⁻¹', 'MHz', null, null, null, null])
  })

  it('are guessed from the range of optical sensors', () => {
    expect([[400, 2500], [0.4, 2.5], [8, 12.5], [1, 425], []].map((values) => guessedUnit(values))).toEqual(['nm', 'µm', 'µm', null, null])
  })

  it('convert to nanometres where they are lengths or wavenumbers', () => {
    expect(wavelengthsInNanometres({ wavelengths: [450, 550.5], wavelengthUnit: 'nm' })).toEqual([450, 550.5])
    expect(wavelengthsInNanometres({ wavelengths: [0.5, 2.5], wavelengthUnit: 'µm' })).toEqual([500, 2500])
    expect(wavelengthsInNanometres({ wavelengths: [10000, 4000], wavelengthUnit: 'cm⁻¹' })).toEqual([1000, 2500])
    expect(wavelengthsInNanometres({ wavelengths: [1, 2], wavelengthUnit: 'GHz' })).toBeNull()
    expect(wavelengthsInNanometres({ wavelengths: [450], wavelengthUnit: null })).toBeNull()
    expect(wavelengthsInNanometres({ wavelengths: null, wavelengthUnit: 'nm' })).toBeNull()
  })
})
