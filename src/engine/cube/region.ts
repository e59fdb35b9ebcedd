import type { CubeDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import type { Cube, Window } from './cube'
import { fillPolygon } from './formats/coco-outlines'

/** A part of an image; exactly one of them. Lines and samples count from 0. */
export interface RegionShape {
  /** [line, sample] */
  pixel?: readonly number[]
  /** [line, sample, lines, samples] */
  rectangle?: readonly number[]
  /** Corners [line, sample], in which a pixel reaches from its number to the next. */
  polygon?: readonly (readonly number[])[]
}

/** Pixels of one cube. */
export interface Region {
  cube: Cube
  /** Outside of it there is nothing. */
  window: Window
  /** Which pixels of the image, by line * samples + sample; absent: all of the window. */
  holds?(pixel: number): boolean
}

/** A region is read in pieces of about this many bytes. */
const READ_BYTES = 32 * 2 ** 20

/**
 * A part of a cube. A pixel belongs to a polygon when its centre lies inside by the even-odd rule. Throws
 * CuvetteError('bad-argument') for a part that reaches out of the image or holds no pixel.
 */
export function regionOf(cube: Cube, { pixel, rectangle, polygon }: RegionShape): Region {
  const { path, shape: [lines, samples] } = cube.description
  if (polygon) {
    const outside = polygon.find(([line, sample]) => line < 0 || sample < 0 || line > lines || sample > samples)
    if (outside) throw beyond(`corner of the polygon at line ${outside[0]}, sample ${outside[1]}`, cube.description)
    const values = new Uint8Array(lines * samples)
    fillPolygon({ lines, samples, values }, polygon.flatMap(([line, sample]) => [sample, line]), 1)
    if (!values.includes(1)) throw new CuvetteError('bad-argument', `The polygon holds the centre of no pixel of ${path}; draw it larger.`, { path })
    const [first, last] = [0, 1].map((axis) => [Math.floor(Math.min(...polygon.map((corner) => corner[axis]))), Math.ceil(Math.max(...polygon.map((corner) => corner[axis])))])
    return { cube, window: { line: first[0], sample: last[0], lines: first[1] - first[0], samples: last[1] - last[0] }, holds: (at) => values[at] === 1 }
  }
  const [line, sample, height, width] = rectangle ?? [...(pixel ?? []), 1, 1]
  if (line + height > lines || sample + width > samples) {
    throw beyond(rectangle ? `rectangle of ${height} lines and ${width} samples at line ${line}, sample ${sample}` : `pixel at line ${line}, sample ${sample}`, cube.description)
  }
  return { cube, window: { line, sample, lines: height, samples: width } }
}

/**
 * Mean spectrum [bands] over regions of cubes with the same bands, in float64; each band over its finite values, NaN where
 * there is none. Throws as reading does.
 */
export async function meanSpectrum(regions: readonly Region[], signal?: AbortSignal): Promise<Float64Array> {
  const bands = regions[0].cube.description.shape[2]
  const sums = new Float64Array(bands)
  const counts = new Float64Array(bands)
  for (const { cube, window, holds } of regions) {
    const width = cube.description.shape[1]
    const step = Math.max(1, Math.floor(READ_BYTES / (4 * bands * window.samples)))
    for (let line = window.line; line < window.line + window.lines; line += step) {
      const piece = { ...window, line, lines: Math.min(step, window.line + window.lines - line) }
      const pixels = await cube.readPixels(piece, null, undefined, signal)
      for (let pixel = 0; pixel < piece.lines * piece.samples; pixel += 1) {
        const place = (line + Math.floor(pixel / piece.samples)) * width + piece.sample + (pixel % piece.samples)
        if (holds && !holds(place)) continue
        for (let band = 0, at = pixel * bands; band < bands; band += 1, at += 1) {
          if (!Number.isFinite(pixels[at])) continue
          sums[band] += pixels[at]
          counts[band] += 1
        }
      }
    }
  }
  return sums.map((sum, band) => sum / counts[band])
}

function beyond(what: string, { path, shape: [lines, samples] }: CubeDescription): CuvetteError {
  return new CuvetteError('bad-argument', `The ${what} is outside ${path}, which has ${lines} lines and ${samples} samples, numbered from 0.`, { path })
}
