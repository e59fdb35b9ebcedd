import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { DetectionMetrics } from '../../shared/metrics'
import { IGNORED } from '../../shared/threshold-curve'
import type { Cube } from '../cube'
import { formatReference, openCube, wavelengthsInNanometres } from '../cube'
import { masksOf, readTargets } from '../inference/masks'
import { scoringModel } from '../inference/partial-model'
import { outlined, pictureStride, SCORE_MAP, scenePicture, scoreLimits, scorePlane, scoresOf } from '../inference/scene-pictures'
import { scan } from '../inference/scan'
import type { Scene } from '../inference/scene'
import { scenePixels, scoreScene } from '../inference/scene'
import type { TrainedPipeline } from '../inference/trained-pipeline'
import { openTrainedPipeline, PIPELINE_FILES } from '../inference/trained-pipeline'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { readModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Session } from '../onnx/session'
import { colouredPlane, pngOfCanvas } from '../pictures'

/** More training cubes than these are named, not shown. */
const SHOWN_CUBES = 3
/** Pixels of a picture in the report. */
const LARGEST_SHOWN = 600 * 600
/** Scores that curves and histogram are drawn from; more are taken evenly. */
const LARGEST_SAMPLE = 2_000_000
/** Spectra that the mean is taken over; more are taken evenly. */
const LARGEST_SPECTRA = 50_000
/** Bytes of an image that the scores need as a whole; a larger one is left out, with a note. */
const LARGEST_IMAGE = 2 ** 29
/** Bytes of a cube read at once. */
const READ_BYTES = 16 * 2 ** 20

/** One training cube as it is now, and what the pipeline makes of it. */
export interface SceneContent {
  name: string
  shape: readonly [number, number, number]
  threshold: number | null
  flagged: number
  metrics: DetectionMetrics | null
  /** PNG: the scene with the outline of what is flagged, and the scores. */
  overlay: Uint8Array
  scorePicture: Uint8Array
  scoreLimits: readonly [low: number, high: number]
  /** Of so many pixels with a finite score, evenly taken. */
  scores: Float32Array
  /** 0 normal, 1 anomalous, 255 not judged; null without a mask. */
  targets: Uint8Array | null
}

export interface SpectrumContent {
  /** Nanometres; null: bands are counted. */
  wavelengthsNm: readonly number[] | null
  /** Of normal pixels where there is a mask, else of all; NaN where a band holds no number. */
  mean: Float64Array
  deviation: Float64Array
  /** Of the anomalous ones; null where there are none. */
  anomalous: Float64Array | null
  of: string
  badBands: readonly number[]
}

/** Everything a report says. */
export interface ReportContent {
  folder: string
  trained: TrainedPipeline
  /** 0-based bands by the node that chose them. */
  selectedBands: Readonly<Record<string, readonly number[]>>
  scenes: SceneContent[]
  spectrum: SpectrumContent | null
  /** Sentences about what is missing and why. */
  notes: string[]
}

/** Opens a trained pipeline, and the training cubes as far as they are there, and scores them again. Throws CuvetteError as opening does; a cube that is gone is a note. */
export async function reportContent(folder: string, context: WorkContext): Promise<ReportContent> {
  const trained = await openTrainedPipeline(folder)
  const { record } = trained
  const content: ReportContent = { folder, trained, selectedBands: bandsOf(trained), scenes: [], spectrum: null, notes: [] }
  if (record.data.length > SHOWN_CUBES) content.notes.push(`The first ${SHOWN_CUBES} of ${record.data.length} training cubes are shown.`)
  const path = join(folder, PIPELINE_FILES.model)
  const session = await openSession(scoringModel(trained.model, path), 'cpu')
  try {
    for (const [index, { path: cubePath, variable }] of record.data.slice(0, SHOWN_CUBES).entries()) {
      if (!existsSync(cubePath)) {
        content.notes.push(`${cubePath} is not there any more, so its picture, scores and spectrum are left out.`)
        continue
      }
      try {
        const cube = await openCube(formatReference({ path: cubePath, variable }), { signal: context.signal })
        try {
          await addScene(content, cube, maskOf(trained, index), session, context)
        } finally {
          await cube.close()
        }
      } catch (error) {
        if (!(error instanceof CuvetteError) || error.code === 'cancelled') throw error
        content.notes.push(`${cubePath} is left out: ${error.message}`)
      }
    }
    return content
  } finally {
    await session.release()
  }
}

/** Masks of a record go with their cubes only where each cube had one; otherwise it is looked for as a run does. */
function maskOf({ record: { data, masks } }: TrainedPipeline, index: number): string | undefined {
  return masks.length === data.length && existsSync(masks[index].path) ? formatReference(masks[index]) : undefined
}

function bandsOf({ model, folder }: TrainedPipeline): Record<string, number[]> {
  const text = readModel(model, folder).metadata_props?.find(({ key }) => key === 'cuvette.selected_bands')?.value
  return text === undefined ? {} : (JSON.parse(text) as Record<string, number[]>)
}

async function addScene(content: ReportContent, cube: Cube, named: string | undefined, session: Session, context: WorkContext): Promise<void> {
  const { trained: { pipeline }, scenes } = content
  const { path, shape } = cube.description
  const [mask] = await masksOf([cube], [named], context.signal)
  const targets = await readTargets(pipeline, cube, mask, context.signal)
  const meter = startStage(context, 'report', `Scoring ${path} for the report`, shape[0] * shape[1])
  const scene = await scoreScene(session, pipeline, cube, targets, { bytes: READ_BYTES, imageBytes: LARGEST_IMAGE, signal: context.signal, onPixels: (count) => meter.advance(count) })
  meter.finish()
  try {
    scenes.push(await sceneContent(cube, scene, targets, context.signal))
    content.spectrum ??= await spectrumOf(cube, targets, context.signal)
  } finally {
    await scene.judged.close()
  }
}

async function sceneContent(cube: Cube, scene: Scene, targets: Uint8Array | null, signal: AbortSignal): Promise<SceneContent> {
  const { path, shape } = cube.description
  const stride = pictureStride(shape, LARGEST_SHOWN)
  const plane = await scorePlane(scene, shape, stride)
  const limits = await scoreLimits(() => scoresOf(scene))
  const overlay = outlined(await scenePicture(cube, stride, signal), plane, scene.threshold)
  return {
    name: basename(path), shape,
    threshold: scene.decided ? scene.threshold : null,
    flagged: scene.flagged, metrics: scene.metrics,
    overlay: await pngOfCanvas(overlay),
    scorePicture: await pngOfCanvas(colouredPlane(plane, ...limits, SCORE_MAP)),
    scoreLimits: limits,
    ...(await sample(scene, shape, targets)),
  }
}

/** Finite scores of evenly taken pixels, with their targets. */
async function sample(scene: Scene, [lines, samples]: readonly [number, number, number], targets: Uint8Array | null): Promise<Pick<SceneContent, 'scores' | 'targets'>> {
  const every = Math.ceil((lines * samples) / LARGEST_SAMPLE)
  const room = Math.ceil((lines * samples) / every)
  const [scores, truth] = [new Float32Array(room), new Uint8Array(room)]
  let count = 0
  for await (const block of scenePixels(scene, samples)) {
    for (let at = (every - (block.first % every)) % every; at < block.scores.length; at += every) {
      if (!Number.isFinite(block.scores[at])) continue
      scores[count] = block.scores[at]
      truth[count] = targets?.[block.first + at] ?? IGNORED
      count += 1
    }
  }
  return { scores: scores.subarray(0, count), targets: targets && truth.subarray(0, count) }
}

async function spectrumOf(cube: Cube, targets: Uint8Array | null, signal: AbortSignal): Promise<SpectrumContent> {
  const { shape: [lines, samples, bands], badBands } = cube.description
  const every = Math.ceil((lines * samples) / LARGEST_SPECTRA)
  const [normal, anomalous] = [new MeanSpectrum(bands), new MeanSpectrum(bands)]
  for await (const { first, count, pixels } of scan(cube, { bytes: READ_BYTES, signal })) {
    for (let at = (every - (first % every)) % every; at < count; at += every) {
      const target = targets?.[first + at] ?? 0
      if (target !== IGNORED) (target === 0 ? normal : anomalous).add(pixels, at * bands)
    }
  }
  const found = anomalous.mean()
  return {
    wavelengthsNm: wavelengthsInNanometres(cube.description), badBands,
    mean: normal.mean(), deviation: normal.deviation(),
    anomalous: found.some(Number.isFinite) ? found : null,
    of: targets ? 'normal pixels' : 'all pixels',
  }
}

/** Mean and standard deviation of every band over finite numbers (B. P. Welford, 1962). */
class MeanSpectrum {
  private readonly counts: Float64Array
  private readonly means: Float64Array
  private readonly squares: Float64Array

  constructor(private readonly bands: number) {
    this.counts = new Float64Array(bands)
    this.means = new Float64Array(bands)
    this.squares = new Float64Array(bands)
  }

  add(pixels: Float32Array, from: number): void {
    for (let band = 0; band < this.bands; band += 1) {
      const value = pixels[from + band]
      if (!Number.isFinite(value)) continue
      const distance = value - this.means[band]
      this.means[band] += distance / (this.counts[band] += 1)
      this.squares[band] += distance * (value - this.means[band])
    }
  }

  mean(): Float64Array {
    return this.means.map((mean, band) => (this.counts[band] > 0 ? mean : Number.NaN))
  }

  deviation(): Float64Array {
    return this.squares.map((sum, band) => (this.counts[band] > 1 ? Math.sqrt(sum / (this.counts[band] - 1)) : 0))
  }
}
