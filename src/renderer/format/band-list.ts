import type { CubeDescription } from '../../shared/cube'

/** One band of a list that is saved; numbers count from 1 as on the screen, indices from 0 as in files. */
interface ListedBand {
  output: number
  band: number
  index: number
  wavelength: number | null
}

type Spectral = Pick<CubeDescription, 'wavelengths' | 'wavelengthUnit'>

function listed(chosen: readonly number[], cube: Spectral | null): ListedBand[] {
  return chosen.map((index, output) => ({ output: output + 1, band: index + 1, index, wavelength: cube?.wavelengths?.[index] ?? null }))
}

/** Chosen bands as CSV with a header line. */
export function bandListCsv(chosen: readonly number[], cube: Spectral | null): string {
  const rows = listed(chosen, cube).map(({ output, band, index, wavelength }) => [output, band, index, wavelength ?? '', wavelength === null ? '' : quoted(cube?.wavelengthUnit ?? '')].join(','))
  return `${['output,band,index,wavelength,unit', ...rows].join('\n')}\n`
}

/** The same as JSON, with the node and the run that chose them. */
export function bandListJson(chosen: readonly number[], cube: Spectral | null, of: { run: string; node: string }): string {
  return `${JSON.stringify({ ...of, wavelengthUnit: cube?.wavelengths ? cube.wavelengthUnit : null, bands: listed(chosen, cube) }, null, 2)}\n`
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
