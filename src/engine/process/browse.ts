import type { OverviewFile, PixelWindow } from '../../shared/engine-contract'
import type { ResampledSpectrum } from '../../shared/library'
import { bandStatistics } from '../cube/band-statistics'
import type { Cube } from '../cube/cube'
import { writeCorrectedHeader } from '../cube/corrected-header'
import { detectBadBands } from '../cube/detect-bad-bands'
import { fingerprintOf } from '../cube/fingerprint'
import { describeMask, readMask } from '../cube/mask'
import { openCube } from '../cube/open-cube'
import { ensureOverview, overviewStride, quickStride } from '../cube/overview'
import { spectrumAtBands } from '../cube/spectral-library/at-bands'
import { describeLibrary, openLibrary } from '../cube/spectral-library/library'
import { readSpectralAxis } from '../cube/spectral-source'
import { parseWavelengthText } from '../cube/wavelength-text'
import { wholeWindow } from '../cube/windowed-cube'
import { startStage } from '../inference/work'
import { BandCache } from './band-cache'
import { OpenCubes } from './open-cubes'
import type { HandlerTable } from './serve'

/** Cubes that stay open between reads; each holds a file descriptor and its reader's small buffers. */
const OPEN_CUBES = 8
/** Bytes of bands that are kept: going back and forth between a few bands reads nothing. */
const KEPT_BANDS = 96 * 2 ** 20
/** A band up to this size is read whole, for the picture and its statistics together. */
const WHOLE_BAND = 16 * 2 ** 20

/** Everything that answers the user at once: headers, bands, spectra, masks, checks. Never trains, never scores. */
export function browseHandlers(): HandlerTable {
  // Only a description needs to know whether there is a mask.
  const cubes = new OpenCubes((reference) => openCube(reference, { mask: false }), OPEN_CUBES)
  const bands = new BandCache(KEPT_BANDS)

  function bandOf(path: string, band: number, window: PixelWindow, stride: number, signal?: AbortSignal): Promise<Float32Array> {
    const key = [band, stride, window.line, window.sample, window.lines, window.samples].join()
    return bands.get(path, key, (stop) => cubes.use(path, (cube) => cube.readBand(band, window, stride, stop)), signal)
  }

  /** The cube with bands read whole where they are small enough, so that its picture finds them. */
  function keptBands(path: string, cube: Cube): Cube {
    const whole = wholeWindow(cube.description)
    return {
      ...cube,
      async readBand(band, window, stride = 1, signal) {
        const width = Math.ceil(whole.samples / stride)
        if (4 * Math.ceil(whole.lines / stride) * width > WHOLE_BAND || window.samples < whole.samples || window.line % stride !== 0) return await cube.readBand(band, window, stride, signal)
        const values = await bandOf(path, band, whole, stride, signal)
        const first = window.line / stride
        return values.subarray(first * width, (first + Math.ceil(window.lines / stride)) * width)
      },
    }
  }

  return {
    // Opened anew: the file may have changed since it was last looked at.
    'cube.describe': async ({ reference }) => {
      bands.forget(reference)
      const { description } = await cubes.replace(reference, () => openCube(reference))
      return description
    },

    'cube.reading': ({ reference }) => cubes.use(reference, async (cube) => ({ quickStride: quickStride(cube), overviewStride: overviewStride(cube) })),

    'cube.overview': ({ reference, folder }, { signal, onProgress }) => cubes.use(reference, async (cube) => {
      const meter = startStage({ signal, onProgress }, 'overview', `Overview of ${cube.description.path}`, 1)
      let told = 0
      const overview = await ensureOverview(cube, folder, { signal, onLine: (done, total) => {
        meter.advance(done / total - told)
        told = done / total
      } })
      if (overview) bands.forget(overview.path)
      meter.finish()
      return overview
    }),

    'cube.band': async (args, { signal }) => {
      const { path, stride } = source(args)
      const window = scaled(args.window, args.stride / stride) ?? (await cubes.use(path, async (cube) => wholeWindow(cube.description)))
      return { shape: [Math.ceil(window.lines / stride), Math.ceil(window.samples / stride)], values: await bandOf(path, args.band, window, stride, signal) }
    },

    'cube.spectrum': ({ reference, line, sample }, { signal }) => cubes.use(reference, async (cube) => ({
      values: await cube.readPixels({ line, sample, lines: 1, samples: 1 }, null, undefined, signal),
    })),

    'cube.bandStatistics': (args, { signal }) => {
      const { path, stride } = source(args)
      return cubes.use(path, async (cube) => {
        const statistics = []
        for (const band of args.bands) statistics.push(await bandStatistics(keptBands(path, cube), band, { stride, signal }))
        return statistics
      })
    },

    'cube.detectBadBands': async ({ reference }, { signal, onProgress }) => {
      // Opened for itself: no-data must not look like NaN here.
      const { noData, shape: [lines, samples] } = await cubes.use(reference, async ({ description }) => description)
      const raw = await openCube(reference, { mask: false, noData: null, signal })
      try {
        const meter = startStage({ signal, onProgress }, 'detect', `Looking for bad bands in ${raw.description.path}`, lines * samples)
        const found = await detectBadBands(raw, noData, { signal, onPixels: (count) => meter.advance(count) })
        meter.finish()
        return found
      } finally {
        await raw.close()
      }
    },

    'spectral.read': async ({ bands, source: from }, { signal }) => ('text' in from ? parseWavelengthText(from.text, bands, 'the text') : await readSpectralAxis(from.reference, bands, signal)),
    'cube.writeHeader': ({ reference, path, replace }) => writeCorrectedHeader(reference, path, replace),

    'data.fingerprint': ({ reference }) => fingerprintOf(reference),
    'library.describe': ({ reference }, { signal }) => describeLibrary(reference, signal),
    'library.spectra': ({ reference, indices, cube }, { signal }) => cubes.use(cube, async ({ description }) => {
      const library = await openLibrary(reference, signal)
      try {
        const spectra: ResampledSpectrum[] = []
        for (const index of indices) {
          const values = await spectrumAtBands(library, index, description, signal)
          spectra.push({ index, name: library.description.library.spectra[index], values: Array.from(values, (value) => (Number.isFinite(value) ? value : null)) })
        }
        return spectra
      } finally {
        await library.close()
      }
    }),

    'cube.release': async ({ reference }) => {
      bands.forget(reference)
      await cubes.release(reference)
      return null
    },

    'mask.describe': ({ reference, shape }, { signal }) => describeMask(reference, shape, signal),
    'mask.read': async ({ reference, shape }, { signal }) => ({ shape, values: (await readMask(reference, shape, signal)).values }),

    // Loaded on first use: looking at a cube does not wait for the nodes.
    'nodes.catalogue': async () => {
      const { catalogue } = await import('../nodes/registry')
      return catalogue()
    },
    'pipeline.check': async ({ text, path, cube, modelFolders }) => {
      const { inspectForFit } = await import('../training/inspect')
      return cube === null ? await inspectForFit(text, path, null, modelFolders) : await cubes.use(cube, (open) => inspectForFit(text, path, open, modelFolders))
    },
    'pipeline.withTargets': async ({ text, path, targets }) => {
      const { withTargets } = await import('../pipeline/set-targets')
      return { text: withTargets(text, path, targets) }
    },
    'pipeline.describe': async ({ text, path }) => {
      const { describePipeline } = await import('../pipeline/describe')
      const { parsePipeline } = await import('../pipeline/document')
      const summary = describePipeline(text, path, null)
      return { summary, description: summary.nodes.length > 0 ? parsePipeline(text, path).description : '' }
    },
    // Here, so that it does not wait for a training.
    'pipeline.setDecider': async (request, { signal }) => {
      const { setDecider } = await import('../export/decider')
      return await setDecider(request, signal)
    },
  }
}

/** What is read: the overview where it holds the pixels that are asked for, else the cube; and the stride there. */
function source({ reference, stride, overview }: { reference: string; stride: number; overview: OverviewFile | null }): { path: string; stride: number } {
  return overview && stride % overview.stride === 0 ? { path: overview.path, stride: stride / overview.stride } : { path: reference, stride }
}

/** A window of the cube in the pixels of its overview. Windows begin on multiples of the stride. */
function scaled(window: PixelWindow | null, factor: number): PixelWindow | null {
  if (!window || factor === 1) return window
  return { line: window.line / factor, sample: window.sample / factor, lines: Math.ceil(window.lines / factor), samples: Math.ceil(window.samples / factor) }
}
