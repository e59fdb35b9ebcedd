import type { LibraryDescription } from '../../../shared/library'
import { CuvetteError } from '../../../shared/problem'
import { openFile } from '../open-file'
import type { SpectralLibrary } from './library'

/** ENVI spectral library: read as the image of one sample that its header describes, one line at a time. */
export async function openEnviLibrary(path: string, signal?: AbortSignal): Promise<SpectralLibrary> {
  const cube = await openFile(path, { signal })
  const { library, shape: [count, , channels], warnings } = cube.description
  if (!library) {
    await cube.close()
    throw new CuvetteError('not-a-cube', `${path} is an image, not a spectral library; open an ENVI spectral library (.sli with its .hdr) or a table of spectra (.csv), or take a pixel of the image.`, { path })
  }
  const description: LibraryDescription = {
    ...cube.description,
    library: { spectra: Array.from({ length: count }, (_, index) => library.spectra[index] || `Spectrum ${index + 1}`) },
    // That the lines are spectra is what the person asked for.
    warnings: warnings.filter((warning) => !warning.startsWith('The file is a spectral library')),
  }
  return {
    description,
    async spectrum(index, readSignal) {
      requireSpectrum(description, index)
      const values = await cube.readPixels({ line: index, sample: 0, lines: 1, samples: 1 }, null, new Float32Array(channels), readSignal)
      return Float64Array.from(values)
    },
    close: () => cube.close(),
  }
}

/** Throws CuvetteError('bad-argument') for a 0-based number that no spectrum has. */
export function requireSpectrum({ path, library: { spectra } }: LibraryDescription, index: number): void {
  if (Number.isInteger(index) && index >= 0 && index < spectra.length) return
  throw new CuvetteError('bad-argument', `${path} holds ${spectra.length} spectra; there is no number ${index + 1}.`, { path })
}
