import type { CubeDescription } from './cube'

export type Composite = [number, number, number]

type Spectral = Pick<CubeDescription, 'shape' | 'wavelengths' | 'wavelengthUnit' | 'badBands' | 'defaultBands'>

export interface Preset {
  id: 'rgb' | 'cir'
  label: string
  bands: Composite
}

/** Centres in nm of red, green and blue; of near infrared, red and green. */
const RGB_NM: Composite = [640, 550, 465]
const CIR_NM: Composite = [845, 655, 550]
/** Farther off than this in nm, a band is not what the preset says. */
const REACH_NM: Record<Preset['id'], number> = { rgb: 30, cir: 45 }

/** Wavelengths in nanometres; null when there are none or the unit is unknown. */
export function nanometres(cube: Spectral): number[] | null {
  const unit = cube.wavelengthUnit?.trim().toLowerCase() ?? ''
  if (!cube.wavelengths) return null
  if (/^(nm|nanomet)/.test(unit)) return cube.wavelengths
  if (/^(um|µm|μm|micro)/.test(unit)) return cube.wavelengths.map((value) => value * 1000)
  return null
}

/** The 0-based band whose wavelength is nearest; good bands only unless all are bad. null without wavelengths. */
export function nearestBand(cube: Spectral, wavelength: number): number | null {
  return cube.wavelengths ? nearest(cube.wavelengths, wavelength, cube.badBands) : null
}

/** RGB and CIR, as far as the cube's wavelengths reach. */
export function presets(cube: Spectral): Preset[] {
  const found: Preset[] = []
  for (const [id, label, centres] of [['rgb', 'RGB', RGB_NM], ['cir', 'CIR', CIR_NM]] as const) {
    const bands = bandsNear(cube, centres, REACH_NM[id])
    if (bands) found.push({ id, label, bands })
  }
  return found
}

/** What a cube is first shown with: RGB, else what the file proposes, else bands spread over the range. */
export function firstComposite(cube: Spectral): Composite {
  const rgb = presets(cube).find((preset) => preset.id === 'rgb')
  if (rgb) return rgb.bands
  if (cube.defaultBands?.length === 3 && cube.defaultBands.every((band) => band >= 0 && band < cube.shape[2])) {
    return [cube.defaultBands[0], cube.defaultBands[1], cube.defaultBands[2]]
  }
  return spread(cube)
}

export function firstBand(cube: Spectral): number {
  if (cube.defaultBands?.length === 1 && cube.defaultBands[0] >= 0 && cube.defaultBands[0] < cube.shape[2]) return cube.defaultBands[0]
  const good = goodBands(cube)
  return good[Math.floor(good.length / 2)]
}

/** Three bands at 5/6, 1/2 and 1/6 of the good ones: long wavelengths to red. */
function spread(cube: Spectral): Composite {
  const good = goodBands(cube)
  const at = (share: number) => good[Math.min(good.length - 1, Math.floor(good.length * share))]
  return [at(5 / 6), at(1 / 2), at(1 / 6)]
}

function goodBands(cube: Spectral): number[] {
  const all = Array.from({ length: cube.shape[2] }, (_, band) => band)
  const good = all.filter((band) => !cube.badBands.includes(band))
  return good.length > 0 ? good : all
}

function bandsNear(cube: Spectral, centres: Composite, reach: number): Composite | null {
  const values = nanometres(cube)
  if (!values) return null
  const bands = centres.map((centre) => nearest(values, centre, cube.badBands))
  const near = bands.every((band, index) => Math.abs(values[band] - centres[index]) <= reach)
  return near && new Set(bands).size === 3 ? [bands[0], bands[1], bands[2]] : null
}

function nearest(values: readonly number[], target: number, bad: readonly number[]): number {
  let best = -1
  for (let band = 0; band < values.length; band += 1) {
    if (bad.includes(band) && bad.length < values.length) continue
    if (best < 0 || Math.abs(values[band] - target) < Math.abs(values[best] - target)) best = band
  }
  return best
}
