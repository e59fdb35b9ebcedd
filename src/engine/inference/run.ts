import { join } from 'node:path'
import { RUN_MEMORY_MB } from '../../shared/memory'
import { CuvetteError } from '../../shared/problem'
import type { CubeRunReport, RunReport, RunRequest } from '../../shared/reports'
import type { Cube, FileStamp, Reference } from '../cube'
import { openCube, requireUnchanged, stampsOf } from '../cube'
import { writeFileAtomic } from '../files/atomic'
import { openSession } from '../onnx/session'
import type { Session } from '../onnx/session'
import { compareBands } from './fits'
import { masksOf, readTargets } from './masks'
import type { ImagePort } from './image-ports'
import { imageOf, imagePorts, openImagePorts } from './image-ports'
import { createFolder, outputNames } from './outputs'
import { sceneOutputs, writeScene } from './scene-files'
import { scoreScene } from './scene'
import { scoringModel } from './partial-model'
import { deciderOf } from './threshold'
import { isSaved, openFitted } from './saved-pipeline'
import { PIPELINE_FILES } from './trained-pipeline'
import type { FittedPipeline } from './trained-pipeline'
import type { WorkContext } from './work'
import { secondsSince, startStage } from './work'

export const METRICS_FILE = 'metrics.json'

/** Larger windows read no faster. */
const LARGEST_WINDOW = 64 * 2 ** 20

/**
 * Scores cubes with a trained pipeline and writes scores, decisions and metrics.json into `out`. All inputs are checked
 * before anything is written; each cube's files appear whole or not at all. Throws CuvetteError.
 */
export async function runPipeline(request: RunRequest, context: WorkContext): Promise<RunReport> {
  checkRequest(request)
  const { signal } = context
  const trained = await openFitted(request.pipelineFolder, request.data[0], signal)
  for (const message of trained.warnings) context.onProgress({ kind: 'warning', message })
  const decider = deciderOf(trained.pipeline)
  if (!decider && request.threshold === undefined) {
    context.onProgress({ kind: 'warning', message: 'The pipeline has no decider and no threshold was given, so scores are written without decisions.' })
  }
  if (!decider && request.threshold === undefined && request.regions?.length) {
    throw new CuvetteError('bad-argument', 'The pipeline has no decider, so there are no regions to list; give a threshold, or leave the regions out.')
  }
  const wanted = imagePorts(trained.pipeline, request.images ?? [])
  const cubes: Cube[] = []
  const stamps: FileStamp[][] = []
  let session: Session | null = null
  let ports: ImagePort[] = []
  let undo = async (): Promise<void> => undefined
  try {
    for (const reference of request.data) {
      cubes.push(await openCube(reference, { signal }))
      stamps.push(await stampsOf(reference))
    }
    const whose = isSaved(trained) ? 'the first cube' : 'the cube the pipeline was fitted on'
    const differences = cubes.map((cube) => compareBands(cube, trained.pipeline.facts, whose))
    const masks = await masksOf(cubes, request.masks, signal)
    session = await openSession(scoringModel(trained.model, isSaved(trained) ? trained.folder : join(trained.folder, PIPELINE_FILES.model)), request.device)
    const { device, reason: deviceReason } = session.report
    context.onProgress({ kind: 'device', device, reason: deviceReason })
    ports = await openImagePorts(trained, wanted, request.device)
    undo = await createFolder(request.out)

    const names = outputNames(cubes)
    const reports: CubeRunReport[] = []
    for (const [index, cube] of cubes.entries()) {
      const more = differences[index] === null ? [] : [differences[index]]
      reports.push(await runCube({ cube, stamps: stamps[index], mask: masks[index], name: names[index], session, ports, trained, request, warnings: more }, context))
    }
    await writeFileAtomic(join(request.out, METRICS_FILE), metricsText(reports))
    return { out: request.out, device, deviceReason, peakMemoryMB: Math.round(process.resourceUsage().maxRSS / 1024), cubes: reports }
  } catch (error) {
    await undo()
    if (signal.aborted) throw new CuvetteError('cancelled', 'Scoring was stopped before it was finished.', { cause: error })
    throw error
  } finally {
    await session?.release()
    for (const port of ports) await port.session.release()
    for (const cube of cubes) await cube.close()
  }
}

interface CubeRun {
  cube: Cube
  stamps: readonly FileStamp[]
  mask: Reference | null
  name: string
  session: Session
  ports: readonly ImagePort[]
  trained: FittedPipeline
  request: RunRequest
  warnings: string[]
}

async function runCube({ cube, stamps, mask, name, session, ports, trained, request, warnings }: CubeRun, context: WorkContext): Promise<CubeRunReport> {
  const started = performance.now()
  const { path, shape } = cube.description
  const targets = await readTargets(trained.pipeline, cube, mask, context.signal)
  const meter = startStage(context, 'score', `Scoring ${path}`, shape[0] * shape[1])
  const half = ((request.memoryMB ?? RUN_MEMORY_MB) * 2 ** 20) / 2
  const budget = {
    bytes: Math.min(LARGEST_WINDOW, half),
    // Who names a budget may use all of it for an image that goes through whole.
    imageBytes: request.memoryMB === undefined ? Math.min(LARGEST_WINDOW, half) : half,
    room: { bytes: half / 2, folder: request.out },
    signal: context.signal,
  }
  const scene = await scoreScene(session, trained.pipeline, cube, targets, { ...budget, threshold: request.threshold, onPixels: (count) => meter.advance(count) })
  meter.finish()
  const images = ports.map((port) => async () => {
    const stage = startStage(context, 'image', `Computing ${port.port} of ${path}`, shape[0] * shape[1])
    const image = await imageOf(port, trained.pipeline, cube, { ...budget, onPixels: (count) => stage.advance(count) })
    stage.finish()
    await requireUnchanged(stamps, 'scoring')
    return image
  })
  const write = async (): Promise<string[]> => {
    await requireUnchanged(stamps, 'scoring')
    return await writeScene(request.out, name, cube, scene, sceneOutputs(request), images, context.signal)
  }
  const files = await write().finally(() => scene.judged.close())
  for (const message of [...warnings, ...scene.warnings]) context.onProgress({ kind: 'warning', message })
  return {
    path,
    shape,
    threshold: scene.threshold,
    flagged: scene.flagged,
    seconds: secondsSince(started),
    metrics: scene.metrics,
    warnings: [...cube.description.warnings, ...warnings, ...scene.warnings],
    files,
  }
}

function checkRequest({ data, format, memoryMB, threshold, leastArea = 1 }: RunRequest): void {
  if (format.length === 0) throw new CuvetteError('bad-argument', 'No format was named; expected envi, npy, tiff or png.')
  if (!(leastArea >= 1)) throw new CuvetteError('bad-argument', `The least area of a region is ${leastArea} pixels; a number of at least 1 is expected.`)
  if (data.length === 0) throw new CuvetteError('bad-argument', 'No cube was named; name at least one with --data.')
  if (memoryMB !== undefined && !(memoryMB > 0)) throw new CuvetteError('bad-argument', `The memory budget is ${memoryMB} MB; a number above 0 is expected.`)
  if (threshold !== undefined && !Number.isFinite(Math.fround(threshold))) throw new CuvetteError('bad-argument', `The threshold is ${threshold}; a finite number is expected.`)
}

/** metrics.json: what does not change from one run to the next with the same threshold. */
function metricsText(reports: readonly CubeRunReport[]): string {
  const cubes = reports.map(({ path, shape, threshold, flagged, metrics, files }) => ({ path, shape, threshold, flagged, metrics, files }))
  return `${JSON.stringify({ cubes }, null, 2)}\n`
}
