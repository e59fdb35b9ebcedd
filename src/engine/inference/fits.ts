import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'
import { wavelengthsInNanometres } from '../cube'
import type { CubeFacts } from '../pipeline/pipeline'

/** Wavelengths of the same band may differ by this much between scenes of one sensor. */
const SAME_BAND_NM = 1

/** What a pipeline must know of a cube. */
export function factsOf({ description }: Cube): CubeFacts {
  return { channels: description.shape[2], wavelengthsNm: wavelengthsInNanometres(description), badBands: description.badBands }
}

/**
 * Checks that a cube has the bands that others have or that a pipeline was fitted on. Throws CuvetteError('bad-data')
 * for another number of bands; returns a sentence when the wavelengths differ, else null.
 */
export function compareBands(cube: Cube, facts: CubeFacts, whose: string): string | null {
  const { path } = cube.description
  const found = factsOf(cube)
  if (found.channels !== facts.channels) {
    throw new CuvetteError('bad-data', `${path} has ${found.channels} bands, but ${whose} has ${facts.channels}; use cubes with the same bands.`, { path })
  }
  if (!found.wavelengthsNm || !facts.wavelengthsNm) return null
  const expected = facts.wavelengthsNm
  const largest = found.wavelengthsNm.reduce((worst, wavelength, band) => Math.max(worst, Math.abs(wavelength - expected[band])), 0)
  if (largest <= SAME_BAND_NM) return null
  return `The wavelengths of ${path} differ from those of ${whose} by up to ${Number(largest.toPrecision(3))} nm; scores may not be comparable.`
}
