import { keptBands } from '../nodes/preprocessing'
import type { Pipeline } from '../pipeline/pipeline'
import { enteringBands, enteringWavelengths } from '../pipeline/pipeline'

/** Whether a pixel of [n, C] row-major pixels can be used. */
export type PixelTest = (pixels: Float32Array, pixel: number) => boolean

/**
 * The bands of the cube that a pipeline looks at, 0-based: all that enter it, unless every way out of the cube leads
 * through a band-pass. Bands that are left out or cut off may hold anything.
 */
export function usedBands(pipeline: Pipeline): number[] {
  const { nodes } = pipeline
  const entering = enteringBands(pipeline)
  const source = nodes.find(({ type }) => type.description.role === 'source')
  const readers = nodes.filter(({ inputs }) => Object.values(inputs).some(({ node, port }) => node === source?.name && port === 'cube'))
  if (readers.length === 0 || readers.some(({ type }) => type.description.type !== 'BandpassByWavelength')) return entering
  const used = new Set(readers.flatMap(({ parameters }) => {
    const limited = typeof parameters.min_wavelength_nm === 'number' || typeof parameters.max_wavelength_nm === 'number'
    return limited ? keptBands(parameters, entering.length, enteringWavelengths(pipeline)) : entering.map((_, at) => at)
  }))
  return entering.filter((_, at) => used.has(at))
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
