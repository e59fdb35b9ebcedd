import { describe, expect, it } from 'vitest'
import { bandText, spectralRange, unitSymbol, wavelengthText } from '../../src/renderer/format/bands'
import { firstBand, firstComposite, nanometres, nearestBand, presets } from '../../src/shared/band-choice'
import { STRETCHES, stretchLimits } from '../../src/renderer/viewer/stretch'
import { badIntervals, bandOrder } from '../../src/renderer/charts/spectrum-option'

const base = { shape: [10, 10, 61] as [number, number, number], wavelengths: null, wavelengthUnit: null, badBands: [], defaultBands: null, bandNames: null }
const visible = { ...base, wavelengths: Array.from({ length: 61 }, (_, band) => 430 + band * 8), wavelengthUnit: 'Nanometers' }

describe('choice of bands', () => {
  it('finds RGB and CIR where the wavelengths reach', () => {
    expect(presets(visible)).toEqual([
      { id: 'rgb', label: 'RGB', bands: [26, 15, 4] },
      { id: 'cir', label: 'CIR', bands: [52, 28, 15] },
    ])
    const shortwave = { ...visible, wavelengths: visible.wavelengths.map((value) => value + 1000) }
    expect(presets(shortwave)).toEqual([])
    expect(presets({ ...visible, wavelengths: visible.wavelengths.map((value) => Math.min(value, 700)) }).map(({ id }) => id)).toEqual(['rgb'])
  })

  it('reads micrometres and refuses units it does not know', () => {
    const micro = { ...visible, wavelengths: visible.wavelengths.map((value) => value / 1000), wavelengthUnit: 'Micrometers' }
    expect(presets(micro)[0].bands).toEqual([26, 15, 4])
    expect(nanometres({ ...visible, wavelengthUnit: 'Wavenumber' })).toBeNull()
    expect(presets({ ...visible, wavelengthUnit: null })).toEqual([])
  })

  it('leaves bad bands out, unless all are bad', () => {
    expect(presets({ ...visible, badBands: [26] })[0].bands[0]).toBe(27)
    expect(nearestBand({ ...visible, badBands: [0, 1] }, 430)).toBe(2)
    expect(nearestBand({ ...visible, badBands: visible.wavelengths.map((_, band) => band) }, 430)).toBe(0)
    expect(nearestBand(base, 430)).toBeNull()
  })

  it('begins with RGB, else with what the file proposes, else with bands spread over the range', () => {
    expect(firstComposite(visible)).toEqual([26, 15, 4])
    expect(firstComposite({ ...base, defaultBands: [9, 8, 7] })).toEqual([9, 8, 7])
    expect(firstComposite({ ...base, defaultBands: [99, 8, 7] })).toEqual([50, 30, 10])
    expect(firstComposite({ ...base, shape: [5, 5, 1] })).toEqual([0, 0, 0])
    expect(firstBand({ ...base, defaultBands: [12] })).toBe(12)
    expect(firstBand({ ...base, defaultBands: [61] })).toBe(30)
  })
})

describe('stretch', () => {
  const percentiles = Array.from({ length: 101 }, (_, index) => index * 10)

  it('takes its limits from the percentiles', () => {
    const limits = Object.fromEntries(STRETCHES.map((stretch) => [stretch.id, stretchLimits({ percentiles, validPixels: 5 }, stretch)]))
    expect(limits).toEqual({ p2: [20, 980], p1: [10, 990], minmax: [0, 1000] })
  })

  it('shows a constant band as middle grey and one without pixels without a division by zero', () => {
    const constant = { percentiles: percentiles.map(() => 4), validPixels: 9 }
    expect(stretchLimits(constant, STRETCHES[0])).toEqual([2, 6])
    expect(stretchLimits({ percentiles: percentiles.map(() => 0), validPixels: 9 }, STRETCHES[0])).toEqual([-0.5, 0.5])
    expect(stretchLimits({ percentiles: [], validPixels: 0 }, STRETCHES[0])).toEqual([0, 1])
  })

  it('falls back to the extremes where the percentiles agree', () => {
    const spiky = percentiles.map((_, index) => (index === 100 ? 7 : 1))
    expect(stretchLimits({ percentiles: spiky, validPixels: 9 }, STRETCHES[0])).toEqual([1, 7])
  })
})

describe('bands in words', () => {
  it('counts from 1 and names the wavelength', () => {
    expect(bandText(visible, 0)).toBe('Band 1 · 430.0 nm')
    expect(bandText({ ...base, bandNames: ['coastal'] }, 0)).toBe('Band 1 · coastal')
    expect(bandText(base, 4)).toBe('Band 5')
    expect(wavelengthText({ ...base, wavelengths: [0.4312], wavelengthUnit: 'Micrometers' }, 0)).toBe('0.4312 µm')
  })

  it('names the range and the unit', () => {
    expect(spectralRange(visible)).toBe('430–910 nm')
    expect(spectralRange({ ...base, wavelengths: [2.5, 0.4], wavelengthUnit: 'um' })).toBe('0.40–2.50 µm')
    expect(spectralRange(base)).toBeNull()
    expect(unitSymbol('Index')).toBe('Index')
  })
})

describe('bands along the axis of the plot', () => {
  it('sorts wavelengths that the file does not sort', () => {
    expect(bandOrder({ ...base, wavelengths: [600, 400, 500] })).toEqual([1, 2, 0])
  })

  it('shades runs of bad bands half way to their neighbours', () => {
    const cube = { ...base, shape: [1, 1, 6] as [number, number, number], wavelengths: [10, 20, 30, 40, 50, 60], badBands: [0, 2, 3] }
    expect(badIntervals(cube)).toEqual([[10, 15], [25, 45]])
    expect(badIntervals({ ...cube, badBands: [] })).toEqual([])
  })
})
