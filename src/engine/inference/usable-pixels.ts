import { keptBands } from '../nodes/preprocessing'
import type { Pipeline } from '../pipeline/pipeline'

/** Whether a pixel of [n, C] row-major pixels can be used. */
export type PixelTest = (pixels: Float32Array, pixel: number) => boolean

/**
 * The bands of the cube that a pipeline looks at, 0-based: all of them, unless every way out of the cube leads through a
 * band-pass. Bands that are cut off may hold anything.
 */
export function usedBands({ nodes, facts }: Pipeline): number[] {
  const all = Array.from({ length: facts.channels }, (_, band) => band)
  const source = nodes.find(({ type }) => type.description.role === 'source')
  const readers = nodes.filter(({ inputs }) => Object.values(inputs).some(({ node, port }) => node === source?.name && port === 'cube'))
  if (readers.length === 0 || readers.some(({ type }) => type.description.type !== 'BandpassByWavelength')) return all
  const used = new Set(readers.flatMap(({ parameters }) => {
    const limited = typeof parameters.min_wavelength_nm === 'number' || typeof parameters.max_wavelength_nm === 'number'
    return limited ? keptBands(parameters, facts.channels, facts.wavelengthsNm) : all
  }))
  return all.filter((band) => used.has(band))
}

/** A pixel can be used when every band that the pipeline looks at holds a finite number (no-data values are NaN here). */
export function usablePixels(pipeline: Pipeline): PixelTest {
  const used = usedBands(pipeline)
  const bands = pipeline.facts.channels
  const from = used[0]
  const to = used[used.length - 1] + 1
  if (used.length === to - from) {
    return (pixels, pixel) => {
      const end = pixel * bands + to
      for (let at = pixel * bands + from; at < end; at += 1) if (!Number.isFinite(pixels[at])) return false
      return true
    }
  }
  return (pixels, pixel) => used.every((band) => Number.isFinite(pixels[pixel * bands + band]))
}
