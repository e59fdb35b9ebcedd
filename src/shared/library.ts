import type { CubeDescription } from './cube'

/**
 * What is known of a spectral library: the description of an image of one sample, whose lines are the spectra and whose
 * bands are their channels. Every spectrum has a name. Plain JSON; also the answer of `cuvette info LIBRARY --json`.
 */
export type LibraryDescription = CubeDescription & { library: { spectra: string[] } }

/** Spectra of a library at the bands of a cube, in the numbers of the cube. */
export interface ResampledSpectrum {
  /** 0-based number in its library. */
  index: number
  name: string
  /** One per band; null where the library says nothing of the band. */
  values: (number | null)[]
}
