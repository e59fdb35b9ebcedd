import { resolve } from 'node:path'
import { runPipeline } from '../../engine/inference/run'
import type { DeviceChoice } from '../../shared/device'
import type { RasterFormat, RegionFormat, RunReport } from '../../shared/reports'
import type { SceneSettings } from '../batch/scene-job'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'
import { duration, facts, figures, qualityWords, share, whole } from '../words'

export interface RunOptions {
  data: string[]
  mask?: string[]
  out: string
  format?: RasterFormat[]
  regions?: RegionFormat[]
  connectivity: string
  minArea?: number
  images?: string[]
  threshold?: number
  memory?: number
  device: DeviceChoice
}

/** cuvette run DIR: scores and decisions of whole cubes. */
export async function run(folder: string, options: RunOptions, terminal: Terminal): Promise<Outcome> {
  const report = await stoppable(terminal, 'Stopping.', (signal) =>
    runPipeline(
      {
        pipelineFolder: resolve(folder),
        data: options.data,
        masks: options.mask ?? [],
        out: resolve(options.out),
        ...settingsOf(options),
      },
      { signal, onProgress: progressOn(terminal) },
    ),
  )
  return { document: report, text: runText(report) }
}

/** What is written of each cube and how it is computed, as a request says it. */
export function settingsOf({ format, regions, connectivity, minArea, images, threshold, memory, device }: RunOptions): SceneSettings {
  return { format: format ?? ['envi'], regions, connectivity: connectivity === '4' ? 4 : 8, leastArea: minArea, images, threshold, memoryMB: memory, device }
}

/** A pipeline without a decider has no threshold. */
function flaggedWords(flagged: number, pixels: number, threshold: number): string {
  if (!Number.isFinite(threshold)) return 'nothing: the pipeline has no decider, and no --threshold was given'
  return `${whole(flagged)} of ${whole(pixels)} pixels (${share(flagged, pixels)}) at threshold ${figures(threshold)}`
}

export function runText(report: RunReport): string {
  const cubes = report.cubes.map((cube) => {
    const pixels = cube.shape[0] * cube.shape[1]
    const rows: [string, string][] = [
      ['flagged', flaggedWords(cube.flagged, pixels, cube.threshold)],
      ['quality', cube.metrics ? qualityWords(cube.metrics) : 'not known: no mask'],
      ['time', duration(cube.seconds)],
      ...cube.warnings.map((warning): [string, string] => ['warning', warning]),
      ['files', cube.files.join('\n')],
    ]
    return `${cube.path} (${cube.shape.join(' x ')})\n${facts(rows)}`
  })
  return [...cubes, `Written to ${report.out}. Peak memory ${whole(report.peakMemoryMB)} MB. Ran on ${report.deviceReason}`].join('\n')
}
