import { existsSync } from 'node:fs'
import { readdir, readFile, realpath, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { ArtifactsRequest, FitReport } from '../../shared/reports'
import type { Cube } from '../cube'
import { openCube } from '../cube'
import { writeFileAtomic } from '../files/atomic'
import { compareBands, factsOf } from '../inference/fits'
import { masksOf, readTargets } from '../inference/masks'
import { createFolder } from '../inference/outputs'
import type { WorkContext } from '../inference/work'
import { secondsSince, startStage } from '../inference/work'
import { randomSource } from '../nodes/random'
import { readModel } from '../onnx/model'
import { decodeOptimizerModel } from '../onnx/optimizer-model'
import { readModelFile } from '../onnx/reading/file'
import { ARTIFACT_FILES } from './artifacts'
import type { Checkpoint } from './checkpoint'
import { readCheckpoint, requireShapes, writeCheckpoint } from './checkpoint'
import type { TrainingData } from './data'
import type { Frame } from './frame'
import { isIgnored } from './frame'
import { firstValues, GUIDE_FILE, readGuide, sourcesOf } from './given-inputs'
import type { GivenModel, OtherInput } from './given-models'
import { givenEvaluationModel, givenTrainingModel } from './given-models'
import type { GivenTraining } from './given-training'
import { trainGiven } from './given-training'
import type { Learner } from './learner'
import { openLearner } from './learner'
import { fitMemory } from './memory'
import { nextName } from './next-name'
import type { PixelPool } from './pixel-pool'
import { fillPool } from './pixel-pool'
import { pixelBatches } from './pool-batches'

/** Pixels in a batch where the caller says nothing. */
const BATCH = 1024
/**
 * Trains artifacts that were made elsewhere, in the format of ONNX Runtime's training: standard operators and the
 * accumulator. Loose pixels of the cubes go through, in an order that follows from the seed and the epoch alone, so that
 * two epochs and two more are the same bytes as four. Writes the artifacts with their new checkpoint into `request.out`,
 * which may be where they come from; the checkpoint is that of the last finished epoch at any time. A stop keeps it
 * (`stopped`). Throws CuvetteError; then nothing was written.
 */
export async function trainArtifacts(request: ArtifactsRequest, context: WorkContext): Promise<FitReport> {
  const started = performance.now()
  const set = await openSet(request.artifacts)
  const opened: Cube[] = []
  try {
    const frames = await openFrames(request.data, request.masks, opened, context.signal)
    const validation = request.validation.length > 0 ? await openFrames(request.validation, request.validationMasks ?? [], opened, context.signal) : null
    const facts = factsOf(opened[0])
    const warnings = [...opened.flatMap(({ description }) => description.warnings), ...opened.map((cube) => compareBands(cube, facts, opened[0].description.path)).filter((sentence) => sentence !== null)]
    for (const message of warnings) context.onProgress({ kind: 'warning', message })

    const training = givenTrainingModel(set.files.training, set.paths.training, set.checkpoint, facts.channels)
    const evaluation = givenEvaluationModel(set.files.evaluation, set.paths.evaluation, set.checkpoint, facts.channels)
    const seed = request.seed ?? set.checkpoint.properties.ints.seed ?? 0
    const guide = await readGuide(join(request.artifacts, GUIDE_FILE))
    if (guide.images) throw new CuvetteError('unsupported', `The artifacts in ${request.artifacts} look at images, as their ${GUIDE_FILE} says, and --artifacts draws loose pixels; go on in the folder of their pipeline with "cuvette fit --resume".`, { path: request.artifacts })
    const others = distinct([...training.others, ...evaluation.others])
    const first = firstValues(others, (name) => set.outputs.has(nextName(name)), guide)
    const checkpoint = { ...set.checkpoint, moving: new Map([...set.checkpoint.moving, ...first]) }
    const sources = sourcesOf(others.filter(({ name }) => !first.has(name)), request.inputs ?? {}, guide, seed)

    const models: Record<string, GivenModel | undefined> = { [ARTIFACT_FILES.training]: training, [ARTIFACT_FILES.evaluation]: evaluation }
    const learner = await openLearner(request.artifacts, checkpoint, request.device, {}, async (path) => models[basename(path)]?.model ?? set.files.optimizer)
    try {
      context.onProgress({ kind: 'device', device: learner.report.device, reason: learner.report.reason })
      requireMasks(learner, [...frames, ...(validation ?? [])])
      const memory = fitMemory(request.memoryMB)
      const pool = await poolOf(frames, 'training', memory.training, memory.read, seed, context)
      const data = batchesOf(pool, frames, request.batch ?? BATCH, seed, true)
      const judged = validation ? batchesOf(await poolOf(validation, 'validation', memory.validation, memory.read, seed, context), validation, request.batch ?? BATCH, seed, false) : batchesOf(pool, frames, request.batch ?? BATCH, seed, false)
      const trainer = { request, context, learner, data, judged, sources, checkpoint, seed }
      const phase = performance.now()
      const { epochs, stopped } = await trainInto(request, trainer, set)
      return {
        out: request.out,
        device: learner.report.device,
        deviceReason: learner.report.reason,
        seed,
        seconds: secondsSince(started),
        stopped,
        phases: { statistical: { nodes: [], pixels: 0, seconds: 0 }, gradient: { epochs: epochs.length, loss: epochs.map(({ loss }) => loss), seconds: secondsSince(phase) } },
        metrics: null,
        warnings,
        files: [...Object.values(ARTIFACT_FILES), ...(existsSync(join(request.out, GUIDE_FILE)) ? [GUIDE_FILE] : [])],
      }
    } finally {
      await learner.release()
    }
  } finally {
    for (const cube of opened) await cube.close()
  }
}

type ModelName = 'training' | 'evaluation' | 'optimizer'

/** An artifact set as it lies on the disk, weights in other files taken over. */
interface ArtifactSet {
  paths: Record<ModelName, string>
  files: Record<ModelName, Uint8Array>
  checkpoint: Checkpoint
  /** Of the training model. */
  outputs: ReadonlySet<string>
}

async function openSet(folder: string): Promise<ArtifactSet> {
  const missing = Object.values(ARTIFACT_FILES).filter((name) => !existsSync(join(folder, name)))
  if (missing.length > 0) throw new CuvetteError('missing-file', `The folder ${folder} holds no training artifacts: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing; expected are ${Object.values(ARTIFACT_FILES).join(', ')}.`, { path: folder })
  const path = join(folder, ARTIFACT_FILES.checkpoint)
  const checkpoint = await readCheckpoint(path)
  if (checkpoint.trainable.size === 0) throw new CuvetteError('bad-artifact', `The checkpoint ${path} holds no parameter that trains.`, { path })
  // Its own shapes: only the moments are judged here.
  requireShapes(checkpoint, new Map([...checkpoint.trainable, ...checkpoint.frozen, ...checkpoint.moving].map(([name, { shape }]) => [name, shape])), path)
  const paths = { training: join(folder, ARTIFACT_FILES.training), evaluation: join(folder, ARTIFACT_FILES.evaluation), optimizer: join(folder, ARTIFACT_FILES.optimizer) }
  const files = { training: await readModelFile(paths.training), evaluation: await readModelFile(paths.evaluation), optimizer: await readModelFile(paths.optimizer) }
  decodeOptimizerModel(files.optimizer, paths.optimizer)
  return { paths, files, checkpoint, outputs: new Set(readModel(files.training, paths.training).graph?.output?.map(({ name }) => name ?? '')) }
}

async function openFrames(references: readonly string[], masks: ArtifactsRequest['masks'], opened: Cube[], signal: AbortSignal): Promise<Frame[]> {
  const cubes: Cube[] = []
  for (const reference of references) {
    cubes.push(await openCube(reference, { signal }))
    opened.push(cubes[cubes.length - 1])
  }
  const found = await masksOf(cubes, masks, signal)
  const frames: Frame[] = []
  for (const [index, cube] of cubes.entries()) frames.push({ cube, targets: await readTargets({ nodes: [] }, cube, found[index], signal) })
  return frames
}

function requireMasks({ wantsTargets }: Learner, frames: readonly Frame[]): void {
  const path = wantsTargets ? frames.find(({ targets }) => targets === null)?.cube.description.path : undefined
  if (path !== undefined) throw new CuvetteError('bad-data', `The artifacts compare with a mask, but ${path} has none; name one with --mask or --val-mask.`, { path })
}

async function poolOf(frames: readonly Frame[], kind: 'training' | 'validation', bytes: number, readBytes: number, seed: number, context: WorkContext): Promise<PixelPool> {
  const bands = frames[0].cube.description.shape[2]
  const total = frames.reduce((sum, { cube: { description: { shape } } }) => sum + shape[0] * shape[1], 0)
  const meter = startStage(context, 'read', `Reading the ${kind} pixels`, total)
  const pool = await fillPool(frames.map(({ cube }) => cube), randomSource(seed, `${kind} pixels`), {
    bytes,
    readBytes,
    usable: (pixels, pixel) => pixels.subarray(pixel * bands, (pixel + 1) * bands).every(Number.isFinite),
    leftOut: (cube, place) => isIgnored(frames[cube], place),
    signal: context.signal,
    onPixels: (count) => meter.advance(count),
  })
  meter.finish()
  const { path } = frames[0].cube.description
  if (pool.count === 0) throw new CuvetteError('bad-data', `No pixel of the ${kind} cubes has a finite value in every band; check the no-data value of ${path}.`, { path })
  return pool
}

/** Nothing is known of a loss but the loss, so batches go through whole. */
function batchesOf(pool: PixelPool, frames: readonly Frame[], size: number, seed: number, shuffle: boolean): TrainingData {
  return pixelBatches(pool, frames, { size, seed, shuffle, piecePixels: Number.MAX_SAFE_INTEGER })
}

/** Places the result, and trains into it. What was placed goes again when no epoch was finished. */
async function trainInto(request: ArtifactsRequest, training: GivenTraining, { files }: ArtifactSet): Promise<Awaited<ReturnType<typeof trainGiven>>> {
  const folder = await artifactsFolder(request)
  const path = join(request.out, ARTIFACT_FILES.checkpoint)
  let finished = 0
  try {
    if (folder.isNew) {
      for (const name of ['training', 'evaluation', 'optimizer'] as const) await writeFileAtomic(join(request.out, ARTIFACT_FILES[name]), files[name])
      await copyGuide(request)
      await writeCheckpoint(path, training.checkpoint)
    }
    return await trainGiven(training, path, (done) => { finished = done })
  } catch (error) {
    if (finished === 0) await folder.undo()
    throw error
  }
}

/** The place for the result: the folder of the artifacts itself, or a new or empty one. */
async function artifactsFolder({ artifacts, out }: ArtifactsRequest): Promise<{ isNew: boolean; undo(): Promise<void> }> {
  const there = await realpath(out).catch(() => null)
  if (there !== null && there === (await realpath(artifacts))) return { isNew: false, undo: async () => undefined }
  const content = await readdir(out).catch(() => [])
  if (content.length > 0) throw new CuvetteError('cannot-write', `${out} is not empty; name a new folder, or the folder of the artifacts to go on in it.`, { path: out })
  const undo = await createFolder(out)
  return {
    isNew: true,
    async undo() {
      for (const name of [...Object.values(ARTIFACT_FILES), GUIDE_FILE]) await rm(join(out, name), { force: true })
      await undo()
    },
  }
}

async function copyGuide({ artifacts, out }: ArtifactsRequest): Promise<void> {
  const path = join(artifacts, GUIDE_FILE)
  if (existsSync(path)) await writeFileAtomic(join(out, GUIDE_FILE), await readFile(path))
}

function distinct(others: readonly OtherInput[]): OtherInput[] {
  return others.filter(({ name }, index) => others.findIndex((other) => other.name === name) === index)
}
