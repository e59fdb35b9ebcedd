// From the layout to the reflectance a camera above it would see.
import { SIZE, cover, planted, sunlight } from './layout.mjs'
import { fractal } from './random.mjs'
import { fixed, soil, vegetation } from './spectra.mjs'

/** Points per pixel and axis: pixels at borders hold honest mixtures. */
const POINTS = 4

/** Share of the light that comes from the sky, not from the sun: blue. */
function skylight(wavelength) {
  return 0.12 + 0.22 * Math.pow(450 / wavelength, 3)
}

function stressed(parameters) {
  return { ...parameters, greenness: parameters.greenness * 0.4, density: parameters.density * 0.8, dryness: 0.08, carotenoids: 0.6 }
}

/** Bands of a spectrum, seen through the filters: a Gaussian of the given width around each centre. */
function throughFilters(spectrum, centres, fwhm) {
  const sigma = fwhm / 2.3548
  return Float64Array.from(centres, (centre) => {
    let sum = 0
    let weights = 0
    for (let step = -4; step <= 4; step += 1) {
      const weight = Math.exp(-0.5 * (step / 2) * (step / 2))
      sum += weight * spectrum(centre + (step / 2) * sigma)
      weights += weight
    }
    return sum / weights
  })
}

/** Living material differs from place to place; a table over one parameter grid would be larger than computing it. */
function spectraOf(centres, fwhm) {
  const tables = new Map(Object.entries(fixed).map(([name, spectrum]) => [name, throughFilters(spectrum, centres, fwhm)]))
  const known = new Map()
  return (material, parameters) => {
    const table = tables.get(material)
    if (table) return table
    // Parameters in steps of a hundredth: a few thousand spectra instead of a million.
    const rounded = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, Math.round(value * (name === 'greenness' ? 10 : 50)) / (name === 'greenness' ? 10 : 50)]))
    const model = material === 'soil' ? soil : vegetation
    const key = `${material === 'soil' ? 'soil' : 'vegetation'} ${Object.values(rounded).join()} ${Object.keys(rounded).join()}`
    let spectrum = known.get(key)
    if (!spectrum) {
      spectrum = throughFilters((wavelength) => model(wavelength, rounded), centres, fwhm)
      known.set(key, spectrum)
    }
    return spectrum
  }
}

/**
 * Renders the scene. Returns reflectance [band][line * SIZE + sample], not yet blurred or noisy, and the mask
 * (class of the planted object that covers at least a quarter of the pixel, else 0).
 */
export function renderScene(centres, fwhm) {
  const bands = centres.length
  const sky = Float64Array.from(centres, skylight)
  const spectrum = spectraOf(centres, fwhm)
  const cube = Array.from({ length: bands }, () => new Float64Array(SIZE * SIZE))
  const mask = new Uint8Array(SIZE * SIZE)

  for (let line = 0; line < SIZE; line += 1) {
    for (let sample = 0; sample < SIZE; sample += 1) {
      const pixel = line * SIZE + sample
      // Slightly brighter towards the side where the sun is behind the camera.
      const view = 1 + 0.035 * ((sample + line) / SIZE - 1) + 0.02 * fractal(301, sample, line, 90, 2)
      const covered = new Float64Array(8)
      for (let point = 0; point < POINTS * POINTS; point += 1) {
        const x = sample + ((point % POINTS) + 0.5) / POINTS
        const y = line + (Math.floor(point / POINTS) + 0.5) / POINTS
        const ground = cover(x, y)
        const sun = ground.raised ? 1 : sunlight(x, y)
        const weight = view / (POINTS * POINTS)
        let parameters = ground.parameters
        let left = 1
        for (let index = planted.length - 1; index >= 0; index -= 1) {
          const object = planted[index]
          const share = object.covers(x, y)
          if (share === 0) continue
          covered[object.classId] += share / (POINTS * POINTS)
          if (object.material === 'stress') {
            if (ground.material === 'crop') parameters = stressed(parameters)
            continue
          }
          const texture = object.texture ? 1 + object.texture * fractal(401, x, y, 1.6, 3) : 1
          const spectrumOfObject = spectrum(object.material)
          for (let band = 0; band < bands; band += 1) {
            cube[band][pixel] += weight * share * object.shade * texture * spectrumOfObject[band] * (sun * (1 - sky[band]) + sky[band])
          }
          left -= share
        }
        if (left <= 0) continue
        const spectrumOfGround = spectrum(ground.material, parameters)
        // Water mirrors a little of the sky.
        const mirror = ground.material === 'water' ? 0.016 : 0
        for (let band = 0; band < bands; band += 1) {
          const light = sun * (1 - sky[band]) + sky[band]
          cube[band][pixel] += weight * left * (ground.shade * spectrumOfGround[band] * light + mirror * sky[band])
        }
      }
      const strongest = covered.indexOf(Math.max(...covered))
      if (covered[strongest] >= 0.25) mask[pixel] = strongest
    }
  }
  return { cube, mask }
}
