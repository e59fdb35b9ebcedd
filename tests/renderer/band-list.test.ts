import { describe, expect, it } from 'vitest'
import { bandListCsv, bandListJson } from '../../src/renderer/format/band-list'

const cube = { wavelengths: [450, 500.5, 550], wavelengthUnit: 'Nano"meters' }

describe('a list of chosen bands', () => {
  it('is CSV with numbers, indices and wavelengths', () => {
    expect(bandListCsv([2, 1], cube)).toBe('output,band,index,wavelength,unit\n1,3,2,550,"Nano""meters"\n2,2,1,500.5,"Nano""meters"\n')
    expect(bandListCsv([2], { wavelengths: null, wavelengthUnit: null })).toBe('output,band,index,wavelength,unit\n1,3,2,,\n')
    expect(bandListCsv([2], null)).toBe('output,band,index,wavelength,unit\n1,3,2,,\n')
  })

  it('is JSON that says who chose them', () => {
    expect(JSON.parse(bandListJson([0], cube, { run: 'R', node: 'selector' }))).toEqual({
      run: 'R', node: 'selector', wavelengthUnit: 'Nano"meters', bands: [{ output: 1, band: 1, index: 0, wavelength: 450 }],
    })
  })
})
