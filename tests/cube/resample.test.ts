import { describe, expect, it } from 'vitest'
import { resample, spectralBands } from '../../src/engine/cube/spectral-library/resample'

const range = (from: number, to: number, step: number) => Array.from({ length: Math.round((to - from) / step) + 1 }, (_, at) => from + at * step)
const sampled = (wavelengthsNm: number[], of: (nm: number) => number) => ({ wavelengthsNm, values: wavelengthsNm.map(of) })
const bands = (centres: number[], width: number | null) => ({ centres, widths: centres.map(() => width) })

describe('a spectrum at the bands of a cube', () => {
  it('keeps a constant and a straight line', () => {
    const centres = range(500, 900, 37)
    expect([...resample(sampled(range(400, 1000, 1), () => 0.25), bands(centres, 10))]).toEqual(centres.map(() => expect.closeTo(0.25, 12)))
    expect([...resample(sampled(range(400, 1000, 1), (nm) => 2 * nm + 1), bands(centres, 10))]).toEqual(centres.map((nm) => expect.closeTo(2 * nm + 1, 6)))
  })

  it('widens a Gaussian absorption to the root of the sum of squared widths', () => {
    // A Gaussian of width a, seen through a Gaussian of width b, has width c = sqrt(a^2 + b^2) and depth a / c. The
    // response is cut at 1.5 widths, where 0.04 % of its area is left.
    const [own, seen] = [30, 20]
    const through = Math.hypot(own, seen)
    const centres = range(600, 800, 5)
    const dip = (width: number, depth: number) => (nm: number) => 1 - depth * Math.exp(-4 * Math.LN2 * ((nm - 700) / width) ** 2)
    const found = resample(sampled(range(400, 1000, 1), dip(own, 0.5)), bands(centres, seen))
    const expected = centres.map(dip(through, (0.5 * own) / through))
    found.forEach((value, at) => expect(Math.abs(value - expected[at])).toBeLessThan(2e-4))
  })

  it('does not care how densely a part of the spectrum is sampled', () => {
    const uneven = [...range(400, 699, 1), ...range(700, 710, 0.1), ...range(711, 1000, 1)]
    const found = resample(sampled(uneven, (nm) => nm / 1000), bands([705, 698], 20))
    expect(found[0]).toBeCloseTo(0.705, 4)
    expect(found[1]).toBeCloseTo(0.698, 4)
  })

  it('interpolates where the spectrum is coarser than the bands, or their width is not known', () => {
    const coarse = sampled([400, 500, 600], (nm) => (nm === 500 ? 1 : 0))
    expect([...resample(coarse, bands([425, 500, 590], 10))]).toEqual([0.25, 1, expect.closeTo(0.1, 12)])
    expect([...resample(sampled(range(400, 600, 1), (nm) => nm), bands([500.25], null))]).toEqual([500.25])
  })

  it('interpolates at the ends of the spectrum, and says nothing beyond', () => {
    const found = resample(sampled(range(400, 600, 1), (nm) => nm), bands([399.9, 400, 402.5, 600, 600.1], 10))
    expect([...found]).toEqual([NaN, 400, 402.5, 600, NaN])
  })

  it('makes nothing up across a gap', () => {
    const gap = { ...sampled(range(400, 600, 1), (nm) => nm), badChannels: range(100, 120, 1) }
    expect([...resample(gap, bands([498, 499.5, 510, 520.5, 522], 4))]).toEqual([expect.closeTo(498, 6), NaN, NaN, NaN, expect.closeTo(522, 6)])
    const marked = sampled([400, 500, 600], (nm) => (nm === 500 ? -1.23e34 : 1))
    expect([...resample(marked, bands([450, 600], null))]).toEqual([NaN, 1])
  })

  it('takes wavelengths in any order, and the mean where detectors overlap', () => {
    expect([...resample({ wavelengthsNm: [600, 500, 400, 500, 500], values: [3, 2, 1, 4, NaN] }, bands([400, 500, 550], null))]).toEqual([1, 3, 3])
  })
})

describe('the bands of a cube', () => {
  it('have the stated widths in nanometres', () => {
    expect(spectralBands({ wavelengths: [0.5, 0.51], wavelengthUnit: 'µm', fwhm: [0.008, 0.009] })).toEqual({ centres: [500, 510], widths: [expect.closeTo(8, 9), expect.closeTo(9, 9)] })
    // 1e7 / 4995 - 1e7 / 5005 nm.
    expect(spectralBands({ wavelengths: [5000], wavelengthUnit: 'cm⁻¹', fwhm: [10] })).toEqual({ centres: [2000], widths: [expect.closeTo(4.000004, 5)] })
  })

  it('have the mean distance to their neighbours otherwise', () => {
    expect(spectralBands({ wavelengths: [500, 530, 510], wavelengthUnit: 'nm', fwhm: null })?.widths).toEqual([10, 20, 15])
    expect(spectralBands({ wavelengths: [500], wavelengthUnit: 'nm', fwhm: null })?.widths).toEqual([null])
  })

  it('are not known without wavelengths in a unit of length', () => {
    expect(spectralBands({ wavelengths: null, wavelengthUnit: null, fwhm: null })).toBeNull()
    expect(spectralBands({ wavelengths: [1, 2], wavelengthUnit: 'GHz', fwhm: null })).toBeNull()
  })
})
