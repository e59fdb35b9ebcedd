import type { CubeDescription } from '../../shared/cube'
import { unitSymbol } from '../format/bands'
import { nanometres, nearestBand } from '../../shared/band-choice'

type Spectral = Pick<CubeDescription, 'shape' | 'wavelengths' | 'wavelengthUnit' | 'badBands' | 'defaultBands'>

const PART = /^(?:bands?\s+)?(\d+(?:\.\d+)?)(?:\s*(?:-|–|to)\s*(\d+(?:\.\d+)?))?\s*(nm|µm|μm|um|cm-1|cm⁻¹|å)?$/i

/** Bands that are named, 0-based and ascending, or the sentence that says why not. */
export type NamedBands = { bands: number[]; problem: null } | { bands: null; problem: string }

/** "10-20, 1350-1450 nm, 7": bands as people count them, from 1, and wavelengths where there is a unit. "all" is all. */
export function parseBandRanges(text: string, cube: Spectral): NamedBands {
  const found = new Set<number>()
  const count = cube.shape[2]
  for (const part of text.split(/[,;]/).map((each) => each.trim()).filter((each) => each !== '')) {
    if (/^all( bands)?$/i.test(part)) {
      for (let band = 0; band < count; band += 1) found.add(band)
      continue
    }
    const [, first, last, unit] = PART.exec(part) ?? []
    if (first === undefined) return refuse(`“${part}” is no range: write 10-20 for bands, or 1350-1450 nm for wavelengths.`)
    const [from, to] = [Number(first), Number(last ?? first)].sort((a, b) => a - b)
    const bands = unit ? bandsBetween(cube, from, to, unit) : numbered(from, to, count)
    if (typeof bands === 'string') return refuse(bands)
    for (const band of bands) found.add(band)
  }
  if (found.size === 0) return refuse('Write which bands: 10-20, or 1350-1450 nm.')
  return { bands: [...found].sort((a, b) => a - b), problem: null }
}

function refuse(problem: string): NamedBands {
  return { bands: null, problem }
}

function numbered(from: number, to: number, count: number): number[] | string {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 1 || to > count) return `The bands are 1 to ${count}: ${from === to ? from : `${from}-${to}`} is not among them. Wavelengths need their unit.`
  return Array.from({ length: to - from + 1 }, (_, index) => from - 1 + index)
}

function bandsBetween(cube: Spectral, from: number, to: number, unit: string): number[] | string {
  const named = unitSymbol(unit)
  const own = unitSymbol(cube.wavelengthUnit)
  const values = named === own ? cube.wavelengths : nanometres(cube)
  const scale = named === own ? 1 : named === 'nm' ? 1 : named === 'µm' ? 1000 : null
  if (!cube.wavelengths) return 'The cube has no wavelengths: write band numbers, or attach wavelengths first.'
  if (!values || scale === null) return `The wavelengths are ${own === '' ? 'in an unknown unit' : `in ${own}`}, not in ${named}.`
  const text = `${from === to ? from : `${from}-${to}`} ${named}`
  const [low, high] = [from * scale, to * scale]
  const inside = values.flatMap((value, band) => (value >= low && value <= high ? [band] : []))
  if (inside.length > 0) return inside
  // One wavelength is the band nearest to it, as far as the cube reaches.
  const nearest = from === to && low >= Math.min(...values) && low <= Math.max(...values) ? nearestBand({ ...cube, wavelengths: values, badBands: [] }, low) : null
  return nearest === null ? `No band lies at ${text}.` : [nearest]
}

/** "1–3, 7": runs of 0-based bands as people count them. */
export function rangesText(bands: readonly number[]): string {
  return runsOf(bands).map(([from, to]) => (from === to ? `${from + 1}` : `${from + 1}–${to + 1}`)).join(', ')
}

/** Runs of neighbouring numbers, each with its first and last. */
export function runsOf(bands: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const band of [...bands].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last && band <= last[1] + 1) last[1] = Math.max(last[1], band)
    else runs.push([band, band])
  }
  return runs
}
