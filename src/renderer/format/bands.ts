import type { CubeDescription } from '../../shared/cube'
import { significant } from './numbers'

const UNIT_SYMBOLS: Record<string, string> = {
  nanometers: 'nm', nanometer: 'nm', nm: 'nm', micrometers: 'µm', micrometer: 'µm', microns: 'µm', um: 'µm', 'µm': 'µm',
  wavenumber: 'cm⁻¹', 'cm-1': 'cm⁻¹', ghz: 'GHz', mhz: 'MHz', angstroms: 'Å',
}

type Spectral = Pick<CubeDescription, 'wavelengths' | 'wavelengthUnit' | 'bandNames'>

/** "nm" for "Nanometers"; what the file says when it is not known; "" when it says nothing. */
export function unitSymbol(unit: string | null): string {
  if (unit === null) return ''
  return UNIT_SYMBOLS[unit.trim().toLowerCase()] ?? unit
}

/** "601.2 nm" of a 0-based band, or null without wavelengths. */
export function wavelengthText(cube: Spectral, band: number, decimals = 1): string | null {
  const value = cube.wavelengths?.[band]
  if (value === undefined) return null
  const size = Math.abs(value)
  const text = size >= 100 ? value.toFixed(decimals) : significant(value, 4)
  return `${text} ${unitSymbol(cube.wavelengthUnit)}`.trim()
}

/** "Band 24 · 601.2 nm": people count bands from 1. */
export function bandText(cube: Spectral, band: number): string {
  const detail = wavelengthText(cube, band) ?? cube.bandNames?.[band] ?? null
  return detail === null ? `Band ${band + 1}` : `Band ${band + 1} · ${detail}`
}

/** "430.0–910.0 nm", or null without wavelengths. */
export function spectralRange(cube: Spectral): string | null {
  if (!cube.wavelengths?.length) return null
  const [low, high] = [Math.min(...cube.wavelengths), Math.max(...cube.wavelengths)]
  const digits = high >= 100 ? 0 : 2
  return `${low.toFixed(digits)}–${high.toFixed(digits)} ${unitSymbol(cube.wavelengthUnit)}`.trim()
}
