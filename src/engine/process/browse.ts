import type { CubeDescription } from '../../shared/cube'
import { bandStatistics } from '../cube/band-statistics'
import { describeMask, readMask } from '../cube/mask'
import { openCube } from '../cube/open-cube'
import { wavelengthsInNanometres } from '../cube/wavelengths'
import { wholeWindow } from '../cube/windowed-cube'
import type { CubeFacts } from '../pipeline/pipeline'
import { OpenCubes } from './open-cubes'
import type { HandlerTable } from './serve'

/** Cubes that stay open between reads; each holds a file descriptor and its reader's small buffers. */
const OPEN_CUBES = 8

/** Everything that answers the user at once: headers, bands, spectra, masks, checks. Never trains, never scores. */
export function browseHandlers(): HandlerTable {
  // Only a description needs to know whether there is a mask.
  const cubes = new OpenCubes((reference) => openCube(reference, { mask: false }), OPEN_CUBES)

  return {
    // Opened anew: the file may have changed since it was last looked at.
    'cube.describe': async ({ reference }) => {
      const { description } = await cubes.replace(reference, () => openCube(reference))
      return description
    },

    'cube.band': ({ reference, band, stride }, { signal }) => cubes.use(reference, async (cube) => {
      const [lines, samples] = cube.description.shape
      const values = await cube.readBand(band, wholeWindow(cube.description), stride, signal)
      return { shape: [Math.ceil(lines / stride), Math.ceil(samples / stride)], values }
    }),

    'cube.spectrum': ({ reference, line, sample }, { signal }) => cubes.use(reference, async (cube) => ({
      values: await cube.readPixels({ line, sample, lines: 1, samples: 1 }, null, undefined, signal),
    })),

    'cube.bandStatistics': ({ reference, bands }, { signal }) => cubes.use(reference, async (cube) => {
      const statistics = []
      for (const band of bands) statistics.push(await bandStatistics(cube, band, { signal }))
      return statistics
    }),

    'cube.release': async ({ reference }) => {
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
    'pipeline.check': async ({ text, path, cube }) => {
      const { describePipeline } = await import('../pipeline/describe')
      return describePipeline(text, path, cube === null ? null : await cubes.use(cube, async (open) => factsOf(open.description)))
    },
    'pipeline.describe': async ({ text, path }) => {
      const { describePipeline } = await import('../pipeline/describe')
      const { parsePipeline } = await import('../pipeline/document')
      const summary = describePipeline(text, path, null)
      return { summary, description: summary.nodes.length > 0 ? parsePipeline(text, path).description : '' }
    },
  }
}

function factsOf(description: CubeDescription): CubeFacts {
  return { channels: description.shape[2], wavelengthsNm: wavelengthsInNanometres(description) }
}
