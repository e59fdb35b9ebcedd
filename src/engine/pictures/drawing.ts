import { colourTable } from '../../shared/colour-maps'
import type { Canvas, Colour } from './canvas'
import { blankCanvas } from './canvas'

/** Where a number is missing. */
const MISSING: Colour = [110, 116, 124]

/** Values of every pixel or of blocks of pixels, [height, width]. */
export interface Plane {
  width: number
  height: number
  values: Float32Array
}

/** Values through a colour map; what lies beyond the limits has the colour of the end. */
export function colouredPlane({ width, height, values }: Plane, low: number, high: number, colourMap: string): Canvas {
  const canvas = blankCanvas(width, height, MISSING)
  const table = colourTable(colourMap)
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    const value = values[pixel]
    if (!Number.isFinite(value)) continue
    const index = Math.round(Math.min(1, Math.max(0, (value - low) / (high - low))) * 255) * 4
    canvas.data[pixel * 3] = table[index]
    canvas.data[pixel * 3 + 1] = table[index + 1]
    canvas.data[pixel * 3 + 2] = table[index + 2]
  }
  return canvas
}

/** Three planes of one size as red, green and blue, each with the values that become 0 and 255. A pixel that lacks one stays grey. */
export function composite(planes: readonly Plane[], limits: readonly (readonly [low: number, high: number])[]): Canvas {
  const [{ width, height }] = planes
  const canvas = blankCanvas(width, height, MISSING)
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    if (planes.some(({ values }) => !Number.isFinite(values[pixel]))) continue
    for (let channel = 0; channel < 3; channel += 1) {
      const [low, high] = limits[channel]
      canvas.data[pixel * 3 + channel] = Math.round(Math.min(1, Math.max(0, (planes[channel].values[pixel] - low) / (high - low))) * 255)
    }
  }
  return canvas
}

/** A plane that is filled from the lines of an image as they come. */
export interface GatheredPlane extends Plane {
  /** The next values of the image; `first` is the index of the first pixel. */
  add(first: number, values: Float32Array): void
}

/** The largest finite value of each block of `stride` x `stride` pixels of an image [lines, samples], so that a single high score is not lost; NaN where there is none. */
export function largestOfBlocks(lines: number, samples: number, stride: number): GatheredPlane {
  const width = Math.ceil(samples / stride)
  const height = Math.ceil(lines / stride)
  const out = new Float32Array(width * height).fill(Number.NaN)
  return {
    width, height, values: out,
    add(first, values) {
      for (let at = 0; at < values.length; at += 1) {
        const pixel = first + at
        const block = Math.floor(Math.floor(pixel / samples) / stride) * width + Math.floor((pixel % samples) / stride)
        if (Number.isFinite(values[at]) && !(values[at] <= out[block])) out[block] = values[at]
      }
    },
  }
}

/**
 * Draws the line around flagged pixels over a picture of the same size: those that have a neighbour, corners included,
 * that is not flagged. What is flagged inside keeps the picture.
 */
export function drawOutlines(canvas: Canvas, isFlagged: (pixel: number) => boolean, colour: Colour): void {
  const { width, height, data } = canvas
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      if (!isFlagged(row * width + column)) continue
      let edge = row === 0 || column === 0 || row === height - 1 || column === width - 1
      for (let down = -1; down <= 1 && !edge; down += 1) {
        for (let across = -1; across <= 1 && !edge; across += 1) edge = !isFlagged((row + down) * width + column + across)
      }
      if (edge) data.set(colour, (row * width + column) * 3)
    }
  }
}
