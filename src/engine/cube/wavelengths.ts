/** Units as descriptions state them. Lengths can be converted; the others are kept as text. */
const spellings: Record<string, string> = {
  nm: 'nm', nanometer: 'nm', nanometers: 'nm', nanometre: 'nm', nanometres: 'nm',
  'µm': 'µm', um: 'µm', micrometer: 'µm', micrometers: 'µm', micrometre: 'µm', micrometres: 'µm', micron: 'µm', microns: 'µm',
  mm: 'mm', millimeter: 'mm', millimeters: 'mm', millimetre: 'mm', millimetres: 'mm',
  cm: 'cm', centimeter: 'cm', centimeters: 'cm', centimetre: 'cm', centimetres: 'cm',
  m: 'm', meter: 'm', meters: 'm', metre: 'm', metres: 'm',
  angstrom: 'Å', angstroms: 'Å', 'å': 'Å',
  wavenumber: 'cm⁻¹', wavenumbers: 'cm⁻¹', 'cm-1': 'cm⁻¹', 'cm^-1': 'cm⁻¹', 'cm⁻¹': 'cm⁻¹', '1/cm': 'cm⁻¹',
  ghz: 'GHz', mhz: 'MHz',
}

const nanometres: Record<string, number> = { nm: 1, 'µm': 1e3, mm: 1e6, cm: 1e7, m: 1e9, 'Å': 0.1 }

/** The usual sign of a unit ("Nanometers" -> "nm"); null when it says nothing ("Unknown", "Index", ""). Others are kept as written. */
export function normalisedUnit(text: string | null | undefined): string | null {
  const trimmed = text?.trim() ?? ''
  // The Greek letter and the micro sign look the same.
  const key = trimmed.toLowerCase().replaceAll('\u03bc', 'µ')
  if (key === '' || key === 'unknown' || key === 'index' || key === 'none') return null
  return spellings[key] ?? trimmed
}

/** The unit that makes wavelengths plausible for an optical sensor; null when none does. */
export function guessedUnit(wavelengths: readonly number[]): 'nm' | 'µm' | null {
  if (wavelengths.length === 0) return null
  const low = wavelengths.reduce((a, b) => Math.min(a, b))
  const high = wavelengths.reduce((a, b) => Math.max(a, b))
  if (low >= 100 && high <= 30_000) return 'nm'
  if (low >= 0.1 && high <= 30) return 'µm'
  return null
}

/** Wavelengths in nanometres; null when there are none or their unit is not a length. Wavenumbers are converted (1e7 / cm⁻¹). */
export function wavelengthsInNanometres(description: { wavelengths: readonly number[] | null; wavelengthUnit: string | null }): number[] | null {
  const { wavelengths, wavelengthUnit } = description
  if (!wavelengths || !wavelengthUnit) return null
  if (wavelengthUnit === 'cm⁻¹') return wavelengths.map((value) => 1e7 / value)
  const factor = nanometres[wavelengthUnit]
  return factor === undefined ? null : wavelengths.map((value) => (factor === 1 ? value : value * factor))
}
