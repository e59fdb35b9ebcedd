// What the camera adds: a point spread, a spectral smile, stripes and noise; all of them small.
import { SIZE } from './layout.mjs'
import { randomStream } from './random.mjs'

/** Weight of each direct neighbour in the point spread (a Gaussian of about half a pixel). */
const NEIGHBOUR = 0.085
/** Shift of the band centres at the left and right edge, in band steps (0.35 nm of 8 nm). */
const SMILE = 0.044
/** Standard deviation of the gain from one detector column to the next. */
const STRIPES = 0.0012

/** Noise of a grey of 0.2, as reflectance: the light is strong and the detector sensitive in the middle of the range. */
function noiseLevel(wavelength) {
  const blue = Math.exp(-(wavelength - 430) / 32)
  const red = Math.max(0, (wavelength - 760) / 150)
  return 0.0019 * (1 + 1.9 * blue + 1.7 * red * red)
}

function spread(band) {
  const blurred = new Float64Array(band.length)
  const centre = 1 - 2 * NEIGHBOUR
  for (let line = 0; line < SIZE; line += 1) {
    for (let sample = 0; sample < SIZE; sample += 1) {
      const row = line * SIZE
      blurred[row + sample] = centre * band[row + sample] + NEIGHBOUR * (band[row + Math.max(0, sample - 1)] + band[row + Math.min(SIZE - 1, sample + 1)])
    }
  }
  const result = new Float64Array(band.length)
  for (let line = 0; line < SIZE; line += 1) {
    const above = Math.max(0, line - 1) * SIZE
    const below = Math.min(SIZE - 1, line + 1) * SIZE
    for (let sample = 0; sample < SIZE; sample += 1) {
      result[line * SIZE + sample] = centre * blurred[line * SIZE + sample] + NEIGHBOUR * (blurred[above + sample] + blurred[below + sample])
    }
  }
  return result
}

/** Reflectance as measured: [band][pixel] -> uint16 [band, line, sample], reflectance x 10000. */
export function measure(cube, centres, seed) {
  const bands = centres.length
  const sharp = cube.map(spread)
  const { normal } = randomStream(seed)
  const gain = Array.from({ length: bands }, () => Float64Array.from({ length: SIZE }, () => 1 + STRIPES * normal()))
  const values = new Uint16Array(bands * SIZE * SIZE)
  for (let band = 0; band < bands; band += 1) {
    const level = noiseLevel(centres[band])
    const before = sharp[Math.max(0, band - 1)]
    const after = sharp[Math.min(bands - 1, band + 1)]
    for (let pixel = 0; pixel < SIZE * SIZE; pixel += 1) {
      const sample = pixel % SIZE
      const offCentre = (sample - SIZE / 2) / (SIZE / 2)
      const shift = SMILE * offCentre * Math.abs(offCentre)
      const here = sharp[band][pixel]
      const shifted = here + shift * 0.5 * (after[pixel] - before[pixel])
      // Half of the variance is read noise, half grows with the light.
      const noise = level * Math.sqrt(0.5 + 2.5 * Math.max(0, here)) * normal()
      values[band * SIZE * SIZE + pixel] = Math.min(65535, Math.max(0, Math.round(10000 * (shifted * gain[band][sample] + noise))))
    }
  }
  return values
}
