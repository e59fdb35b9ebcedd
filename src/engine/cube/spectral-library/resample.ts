import type { CubeDescription } from '../../../shared/cube'
import { wavelengthsInNanometres } from '../wavelengths'

/** Beyond this distance from its centre, in widths (FWHM), the response of a band counts as nothing: 0.2 % of its peak. */
const REACH = 1.5
/** A response that is sampled more coarsely than this, in widths (FWHM), is not followed by a sum over the samples. */
const COARSEST = 0.5
/** Libraries mark channels without a value by numbers far beyond any reflectance (-1.23e34). */
const LARGEST_VALUE = 1e30

/** Band centres and widths in nanometres. */
export interface SpectralBands {
  /** [C] */
  centres: readonly number[]
  /** Full widths at half maximum [C]; null where there is no way to know. */
  widths: readonly (number | null)[]
}

/** A spectrum of a library: wavelengths in nanometres [N] in any order, values [N], NaN where there is none. */
export interface SampledSpectrum {
  wavelengthsNm: readonly number[]
  values: ArrayLike<number>
  /** 0-based channels that say nothing. */
  badChannels?: readonly number[]
}

/**
 * The bands of a cube in nanometres: its widths where it states them, otherwise the mean distance to the neighbouring
 * bands. null when it states no wavelengths, or none in a unit of length.
 */
export function spectralBands({ wavelengths, wavelengthUnit, fwhm }: Pick<CubeDescription, 'wavelengths' | 'wavelengthUnit' | 'fwhm'>): SpectralBands | null {
  const centres = wavelengthsInNanometres({ wavelengths, wavelengthUnit })
  if (!centres || !wavelengths) return null
  const stated = fwhm && wavelengthUnit !== null && fwhm.length === centres.length ? widthsInNanometres(wavelengths, fwhm, wavelengthUnit) : null
  const spaced = spacing(centres)
  return { centres, widths: centres.map((_, band) => (stated && stated[band] > 0 ? stated[band] : spaced[band])) }
}

/** A width in another unit spans what lies between its ends; in wavenumbers that depends on where it is. */
function widthsInNanometres(wavelengths: readonly number[], fwhm: readonly number[], unit: string): number[] {
  return wavelengths.map((centre, band) => {
    const ends = wavelengthsInNanometres({ wavelengths: [centre - fwhm[band] / 2, centre + fwhm[band] / 2], wavelengthUnit: unit })
    return ends ? Math.abs(ends[1] - ends[0]) : NaN
  })
}

function spacing(centres: readonly number[]): (number | null)[] {
  const order = centres.map((_, band) => band).sort((a, b) => centres[a] - centres[b])
  const widths: (number | null)[] = centres.map(() => null)
  order.forEach((band, at) => {
    const distances = [order[at - 1], order[at + 1]].filter((other) => other !== undefined).map((other) => Math.abs(centres[other] - centres[band])).filter((distance) => distance > 0)
    widths[band] = distances.length === 0 ? null : distances.reduce((sum, distance) => sum + distance, 0) / distances.length
  })
  return widths
}

/**
 * A spectrum at the bands of a cube [C], NaN where the spectrum says nothing of a band. Each band is the mean of the
 * spectrum weighted by a Gaussian response of the band's width,
 *
 *   value = sum s(l) g(l) dl / sum g(l) dl,   g(l) = exp(-4 ln 2 ((l - centre) / FWHM)^2),
 *
 * (the band model of Green et al., Imaging spectroscopy and AVIRIS, Remote Sensing of Environment 65 (1998)), with dl from
 * the trapezoid rule. Where the spectrum is sampled more coarsely than half the width, or does not cover the whole
 * response, it is interpolated linearly at the centre. A band says nothing when its centre lies outside the spectrum, or
 * beside a channel that holds no value: nothing is made up across a gap.
 */
export function resample(spectrum: SampledSpectrum, { centres, widths }: SpectralBands): Float64Array {
  const { wavelengths, values } = ordered(spectrum)
  return Float64Array.from(centres, (centre, band) => atBand(wavelengths, values, centre, widths[band]))
}

/** Ascending wavelengths; values at the same wavelength (detectors that overlap) as their mean. */
function ordered({ wavelengthsNm, values, badChannels = [] }: SampledSpectrum): { wavelengths: Float64Array; values: Float64Array } {
  const bad = new Set(badChannels)
  const order = wavelengthsNm.map((_, channel) => channel).filter((channel) => Number.isFinite(wavelengthsNm[channel])).sort((a, b) => wavelengthsNm[a] - wavelengthsNm[b])
  const wavelengths: number[] = []
  const means: number[] = []
  let count = 0
  for (const channel of order) {
    const value = bad.has(channel) || !(Math.abs(values[channel]) < LARGEST_VALUE) ? NaN : values[channel]
    const last = wavelengths.length - 1
    if (last >= 0 && wavelengths[last] === wavelengthsNm[channel]) {
      if (Number.isNaN(value)) continue
      count = Number.isNaN(means[last]) ? 1 : count + 1
      means[last] = count === 1 ? value : means[last] + (value - means[last]) / count
    } else {
      wavelengths.push(wavelengthsNm[channel])
      means.push(value)
      count = Number.isNaN(value) ? 0 : 1
    }
  }
  return { wavelengths: Float64Array.from(wavelengths), values: Float64Array.from(means) }
}

function atBand(wavelengths: Float64Array, values: Float64Array, centre: number, width: number | null): number {
  const above = firstFrom(wavelengths, centre)
  if (above === wavelengths.length) return NaN
  if (above === 0 && wavelengths[0] > centre) return NaN
  if (width !== null && width > 0) {
    const response = throughResponse(wavelengths, values, centre, width)
    if (!Number.isNaN(response)) return response
  }
  if (wavelengths[above] === centre) return values[above]
  const share = (centre - wavelengths[above - 1]) / (wavelengths[above] - wavelengths[above - 1])
  return (1 - share) * values[above - 1] + share * values[above]
}

/** The weighted mean over the response; NaN where the spectrum does not cover it, or too coarsely. */
function throughResponse(wavelengths: Float64Array, values: Float64Array, centre: number, width: number): number {
  const reach = REACH * width
  const last = wavelengths.length - 1
  if (wavelengths[0] > centre - reach || wavelengths[last] < centre + reach) return NaN
  let weights = 0
  let sum = 0
  for (let at = Math.max(1, firstFrom(wavelengths, centre - reach)); at < last && wavelengths[at] <= centre + reach; at += 1) {
    if (wavelengths[at] - wavelengths[at - 1] > COARSEST * width || wavelengths[at + 1] - wavelengths[at] > COARSEST * width) return NaN
    const weight = Math.exp(-4 * Math.LN2 * ((wavelengths[at] - centre) / width) ** 2) * (wavelengths[at + 1] - wavelengths[at - 1])
    weights += weight
    sum += weight * values[at]
  }
  return weights > 0 ? sum / weights : NaN
}

/** Index of the first wavelength that is at least `least`. */
function firstFrom(wavelengths: Float64Array, least: number): number {
  let low = 0
  let high = wavelengths.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (wavelengths[middle] < least) low = middle + 1
    else high = middle
  }
  return low
}
