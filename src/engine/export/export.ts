import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { ExportCheck, ExportReport, ExportRequest } from '../../shared/reports'
import { cannotWrite, writeFileAtomic } from '../files/atomic'
import { createFolder } from '../inference/outputs'
import { openFitted } from '../inference/saved-pipeline'
import { openTrainedPipeline, PIPELINE_FILES, TRAINING_FOLDER } from '../inference/trained-pipeline'
import type { FittedPipeline, TrainedPipeline } from '../inference/trained-pipeline'
import type { WorkContext } from '../inference/work'
import type { CuvisExport } from './cuvis'
import { verifyCuvis, writeCuvis } from './cuvis'
import { ARTIFACT_FILES } from '../training/artifacts'
import { readCheckpoint } from '../training/checkpoint'
import { GUIDE_FILE } from '../training/given-inputs'
import { noteCheck, noteFinished } from './note'
import { withPorts } from './ports'
import { artifactsReadme } from './readme'
import { trainingGuide } from './training-inputs'
import { TRITON_FILES, tritonConfig, tritonName } from './triton'
import { withThreshold } from './tuned'
import { imagesStandAlone, verifyEvaluationModel, verifyModel } from './verify'

/** What an export writes into a folder of its own, and how that is checked. */
interface Content {
  /** Returns the files relative to the request's `out`, and where the target cannot follow the pipeline. */
  write(workshop: string): Promise<{ files: string[]; warnings: string[] }>
  verify(workshop: string): Promise<ExportReport['verified']>
}

/**
 * Exports what was fitted: `onnx` writes model.onnx, `ort-training` the training artifacts with a README and inputs.json, `folder` the
 * whole pipeline, `triton` the same model in a repository of Triton Inference
 * Server, `cuvis` the document and the weights that the reference implementation loads. What is written is run on
 * pixels of the training cube and compared with the scores of the app; only then it appears under its name, all at once.
 * Throws CuvetteError; then nothing is left.
 */
export async function exportPipeline(request: ExportRequest, context: WorkContext): Promise<ExportReport> {
  const fitted = await openFitted(request.pipelineFolder, request.data, context.signal)
  for (const message of fitted.warnings) context.onProgress({ kind: 'warning', message })
  const target = targetOf(request, fitted)
  const content = contentOf(fitted, request, target)
  await requireFree(target, request.to)
  const undo = await createFolder(dirname(target))
  const workshop = join(dirname(target), `.${basename(target)}.${process.pid}.export`)
  try {
    await mkdir(workshop)
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Writing', done: 0, total: 2, secondsLeft: null })
    const { files, warnings } = await content.write(workshop)
    throwIfStopped(context.signal)
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Checking what was written', done: 1, total: 2, secondsLeft: null })
    const verified = await content.verify(workshop)
    throwIfStopped(context.signal)
    const check: ExportCheck = { to: request.to, out: request.out, created: new Date().toISOString(), ...verified }
    if (request.to === 'folder') await noteCheck(workshop, check)
    await moveIntoPlace(workshop, target, request.to === 'onnx')
    if ('record' in fitted) warnings.push(...(await noteFinished(fitted.folder, check)))
    for (const message of warnings) context.onProgress({ kind: 'warning', message })
    context.onProgress({ kind: 'stage', stage: 'export', message: 'Exported', done: 2, total: 2, secondsLeft: null })
    return { out: request.out, to: request.to, files, verified, ...(warnings.length > 0 && { warnings }) }
  } catch (error) {
    await rm(workshop, { recursive: true, force: true })
    await undo()
    throw error instanceof CuvetteError ? error : cannotWrite(target, error)
  }
}

/** Throws CuvetteError('bad-argument') for what this pipeline cannot be exported as. */
function contentOf(fitted: FittedPipeline | TrainedPipeline, request: ExportRequest, target: string): Content {
  const { to, threshold, ports = [] } = request
  if (ports.length > 0 && to !== 'onnx' && to !== 'triton') throw new CuvetteError('bad-argument', `Ports are outputs of a model, and --to ${to} writes more than that; name them with --to onnx or --to triton.`, { path: fitted.folder })
  const model = <Fitted extends FittedPipeline>(one: Fitted): Fitted => (ports.length > 0 ? withPorts(one, ports) : one)
  if (!('record' in fitted)) {
    if (to !== 'onnx' && to !== 'cuvis' && to !== 'triton') throw new CuvetteError('bad-argument', `${fitted.folder} is a document with its weights, and --to ${to} needs the folder of a fit; fit it, or export it with --to onnx, --to triton or --to cuvis.`, { path: fitted.folder })
    if (threshold !== undefined) throw new CuvetteError('bad-argument', `${fitted.folder} is a document with its weights; write the threshold into the document instead.`, { path: fitted.folder })
    if (to === 'triton') return tritonContent(model(fitted), target)
    return to === 'cuvis' ? cuvisContent(fitted) : modelContent(model(fitted), target)
  }
  const { trained, rewritten } = threshold === undefined ? { trained: fitted, rewritten: new Map<string, Uint8Array>() } : withThreshold(fitted, threshold)
  if (to === 'ort-training' && trained.record.withoutTraining !== null) {
    throw new CuvetteError('bad-argument', `The pipeline ${trained.folder} has no training artifacts: ${lowerFirst(trained.record.withoutTraining)} Export it with --to onnx or --to folder.`, { path: trained.folder })
  }
  if (to === 'cuvis') return cuvisContent(trained)
  if (to === 'onnx') return modelContent(model(trained), target)
  if (to === 'triton') return tritonContent(model(trained), target)
  return {
    write: async (workshop) => ({ files: await writeFolder(workshop, trained, rewritten, to), warnings: [] }),
    async verify(workshop) {
      if (to === 'ort-training') return await verifyEvaluationModel(trained, workshop)
      // A copied folder must open by itself, with every hash as recorded.
      await openTrainedPipeline(workshop)
      return await verifyModel(trained, join(workshop, PIPELINE_FILES.model))
    },
  }
}

function modelContent(fitted: FittedPipeline, target: string): Content {
  return {
    async write(workshop) {
      await writeFileAtomic(join(workshop, basename(target)), fitted.model)
      return { files: [basename(target)], warnings: [] }
    },
    verify: (workshop) => verifyModel(fitted, join(workshop, basename(target))),
  }
}

function tritonContent(fitted: FittedPipeline, target: string): Content {
  const name = basename(target)
  return {
    async write(workshop) {
      const path = join(workshop, TRITON_FILES.model)
      await mkdir(dirname(path))
      await writeFileAtomic(path, fitted.model)
      const batching = await imagesStandAlone(fitted, path)
      await writeFileAtomic(join(workshop, TRITON_FILES.config), tritonConfig(fitted.model, name, batching))
      const warnings = batching ? [] : ['The images of a batch influence one another in this pipeline, so Triton is told to run each request by itself (max_batch_size: 0).']
      return { files: [TRITON_FILES.config, TRITON_FILES.model].map((file) => `${name}/${file}`), warnings }
    },
    verify: (workshop) => verifyModel(fitted, join(workshop, TRITON_FILES.model)),
  }
}

function cuvisContent(fitted: FittedPipeline): Content {
  let written: CuvisExport = { files: [], differences: [] }
  return {
    async write(workshop) {
      written = await writeCuvis(workshop, fitted)
      return { files: written.files, warnings: written.differences }
    },
    verify: (workshop) => verifyCuvis(workshop, written, fitted),
  }
}

/** What appears at the end: a new folder, or one model file, which replaces an older one. */
function targetOf({ to, out }: ExportRequest, { pipeline }: FittedPipeline): string {
  // A repository may hold other models.
  if (to === 'triton') return join(out, tritonName(pipeline.name))
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

/** Writes a whole trained pipeline, or its training artifacts. Returns the files. */
async function writeFolder(workshop: string, { folder, pipeline, record }: TrainedPipeline, rewritten: ReadonlyMap<string, Uint8Array>, to: 'folder' | 'ort-training'): Promise<string[]> {
  const names = Object.keys(record.files).filter((name) => to === 'folder' || dirname(name) === TRAINING_FOLDER)
  const written: string[] = []
  for (const name of to === 'folder' ? [...names, PIPELINE_FILES.record] : names) {
    const place = to === 'folder' ? name : basename(name)
    await mkdir(dirname(join(workshop, place)), { recursive: true })
    await writeFileAtomic(join(workshop, place), rewritten.get(name) ?? (await readFile(join(folder, name))))
    written.push(place)
  }
  if (to === 'ort-training') {
    const training = join(folder, TRAINING_FOLDER)
    const checkpoint = await readCheckpoint(join(training, ARTIFACT_FILES.checkpoint))
    const guide = trainingGuide(pipeline, await readFile(join(training, ARTIFACT_FILES.training)), checkpoint, record.epochsPlanned)
    await writeFileAtomic(join(workshop, GUIDE_FILE), `${JSON.stringify(guide, null, 2)}\n`)
    await writeFileAtomic(join(workshop, 'README.md'), artifactsReadme(record, guide))
    written.push(GUIDE_FILE, 'README.md')
  }
  return written
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
