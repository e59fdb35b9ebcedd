import { CuvetteError } from '../../shared/problem'
import { IGNORED } from '../../shared/threshold-curve'
import { usablePixels } from '../inference/usable-pixels'
import { imageBytes, megabytes } from '../inference/whole-image'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import { randomSource } from '../nodes/random'
import { wantingImages } from '../pipeline/locality'
import type { TileBatch, TrainerSettings } from '../pipeline/trainer'
import type { Artifacts } from './artifacts'
import type { FrameReading, TrainingData } from './data'
import { frameBatch, frameBatches, requireSameSize, unusablePixel } from './data'
import type { Frame } from './frame'
import { isIgnored } from './frame'
import type { FitInputs } from './inputs'
import type { FitMemory } from './memory'
import { fitMemory } from './memory'
import type { PixelPool } from './pixel-pool'
import { countValid, fillPool } from './pixel-pool'
import type { PixelStream } from './pixel-stream'
import { streamOfCubes, streamOfPool } from './pixel-stream'
import { imagesOfPool, pixelBatches } from './pool-batches'
import type { Holes } from './tiles'
import { batchOfTiles, gridTiles, tileBatches } from './tiles'
import type { ValidationGroup } from './validation'

/** The pixels of a fit: all valid ones for statistics, and a pool that fits into memory for training. */
export interface Samples {
  stream: PixelStream
  /** null when they do not fit and nothing trains on loose pixels. */
  pool: PixelPool | null
  /** Which pixels of each training cube cannot be used. */
  holes: Holes
  /** Sentences about pixels that were left out. */
  warnings: string[]
}

/** Reads the training cubes once. Throws CuvetteError('bad-data') when no pixel can be used. */
export async function gatherSamples({ frames, pipeline }: FitInputs, seed: number, context: WorkContext, memory = fitMemory()): Promise<Samples> {
  const bytes = memory.training
  const cubes = frames.map(({ cube }) => cube)
  const total = pixelsOf(frames)
  const bands = cubes[0].description.shape[2]
  const meter = startStage(context, 'read', 'Reading the training pixels', total)
  const usable = usablePixels(pipeline)
  const holes = noHoles(frames)
  const options = {
    readBytes: memory.read, usable, signal: context.signal, onPixels: (count: number) => meter.advance(count), onUnusable: marking(holes, frames),
    leftOut: (cube: number, place: number) => isIgnored(frames[cube], place),
  }
  const pooled = pipeline.trainer?.batch.unit === 'pixels' || total * bands * 4 <= bytes
  const pool = pooled ? await fillPool(cubes, randomSource(seed, 'training pixels'), { ...options, bytes }) : null
  const seen = pool?.seen ?? (await countValid(cubes, options))
  meter.finish()
  if (seen.valid === 0 && seen.leftOut > 0) throw nothingJudged('training', frames)
  if (seen.valid === 0) {
    const { path } = cubes[0].description
    throw new CuvetteError('bad-data', `No pixel of the training cubes has a finite value in every band that is used; check the no-data value and the bad bands of ${path}.`, { path })
  }
  const warnings: string[] = []
  if (seen.leftOut > 0) warnings.push(`${seen.leftOut} of ${seen.total} training pixels belong to classes that are ignored and were left out.`)
  const lacking = seen.total - seen.valid - seen.leftOut
  if (lacking > 0) warnings.push(`${lacking} of ${seen.total} training pixels lack a finite value in a band that is used and were left out.`)
  const whole = pool?.count === seen.valid
  if (pool && !whole && pipeline.trainer) warnings.push(`Training draws from ${pool.count} of ${seen.valid} valid pixels, as many as fit into ${megabytes(bytes)}; statistics use all of them.`)
  const reading = { readBytes: memory.read, usable, signal: context.signal }
  return { stream: pool && whole ? streamOfPool(pool, frames, reading) : streamOfCubes(frames, seen.valid, reading), pool, holes, warnings }
}

function nothingJudged(kind: 'training' | 'validation', [{ cube: { description: { path } } }]: readonly Frame[]): CuvetteError {
  return new CuvetteError('bad-data', `Every pixel of the ${kind} cubes that can be used belongs to a class that is ignored; give a class of the mask of ${path} another use.`, { path })
}

/** Whether images of a fit hold pixels that are not to be judged. Loose pixels leave them out. */
export function judgesSome({ frames, validation, pipeline }: FitInputs, { batch, losses }: TrainerSettings): boolean {
  const showsImages = batch.unit === 'tiles' || wantingImages(pipeline.nodes, losses) !== undefined
  return showsImages && [...frames, ...validation].some(({ targets }) => targets?.includes(IGNORED))
}

/** The frames with a pixel to judge, and their holes. */
function judgedFrames(frames: readonly Frame[], holes: Holes): { frames: Frame[]; holes: Holes } {
  const kept = frames.flatMap(({ targets }, index) => (targets?.every((target) => target === IGNORED) ? [] : [index]))
  return { frames: kept.map((index) => frames[index]), holes: kept.map((index) => holes[index]) }
}

function noHoles(frames: readonly Frame[]): (Uint8Array | null)[] {
  return frames.map(() => null)
}

/** Notes pixels that cannot be used. */
function marking(holes: (Uint8Array | null)[], frames: readonly Frame[]): (cube: number, place: number) => void {
  return (cube, place) => {
    const [lines, samples] = frames[cube].cube.description.shape
    const marked = (holes[cube] ??= new Uint8Array(lines * samples))
    marked[place] = 1
  }
}

/** Which batches may be cut into pieces. */
export type Additivity = Pick<Artifacts, 'additive' | 'additiveInEvaluation'>

/** What the gradient phase trains and validates on. */
export interface PreparedData {
  data: TrainingData
  validation: ValidationGroup[]
  /** Sentences. */
  warnings: string[]
}

/** Throws CuvetteError('bad-data') where a cube does not go with the batches that are asked for. */
export async function prepareData(inputs: FitInputs, samples: Samples, settings: TrainerSettings, cut: Additivity, context: WorkContext, memory = fitMemory()): Promise<PreparedData> {
  const { sharesFrames, pipeline } = inputs
  const { batch, seed, shuffle } = settings
  const order = { size: batch.size, seed, shuffle }
  const [piecePixels, validationPieces] = [cut.additive, cut.additiveInEvaluation].map((additive) => (additive ? undefined : Number.MAX_SAFE_INTEGER))
  const whole = wantingImages(pipeline.nodes, settings.losses) !== undefined
  if (batch.unit === 'pixels') {
    const { pool } = samples
    if (whole || !pool) throw new CuvetteError('internal', 'Loose pixels were asked for where images are needed.')
    const validationPool = sharesFrames ? pool : await poolOf(inputs, seed, context, memory)
    return { data: pixelBatches(pool, inputs.frames, { ...order, piecePixels, gatheredBytes: memory.gathered }), validation: [imagesOfPool(validationPool, inputs.validation, validationPieces)], warnings: [] }
  }
  const reading: FrameReading = { readBytes: memory.read, usable: usablePixels(pipeline), whole, piecePixels, signal: context.signal }
  const validationReading = { ...reading, piecePixels: validationPieces }
  const training = judgedFrames(inputs.frames, samples.holes)
  const validating = sharesFrames ? training : judgedFrames(inputs.validation, whole ? await holesOf(inputs.validation, reading, context) : noHoles(inputs.validation))
  if (validating.frames.length === 0) throw nothingJudged('validation', inputs.validation)
  const [{ frames }, { frames: validation, holes }] = [training, validating]
  if (batch.unit === 'frames') {
    if (whole && batch.size > 1) for (const { cube } of frames) requireSameSize(frames[0].cube, cube)
    if (whole) requireWhole(frames, training.holes)
    if (whole) requireWhole(validation, holes)
    return { data: frameBatches(frames, order, reading), validation: groupsOfFrames(validation, batch.size, validationReading), warnings: [] }
  }
  const { tiles, leftOut, unjudged } = gridTiles(frames, training.holes, batch)
  if (tiles.length === 0) throw noTile('training', batch, frames)
  const data = tileBatches(frames, training.holes, tiles, batch, order, context.signal)
  const all = leftOut + unjudged + tiles.length
  const warnings: string[] = []
  if (leftOut > 0) warnings.push(`${leftOut} of ${all} tiles hold pixels without a finite value and were left out of the training.`)
  if (unjudged > 0) warnings.push(`${unjudged} of ${all} tiles hold nothing but pixels of classes that are ignored and were left out of the training.`)
  return { data, validation: validation.map((frame, index) => imagesOfFrame(frame, (whole && holes[index]) || null, batch, validationReading, memory.image)), warnings }
}

function noTile(kind: string, { lines, samples }: TileBatch, [{ cube: { description: { path } } }]: readonly Frame[]): CuvetteError {
  return new CuvetteError('bad-data', `No tile of ${lines} x ${samples} pixels of the ${kind} cubes is free of pixels without a finite value; choose a smaller trainer.batch.size, or check the no-data value and the bad bands of ${path}.`, { path })
}

/** A validation cube as a whole image, or, where it is too large or has pixels that cannot be used, as the tiles without them. */
function imagesOfFrame(frame: Frame, holes: Uint8Array | null, batch: TileBatch, reading: FrameReading, most: number): ValidationGroup {
  if (!holes && (!reading.whole || imageBytes(frame.cube) <= most)) return [{ batch: frameBatch([frame], reading), pixels: pixelsOf([frame]) }]
  const { tiles } = gridTiles([frame], [holes], batch)
  if (tiles.length === 0) throw noTile('validation', batch, [frame])
  return tiles.map((tile) => ({ batch: batchOfTiles([frame], [tile], batch, reading.signal), pixels: batch.lines * batch.samples }))
}

function requireWhole(frames: readonly Frame[], holes: Holes): void {
  for (const [index, { cube }] of frames.entries()) {
    const first = holes[index]?.indexOf(1) ?? -1
    if (first >= 0) throw unusablePixel(cube, first)
  }
}

async function holesOf(frames: readonly Frame[], { readBytes, usable, signal }: FrameReading, context: WorkContext): Promise<Holes> {
  const holes = noHoles(frames)
  const meter = startStage(context, 'read', 'Reading the validation pixels', pixelsOf(frames))
  await countValid(frames.map(({ cube }) => cube), { readBytes, usable, signal, onPixels: (count) => meter.advance(count), onUnusable: marking(holes, frames) })
  meter.finish()
  return holes
}

async function poolOf({ validation: frames, pipeline }: FitInputs, seed: number, context: WorkContext, memory: FitMemory): Promise<PixelPool> {
  const meter = startStage(context, 'read', 'Reading the validation pixels', pixelsOf(frames))
  const pool = await fillPool(frames.map(({ cube }) => cube), randomSource(seed, 'validation pixels'), {
    bytes: memory.validation, readBytes: memory.read, usable: usablePixels(pipeline), signal: context.signal, onPixels: (count) => meter.advance(count),
    leftOut: (cube, place) => isIgnored(frames[cube], place),
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
