import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeEnvi } from '../src/engine/cube'
import { scoringModel } from '../src/engine/inference/partial-model'
import { PIPELINE_FILES, TRAINING_FOLDER } from '../src/engine/inference/trained-pipeline'
import { openSession } from '../src/engine/onnx/session'
import { float32 } from '../src/engine/onnx/tensor'
import { ARTIFACT_FILES } from '../src/engine/training/artifacts'
import type { Batch } from '../src/engine/training/batch'
import { readCheckpoint } from '../src/engine/training/checkpoint'
import { fitPipeline } from '../src/engine/training/fit'
import { openLearner } from '../src/engine/training/learner'
import { scoringProducts, stepProducts } from './matrix-products'
import { CHANNELS, PIPELINE, pixels } from './pipeline'
import { timed } from './race'
import type { Contestant } from './race'

export const STEP_ROWS = 65_536
export const SCORE_ROWS = 512 * 512
export const CHUNK = 4096

/** What Cuvette ships, opened from the folder that a fit wrote. */
export interface Fitted {
  folder: string
  remove(): Promise<void>
}

/** Fits the benchmark's pipeline on noise: what is measured afterwards are the artifacts that every fit writes. */
export async function fitOnNoise(): Promise<Fitted> {
  const home = await mkdtemp(join(tmpdir(), 'cuvette-bench-'))
  const remove = () => rm(home, { recursive: true, force: true })
  try {
    const cube = { lines: 256, samples: 256, bands: CHANNELS, dataType: 'float32' as const, interleave: 'bip' as const, values: pixels(STEP_ROWS) }
    const [data] = await writeEnvi(join(home, 'noise.img'), cube)
    const folder = join(home, 'fitted')
    const request = { pipeline: { text: PIPELINE, path: 'bench' }, data: [data], masks: [], validation: [], out: folder, device: 'cpu' as const, resume: false }
    await fitPipeline(request, { signal: new AbortController().signal, onProgress: () => undefined })
    return { folder, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** A training step as the trainer does it: forward, losses, backward, AdamW; the centre moves first. */
export async function stepContestants({ folder }: Fitted, threads: number): Promise<{ contestants: Contestant[]; release(): Promise<void> }> {
  const training = join(folder, TRAINING_FOLDER)
  const learner = await openLearner(training, await readCheckpoint(join(training, ARTIFACT_FILES.checkpoint)), 'cpu', { threads })
  const values = pixels(STEP_ROWS)
  const settings = { learningRate: 1e-3, gradientClip: null, accumulate: 1 }
  const step = (name: string, chunk: number): Contestant => {
    const batch = batchOf(values, chunk)
    return timed(name, async () => void (await learner.step([batch], settings)))
  }
  const products = await productContestants(stepProducts(), values, threads)
  return {
    contestants: [step('cuvette whole', STEP_ROWS), step('cuvette micro', CHUNK), ...products.contestants],
    release: async () => {
      await learner.release()
      await products.release()
    },
  }
}

/** Scores of a scene by the exported model without its decider, as the scorer runs it. */
export async function scoreContestants({ folder }: Fitted, threads: number): Promise<{ contestants: Contestant[]; release(): Promise<void> }> {
  const path = join(folder, PIPELINE_FILES.model)
  const session = await openSession(scoringModel(await readFile(path), path), 'cpu', { threads })
  const values = pixels(SCORE_ROWS)
  const score = (name: string, chunk: number): Contestant => timed(name, async () => {
    for (let start = 0; start < SCORE_ROWS; start += chunk) {
      await session.run({ cube: float32([1, 1, chunk, CHANNELS], values.subarray(start * CHANNELS, (start + chunk) * CHANNELS)) }, ['scores'])
    }
  })
  const products = await productContestants(scoringProducts(), values, threads)
  return {
    contestants: [score('cuvette whole', SCORE_ROWS), score('cuvette micro', CHUNK), ...products.contestants],
    release: async () => {
      await session.release()
      await products.release()
    },
  }
}

async function productContestants(model: Uint8Array, values: Float32Array, threads: number): Promise<{ contestants: Contestant[]; release(): Promise<void> }> {
  const session = await openSession(model, 'cpu', { threads })
  const rows = values.length / CHANNELS
  const multiply = (name: string, chunk: number): Contestant => timed(name, async () => {
    for (let start = 0; start < rows; start += chunk) {
      await session.run({ x: float32([chunk, CHANNELS], values.subarray(start * CHANNELS, (start + chunk) * CHANNELS)) })
    }
  })
  return { contestants: [multiply('products whole', rows), multiply('products micro', CHUNK)], release: () => session.release() }
}

/** Pixels that lie ready, cut into pieces. */
function batchOf(values: Float32Array, chunk: number): Batch {
  const rows = values.length / CHANNELS
  return {
    single: chunk >= rows,
    async *pieces() {
      for (let start = 0; start < rows; start += chunk) {
        yield { cube: float32([1, 1, chunk, CHANNELS], values.subarray(start * CHANNELS, (start + chunk) * CHANNELS)), targets: null, pixels: chunk }
      }
    },
  }
}
