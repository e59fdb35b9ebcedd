import type { CubeDescription } from '../../../shared/cube'
import type { LibraryDescription } from '../../../shared/library'
import { CuvetteError } from '../../../shared/problem'
import { wavelengthsInNanometres } from '../wavelengths'
import type { SpectralLibrary } from './library'
import { resample, spectralBands } from './resample'

type SpectralFacts = Pick<CubeDescription, 'path' | 'wavelengths' | 'wavelengthUnit' | 'fwhm' | 'scale'>

/**
 * One spectrum of a library at the bands of a cube [C], in the numbers of the cube; NaN where the library says nothing of a
 * band. A stated scale is the divisor that makes reflectance of stored numbers; numbers of a file that states none are
 * reflectance. So the spectrum is multiplied by scale of the cube / scale of the library.
 * Throws CuvetteError('bad-data') when either states no wavelengths in a unit of length.
 */
export async function spectrumAtBands(library: SpectralLibrary, index: number, cube: SpectralFacts, signal?: AbortSignal): Promise<Float64Array> {
  const { description } = library
  const wavelengthsNm = libraryWavelengths(description)
  const bands = spectralBands(cube)
  if (!bands) throw new CuvetteError('bad-data', `${cube.path} states no wavelengths in a unit of length, so the spectra of ${description.path} cannot be brought to its bands; give it wavelengths first.`, { path: cube.path })
  const values = await library.spectrum(index, signal)
  const factor = scaleBetween(description, cube)
  return resample({ wavelengthsNm, values, badChannels: description.badBands }, bands).map((value) => value * factor)
}

/** By what numbers of the library are multiplied to be numbers of the cube. */
export function scaleBetween(library: Pick<LibraryDescription, 'scale'>, cube: Pick<CubeDescription, 'scale'>): number {
  return (cube.scale ?? 1) / (library.scale ?? 1)
}

function libraryWavelengths({ path, wavelengths, wavelengthUnit }: LibraryDescription): number[] {
  const found = wavelengthsInNanometres({ wavelengths, wavelengthUnit })
  if (found) return found
  const what = wavelengths ? `gives its wavelengths in ${wavelengthUnit ?? 'a unit that it does not state'}` : 'states no wavelengths'
  throw new CuvetteError('bad-data', `${path} ${what}, so its spectra cannot be brought to the bands of a cube; state wavelengths in nm, µm or cm-1.`, { path })
}
