import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { ExportReport, ExportRequest } from '../../shared/reports'
import { cannotWrite, writeFileAtomic } from '../files/atomic'
import { createFolder } from '../inference/outputs'
import { openTrainedPipeline, PIPELINE_FILES, TRAINING_FOLDER } from '../inference/trained-pipeline'
import type { TrainedPipeline } from '../inference/trained-pipeline'
import type { WorkContext } from '../inference/work'
import { artifactsReadme } from './readme'
import { withThreshold } from './tuned'
import { verifyEvaluationModel, verifyModel } from './verify'
import type { Verification } from './verify'

/** Largest difference of a score that an export may show, relative to the score or to 1 where that is larger. */
export const TOLERANCE = 1e-5

/**
 * Exports a trained pipeline: `onnx` writes model.onnx, `ort-training` the training artifacts with a README, `folder` the
 * whole pipeline. What is written is run on pixels of the training cube and compared with the scores of the app; only
 * then it appears under its name, all at once. Throws CuvetteError; then nothing is left.
 */
export async function exportPipeline(request: ExportRequest, context: WorkContext): Promise<ExportReport> {
  const fitted = await openTrainedPipeline(request.pipelineFolder)
  const { trained, rewritten } = request.threshold === undefined ? { trained: fitted, rewritten: new Map<string, Uint8Array>() } : withThreshold(fitted, request.threshold)
  if (request.to === 'ort-training' && trained.record.withoutTraining !== null) {
    throw new CuvetteError('bad-argument', `The pipeline ${trained.folder} has no training artifacts: ${lowerFirst(trained.record.withoutTraining)} Export it with --to onnx or --to folder.`, { path: trained.folder })
  }
  const target = targetOf(request)
  await requireFree(target, request.to)
  const undo = await createFolder(dirname(target))
  const workshop = join(dirname(target), `.${basename(target)}.${process.pid}.export`)
  try {
    await mkdir(workshop)
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Writing', done: 0, total: 2, secondsLeft: null })
    const files = await write(workshop, trained, rewritten, request, target)
    throwIfStopped(context.signal)
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Checking what was written', done: 1, total: 2, secondsLeft: null })
    const verified = await verify(workshop, trained, request, target)
    throwIfStopped(context.signal)
    await moveIntoPlace(workshop, target, request.to === 'onnx')
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Exported', done: 2, total: 2, secondsLeft: null })
    return { out: request.out, to: request.to, files, verified: { maxDifference: verified.maxDifference, tolerance: TOLERANCE } }
  } catch (error) {
    await rm(workshop, { recursive: true, force: true })
    await undo()
    throw error instanceof CuvetteError ? error : cannotWrite(target, error)
  }
}

/** What appears at the end: a new folder, or one model file, which replaces an older one. */
function targetOf({ to, out }: ExportRequest): string {
  if (to !== 'onnx' || extname(out).toLowerCase() === '.onnx') return out
  return join(out, PIPELINE_FILES.model)
}

/** A folder of somebody's is never written into. */
async function requireFree(target: string, to: ExportRequest['to']): Promise<void> {
  if (!existsSync(target) || (to === 'onnx' && !(await stat(target)).isDirectory())) return
  const content = await readdir(target).catch(() => null)
  if (content !== null && content.length === 0) return
  throw new CuvetteError('cannot-write', `${target} exists already; name a new file or folder for the export, or remove it first.`, { path: target })
}

/** Writes the export into a folder of its own. Returns the files relative to the request's `out`. */
async function write(workshop: string, { folder, pipeline, record, model }: TrainedPipeline, rewritten: ReadonlyMap<string, Uint8Array>, request: ExportRequest, target: string): Promise<string[]> {
  if (request.to === 'onnx') {
    await writeFileAtomic(join(workshop, basename(target)), model)
    return [basename(target)]
  }
  const names = Object.keys(record.files).filter((name) => request.to === 'folder' || dirname(name) === TRAINING_FOLDER)
  const written: string[] = []
  for (const name of request.to === 'folder' ? [...names, PIPELINE_FILES.record] : names) {
    const place = request.to === 'folder' ? name : basename(name)
    await mkdir(dirname(join(workshop, place)), { recursive: true })
    await writeFileAtomic(join(workshop, place), rewritten.get(name) ?? (await readFile(join(folder, name))))
    written.push(place)
  }
  if (request.to === 'ort-training') {
    await writeFileAtomic(join(workshop, 'README.md'), artifactsReadme(record, pipeline, await readFile(join(folder, TRAINING_FOLDER, 'training_model.onnx'))))
    written.push('README.md')
  }
  return written
}

async function verify(workshop: string, trained: TrainedPipeline, request: ExportRequest, target: string): Promise<Verification> {
  if (request.to === 'ort-training') return await verifyEvaluationModel(trained, workshop, TOLERANCE)
  // A copied folder must open by itself, with every hash as recorded.
  if (request.to === 'folder') await openTrainedPipeline(workshop)
  return await verifyModel(trained, join(workshop, request.to === 'onnx' ? basename(target) : PIPELINE_FILES.model), TOLERANCE)
}

async function moveIntoPlace(workshop: string, target: string, file: boolean): Promise<void> {
  if (file) {
    await rename(join(workshop, basename(target)), target)
    await rmdir(workshop)
    return
  }
  // An empty folder may be in the way, and is then the place that was meant.
  if (existsSync(target)) await rmdir(target)
  await rename(workshop, target)
}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new CuvetteError('cancelled', 'The export was stopped; nothing was written.')
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
