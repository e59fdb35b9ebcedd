// npm run sample [FOLDER]: writes the sample cube and its mask. The same bytes every time.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { cubeHeader, littleEndian, maskHeader } from './sample/envi.mjs'
import { SIZE } from './sample/layout.mjs'
import { renderScene } from './sample/scene.mjs'
import { measure } from './sample/sensor.mjs'

const SEED = 20260611
const FWHM = 9.5
const wavelengths = Array.from({ length: 61 }, (_, band) => 430 + 8 * band)

const classes = [
  { name: 'background', colour: [0, 0, 0] },
  { name: 'tarpaulin', colour: [51, 138, 255] },
  { name: 'vehicle', colour: [255, 70, 70] },
  { name: 'camouflage net', colour: [186, 224, 80] },
  { name: 'marker', colour: [255, 160, 40] },
  { name: 'stressed crop', colour: [255, 226, 94] },
  { name: 'algal bloom', colour: [64, 214, 196] },
]

/** 1-based number of the band nearest to a wavelength, as ENVI counts. */
function bandNear(wavelength) {
  return Math.round((wavelength - wavelengths[0]) / 8) + 1
}

/** A reader never sees half a file. */
function write(folder, name, content) {
  const temporary = join(folder, `.${name}.part`)
  writeFileSync(temporary, content)
  renameSync(temporary, join(folder, name))
}

const folder = resolve(process.argv[2] ?? join(import.meta.dirname, '..', 'resources', 'sample'))
mkdirSync(folder, { recursive: true })

const { cube, mask } = renderScene(wavelengths, FWHM)
const values = measure(cube, wavelengths, SEED)

write(folder, 'farm.img', littleEndian(values))
write(folder, 'farm.hdr', cubeHeader({
  lines: SIZE,
  samples: SIZE,
  wavelengths,
  fwhm: FWHM,
  defaultBands: [bandNear(640), bandNear(550), bandNear(470)],
  description: 'Cuvette sample: a farm seen from a drone, half a metre a pixel. Synthetic reflectance x 10000, made by scripts/make-sample.mjs.',
}))
write(folder, 'farm_mask.img', mask)
write(folder, 'farm_mask.hdr', maskHeader({
  lines: SIZE,
  samples: SIZE,
  classes,
  description: 'Objects planted in the Cuvette sample cube.',
}))

const flagged = mask.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0)
console.log(`${folder}: farm.img and farm.hdr (${SIZE} x ${SIZE} x ${wavelengths.length}), farm_mask.img and farm_mask.hdr (${flagged} pixels, ${((100 * flagged) / mask.length).toFixed(2)} %).`)
