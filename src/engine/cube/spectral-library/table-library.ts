import { readFile } from 'node:fs/promises'
import type { LibraryDescription } from '../../../shared/library'
import { CuvetteError } from '../../../shared/problem'
import { cannotRead, fileSize } from '../bytes'
import { decodeHeaderText } from '../formats/envi-header'
import { guessedUnit } from '../wavelengths'
import { requireSpectrum } from './envi-library'
import type { SpectralLibrary } from './library'
import { parseSpectraTable } from './spectra-table'

/** Bytes; ten thousand spectra of two thousand channels stay below. */
const LARGEST_TABLE = 256 * 2 ** 20

/** A table of spectra as text. It is read whole: a text has no places to read from. */
export async function openTableLibrary(path: string): Promise<SpectralLibrary> {
  const size = await fileSize(path)
  if (size > LARGEST_TABLE) {
    throw new CuvetteError('bad-data', `${path} has ${size} bytes, more than the ${LARGEST_TABLE} that a table of spectra may have; save it as an ENVI spectral library.`, { path })
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  const { names, wavelengths, wavelengthUnit: stated, spectra, warnings } = parseSpectraTable(decodeHeaderText(bytes), path)
  const guess = stated === null ? guessedUnit(wavelengths) : null
  const unit = stated ?? guess
  const unitWarning = stated !== null ? [] : [guess ? `The table does not give the wavelength unit; ${guess} is assumed from the values.` : 'The table does not give the wavelength unit, and the values do not tell it.']
  const description: LibraryDescription = {
    path,
    variable: null,
    format: 'Table of spectra',
    shape: [names.length, 1, wavelengths.length],
    dtype: 'float64',
    interleave: 'bip',
    wavelengths,
    wavelengthUnit: unit,
    ...(guess !== null && { wavelengthUnitGuessed: true }),
    fwhm: null,
    bandNames: null,
    badBands: [],
    defaultBands: null,
    noData: null,
    scale: null,
    variables: [],
    mask: null,
    warnings: [...warnings, ...unitWarning],
    library: { spectra: names },
  }
  return {
    description,
    async spectrum(index) {
      requireSpectrum(description, index)
      return spectra[index]
    },
    async close() {},
  }
}
