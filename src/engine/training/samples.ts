import { CuvetteError } from '../../shared/problem'
import { scoresAreLocal } from '../inference/scene'
import { usablePixels } from '../inference/usable-pixels'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { randomSource } from '../nodes/random'
import type { TrainerSettings } from '../pipeline/trainer'
import type { Frame, FrameReading, TrainingData } from './data'
import { frameBatch, frameBatches, imagesOfPool, pixelBatches } from './data'
import type { FitInputs } from './inputs'
import type { PixelPool } from './pixel-pool'
import { countValid, fillPool } from './pixel-pool'
import type { PixelStream } from './pixel-stream'
import { streamOfCubes, streamOfPool } from './pixel-stream'
import type { ValidationGroup } from './validation'

/** Most memory that training pixels take, in bytes. */
export const POOL_BYTES = 256 * 2 ** 20
/** The same for validation cubes of their own. */
export const VALIDATION_POOL_BYTES = 128 * 2 ** 20
/** Bytes read from a cube at once. */
export const READ_BYTES = 32 * 2 ** 20

/** The pixels of a fit: all valid ones for statistics, and a pool that fits into memory for training. */
export interface Samples {
  stream: PixelStream
  /** null when they do not fit and nothing trains on loose pixels. */
  pool: PixelPool | null
  /** Sentences about pixels that were left out. */
  warnings: string[]
}

/** Reads the training cubes once. Throws CuvetteError('bad-data') when no pixel can be used. */
export async function gatherSamples({ frames, pipeline }: FitInputs, seed: number, context: WorkContext, bytes = POOL_BYTES): Promise<Samples> {
  const cubes = frames.map(({ cube }) => cube)
  const total = pixelsOf(frames)
  const bands = cubes[0].description.shape[2]
  const meter = startStage(context, 'read', 'Reading the training pixels', total)
  const usable = usablePixels(pipeline)
  const options = { readBytes: READ_BYTES, usable, signal: context.signal, onPixels: (count: number) => meter.advance(count) }
  const pooled = pipeline.trainer?.batch.unit === 'pixels' || total * bands * 4 <= bytes
  const pool = pooled ? await fillPool(cubes, randomSource(seed, 'training pixels'), { ...options, bytes }) : null
  const seen = pool?.seen ?? (await countValid(cubes, options))
  meter.finish()
  if (seen.valid === 0) {
    const { path } = cubes[0].description
    throw new CuvetteError('bad-data', `No pixel of the training cubes has a finite value in every band that is used; check the no-data value and the bad bands of ${path}.`, { path })
  }
  const warnings: string[] = []
  if (seen.valid < seen.total) warnings.push(`${seen.total - seen.valid} of ${seen.total} training pixels lack a finite value in a band that is used and were left out.`)
  const whole = pool?.count === seen.valid
  if (pool && !whole && pipeline.trainer) warnings.push(`Training draws from ${pool.count} of ${seen.valid} valid pixels, as many as fit into ${Math.round(bytes / 2 ** 20)} MB; statistics use all of them.`)
  return { stream: pool && whole ? streamOfPool(pool) : streamOfCubes(cubes, seen.valid, { readBytes: READ_BYTES, usable, signal: context.signal }), pool, warnings }
}

/** What the gradient phase trains and validates on. `additive`: whether batches may be cut into pieces. */
export async function prepareData(inputs: FitInputs, samples: Samples, settings: TrainerSettings, additive: boolean, context: WorkContext): Promise<{ data: TrainingData; validation: ValidationGroup[] }> {
  const { frames, validation, sharesFrames, pipeline } = inputs
  const order = { size: settings.batch.size, seed: settings.seed, shuffle: settings.shuffle }
  const local = scoresAreLocal(pipeline)
  const piecePixels = additive ? undefined : Number.MAX_SAFE_INTEGER
  if (settings.batch.unit === 'frames') {
    const reading: FrameReading = { readBytes: READ_BYTES, usable: usablePixels(pipeline), whole: !local, piecePixels, signal: context.signal }
    return { data: frameBatches(frames, order, reading), validation: groupsOfFrames(validation, settings.batch.size, reading) }
  }
  const { pool } = samples
  if (!local || !pool) {
    throw new CuvetteError('bad-pipeline', 'A node of the pipeline looks at whole images, so loose pixels cannot train it; set trainer.batch to {frames: 1}.', { path: pipeline.document.path, where: 'trainer.batch' })
  }
  const validationPool = sharesFrames ? pool : await poolOf(inputs, settings.seed, context)
  return { data: pixelBatches(pool, frames, { ...order, piecePixels }), validation: [imagesOfPool(validationPool, validation, piecePixels)] }
}

async function poolOf({ validation: frames, pipeline }: FitInputs, seed: number, context: WorkContext): Promise<PixelPool> {
  const meter = startStage(context, 'read', 'Reading the validation pixels', pixelsOf(frames))
  const pool = await fillPool(frames.map(({ cube }) => cube), randomSource(seed, 'validation pixels'), {
    bytes: VALIDATION_POOL_BYTES, readBytes: READ_BYTES, usable: usablePixels(pipeline), signal: context.signal, onPixels: (count) => meter.advance(count),
  })
  meter.finish()
  if (pool.count === 0) {
    const { path } = frames[0].cube.description
    throw new CuvetteError('bad-data', `No pixel of the validation cubes has a finite value in every band that is used; check the no-data value and the bad bands of ${path}.`, { path })
  }
  return pool
}

function groupsOfFrames(frames: readonly Frame[], size: number, reading: FrameReading): ValidationGroup[] {
  const groups: ValidationGroup[] = []
  for (let start = 0; start < frames.length; start += size) {
    groups.push(frames.slice(start, start + size).map((frame) => ({ batch: frameBatch([frame], reading), pixels: pixelsOf([frame]) })))
  }
  return groups
}

function pixelsOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { cube: { description: { shape } } }) => sum + shape[0] * shape[1], 0)
}
