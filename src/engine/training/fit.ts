import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { DeviceReport } from '../../shared/device'
import type { FitReport, FitRequest, KeptEpochs, StartedFrom } from '../../shared/reports'
import { decodeSafetensors, encodeSafetensors } from '../files/safetensors'
import { hasRecord, PIPELINE_FILES, RECORD_FORMAT, TRAINING_FOLDER, UNFINISHED_FOLDER } from '../inference/trained-pipeline'
import { haloOf, scoresAreLocal } from '../inference/scene'
import { selectedBands } from '../inference/selected-bands'
import { CUVETTE_VERSION, runtimeVersions } from '../inference/version'
import { imageBytes, megabytes } from '../inference/whole-image'
import type { WorkContext } from '../inference/work'
import { secondsSince } from '../inference/work'
import { probeDevice } from '../onnx/device'
import { encodeModel } from '../onnx/model'
import type { Tensor } from '../onnx/tensor'
import { compileInference } from '../pipeline/compile'
import { storedFiles } from '../pipeline/node-files'
import type { PipelineState } from '../pipeline/pipeline'
import { initialState, requireState } from '../pipeline/state'
import type { TrainerOverrides, TrainerSettings } from '../pipeline/trainer'
import { writePipeline } from '../pipeline/write-document'
import type { Artifacts } from './artifacts'
import { ARTIFACT_FILES, compileArtifacts, writeModels } from './artifacts'
import type { Assessment } from './assess'
import { assess } from './assess'
import type { Checkpoint } from './checkpoint'
import { readCheckpoint, requireShapes, writeCheckpoint } from './checkpoint'
import type { FitFolder } from './folder'
import { finishFolder, newFitFolder, resumedFitFolder, trainingFolder, writeStaged } from './folder'
import type { GradientProgress, GradientResult } from './gradient'
import { checkpointOf, progressOf, startProgress, trainEpochs } from './gradient'
import type { FitInputs } from './inputs'
import { openInputs } from './inputs'
import { CHECKPOINTS_FOLDER, checkpointsFolder, keptFile, LAST_CHECKPOINT, removeOthers } from './kept-epochs'
import { openLearner } from './learner'
import type { FitMemory } from './memory'
import { fitMemory, requireRoom } from './memory'
import { resolvedDocument } from './resolved-document'
import type { Samples } from './samples'
import { gatherSamples, judgesSome, prepareData } from './samples'
import { fitStatistics } from './statistical'
import { watchedPorts } from './validation'
import { warmStart } from './warm-start'
import type { WarmStart } from './warm-start'

/** Seed of pipelines without a trainer, when the caller names none. */
const DEFAULT_SEED = 0

/**
 * Fits a pipeline on cubes: statistics, then gradients where the document has a trainer, then the scores of the training
 * cubes. Writes the trained-pipeline folder `request.out`, which stays as it was until all inputs are checked. A stop by
 * the signal keeps the state after the last finished epoch (`stopped`); before that it throws 'cancelled'.
 * Throws CuvetteError for everything that the request can be wrong about.
 */
export async function fitPipeline(request: FitRequest, context: WorkContext): Promise<FitReport> {
  const started = performance.now()
  checkRequest(request)
  const earlier = request.resume ? await readEarlier(request) : null
  const overrides = earlier?.overrides ?? overridesOf(request)
  let inputs: FitInputs | null = null
  try {
    const device = await probeDevice(request.device)
    inputs = await openInputs(request, overrides, context.signal)
    const memory = fitMemory(request.memoryMB)
    requireRoom(inputs, memory)
    const warm = request.from === undefined ? null : await warmStart(request.from, inputs.pipeline)
    const fit = new Fit(request, context, inputs, overrides, memory, device)
    return await (earlier ? fit.resume(earlier.checkpoint) : fit.start(warm)).then((report) => ({ ...report, seconds: secondsSince(started) }))
  } catch (error) {
    if (context.signal.aborted && !(error instanceof CuvetteError && error.code === 'cancelled')) {
      throw new CuvetteError('cancelled', 'The fit was stopped before anything was finished; nothing was kept.', { cause: error })
    }
    throw error
  } finally {
    await inputs?.close()
  }
}

interface StatisticalOutcome {
  nodes: string[]
  pixels: number
  seconds: number
}

/** One fit under way. */
class Fit {
  private readonly warnings: string[] = []
  private readonly seed: number
  private state: PipelineState = new Map()
  private statistical: StatisticalOutcome = { nodes: [], pixels: 0, seconds: 0 }
  private progress: GradientProgress | null = null
  private kept: KeptEpochs | null = null
  private from: StartedFrom | null = null

  constructor(
    private readonly request: FitRequest,
    private readonly context: WorkContext,
    private readonly inputs: FitInputs,
    private readonly overrides: TrainerOverrides,
    private readonly memory: FitMemory,
    private device: DeviceReport,
  ) {
    this.seed = inputs.pipeline.trainer?.seed ?? overrides.seed ?? DEFAULT_SEED
  }

  /** The settings of the gradient phase; null when only statistics are fitted. */
  private get trainer(): TrainerSettings | null {
    const { trainer } = this.inputs.pipeline
    return trainer && trainer.epochs > 0 ? trainer : null
  }

  async start(warm: WarmStart | null): Promise<FitReport> {
    const { request, inputs: { pipeline }, trainer } = this
    this.announce()
    if (warm) this.announceStart(warm)
    const folder = await newFitFolder(request.out)
    try {
      const samples = await this.gather()
      this.state = initialState(pipeline, this.seed)
      for (const [key, tensor] of warm?.state ?? []) this.state.set(key, tensor)
      await this.fitStatistics(samples)
      await this.writePipeline(folder)
      if (!trainer) return await this.finish(folder, null)

      const artifacts = compileArtifacts(pipeline, this.state, trainer, judgesSome(this.inputs, trainer))
      const training = await trainingFolder(folder)
      await this.writeState(folder)
      await writeModels(training, artifacts)
      this.progress = startProgress(trainer)
      const first = { parameters: artifacts.trainable, moving: artifacts.moving, frozen: new Map(), optimizer: { step: 0, moments: new Map() } }
      await writeCheckpoint(join(training, ARTIFACT_FILES.checkpoint), checkpointOf(first, trainer, this.progress, this.notes()))
      return await this.train(folder, samples, artifacts)
    } catch (error) {
      // What was finished can be continued.
      if (!this.progress || this.progress.epochs.length === 0) await folder.undo()
      throw error
    }
  }

  async resume(checkpoint: Checkpoint): Promise<FitReport> {
    const { request, inputs: { pipeline }, trainer } = this
    const path = join(request.out, TRAINING_FOLDER, ARTIFACT_FILES.checkpoint)
    this.requireSame(checkpoint, path)
    if (!trainer) throw new CuvetteError('bad-argument', 'A pipeline without a gradient phase has nothing to continue; fit without --resume.', { path: request.pipeline.path })
    this.announce()
    const progress = progressOf(checkpoint, path)
    this.progress = progress
    const { strings } = checkpoint.properties
    this.statistical = { ...(JSON.parse(strings.statistical) as Omit<StatisticalOutcome, 'seconds'>), seconds: 0 }
    this.from = JSON.parse(strings.from ?? 'null') as StartedFrom | null
    const folder = await resumedFitFolder(request.out)
    const before = progress.epochs.length
    try {
      // Another epoch than the last may have become the pipeline.
      const training = await trainingFolder(folder)
      await writeCheckpoint(join(training, ARTIFACT_FILES.checkpoint), checkpoint)
      await removeOthers(training, progress.kept)
      await this.readState(folder)
      const artifacts = compileArtifacts(pipeline, this.state, trainer, judgesSome(this.inputs, trainer))
      requireShapes(checkpoint, new Map([...artifacts.trainable, ...artifacts.moving].map(([name, { shape }]) => [name, shape])), path)
      const samples = await this.gather()
      await this.writePipeline(folder)
      return await this.train(folder, samples, artifacts)
    } catch (error) {
      if (progress.epochs.length === before) await folder.undo()
      throw error
    }
  }

  private announce(): void {
    this.context.onProgress({ kind: 'device', device: this.device.device, reason: this.device.reason })
    this.warn(this.inputs.warnings)
  }

  private announceStart({ from, warnings }: WarmStart): void {
    this.from = from
    const anew = from.anew.length === 0 ? 'nothing else has a state' : `anew: ${from.anew.map(({ node }) => node).join(', ')}`
    this.context.onProgress({ kind: 'stage', stage: 'from', message: `Starts from ${from.path}: ${from.taken.join(', ')} taken; ${anew}`, done: 1, total: 1, secondsLeft: null })
    this.warn(warnings)
  }

  /** The device that a model was opened on; with 'auto' it may be another than the one that was tried first. */
  private runsOn(device: DeviceReport): void {
    if (device.device !== this.device.device || device.reason !== this.device.reason) {
      this.context.onProgress({ kind: 'device', device: device.device, reason: device.reason })
    }
    this.device = device
  }

  private warn(sentences: readonly string[]): void {
    for (const message of sentences) {
      if (this.warnings.includes(message)) continue
      this.warnings.push(message)
      this.context.onProgress({ kind: 'warning', message })
    }
  }

  private async gather(): Promise<Samples> {
    const samples = await gatherSamples(this.inputs, this.seed, this.context, this.memory)
    this.warn(samples.warnings)
    return samples
  }

  private async fitStatistics({ stream }: Samples): Promise<void> {
    const started = performance.now()
    const { pipeline, targets } = this.inputs
    const nodes = await fitStatistics(pipeline, this.state, stream, { seed: this.seed, device: this.request.device, known: this.from?.taken ?? [], targets }, this.context)
    this.statistical = { nodes, pixels: nodes.length > 0 ? stream.count : 0, seconds: secondsSince(started) }
  }

  private async train(folder: FitFolder, samples: Samples, artifacts: Artifacts): Promise<FitReport> {
    const { inputs, context, trainer, progress } = this
    if (!trainer || !progress) throw new CuvetteError('internal', 'The gradient phase was started without settings.')
    const training = await trainingFolder(folder)
    const { data, validation, warnings } = await prepareData(inputs, samples, trainer, artifacts, context, this.memory)
    this.warn(warnings)
    const checkpoint = await readCheckpoint(join(training, ARTIFACT_FILES.checkpoint))
    const learner = await openLearner(training, checkpoint, this.request.device)
    try {
      this.runsOn(learner.report)
      const watched = watchedPorts(inputs.pipeline).filter((port) => learner.shows(port))
      const before = progress.epochs.length
      const result = await trainEpochs({ pipeline: inputs.pipeline, settings: trainer, learner, data, validation, watched, folder: training, notes: this.notes(), progress }, context)
      if (result.stopped && context.signal.aborted && progress.epochs.length === before && hasRecord(folder.out)) {
        throw new CuvetteError('cancelled', 'The training was stopped before another epoch was finished; the pipeline is as it was.')
      }
      this.warn(result.warnings)
      this.takeOver([...learner.state.parameters, ...learner.state.moving])
      this.kept = await this.restore(training, trainer, progress)
      return await this.finish(folder, result)
    } finally {
      await learner.release()
    }
  }

  private takeOver(tensors: Iterable<readonly [string, Tensor]>): void {
    for (const [name, tensor] of tensors) this.state.set(name, tensor)
  }

  /**
   * Makes the best epoch the trained pipeline where the trainer says so, artifacts included; the last one then lies
   * beside it, and a resumed training goes on from there. After a stop by the user the last epoch stays.
   */
  private async restore(training: string, { checkpoints, restore }: TrainerSettings, { kept, epochs }: GradientProgress): Promise<KeptEpochs | null> {
    if (!checkpoints) return null
    const path = (name: string): string => `${TRAINING_FOLDER}/${CHECKPOINTS_FOLDER}/${name}`
    const last = epochs.length
    const best = kept.length > 0 && restore === 'best' && !this.context.signal.aborted ? kept[0].epoch : last
    if (restore === 'best' && kept.length === 0) this.warn([`No epoch had a finite ${checkpoints.monitor}, so the last one became the pipeline.`])
    await rm(join(training, CHECKPOINTS_FOLDER, LAST_CHECKPOINT), { force: true })
    if (best !== last) {
      const running = join(training, ARTIFACT_FILES.checkpoint)
      if (checkpoints.last) await writeCheckpoint(join(await checkpointsFolder(training), LAST_CHECKPOINT), await readCheckpoint(running))
      const chosen = await readCheckpoint(join(training, CHECKPOINTS_FOLDER, keptFile(best)))
      await writeCheckpoint(running, chosen)
      this.takeOver([...chosen.trainable, ...chosen.frozen, ...chosen.moving])
    }
    return {
      monitor: checkpoints.monitor,
      mode: checkpoints.mode,
      restored: best,
      best: kept.map(({ epoch, value }) => ({ epoch, value, file: path(keptFile(epoch)) })),
      last: best !== last && checkpoints.last ? path(LAST_CHECKPOINT) : null,
    }
  }

  /** State, model, scores of the training cubes, record: in this order, so that a crash leaves something to continue. */
  private async finish(folder: FitFolder, trained: GradientResult | null): Promise<FitReport> {
    const { request, inputs, seed } = this
    await this.writeState(folder)
    const { graph, metadata } = compileInference(inputs.pipeline, this.state)
    const model = encodeModel(graph, { name: 'inference' })
    const assessment = await this.assess(model, 'training', trained?.stopped ?? false, folder)
    const tested = inputs.test.length > 0 ? await this.assess(model, 'test', trained?.stopped ?? false, folder) : null
    // Everything was read; a fit of a file that was written to meanwhile is of no data that anybody has.
    await inputs.requireUnchanged()
    const test = tested && { metrics: tested.metrics, cubes: tested.scenes }
    await writeStaged(folder, PIPELINE_FILES.model, encodeModel(graph, { name: 'inference', metadata: { ...metadata, ...this.metadata(assessment), ...(await this.selection()) } }))
    const epochs = this.progress?.epochs ?? []
    const stopped = trained?.stopped ?? false
    const files = await finishFolder(folder, storedFiles(inputs.pipeline).map(({ name }) => name), {
      format: RECORD_FORMAT,
      cuvette: CUVETTE_VERSION,
      created: new Date().toISOString(),
      seed,
      device: this.device.device,
      deviceReason: this.device.reason,
      versions: await runtimeVersions(),
      data: inputs.data,
      masks: inputs.masks,
      wavelengths: inputs.description.wavelengths,
      wavelengthUnit: inputs.description.wavelengthUnit,
      statistical: { nodes: this.statistical.nodes, pixels: this.statistical.pixels },
      ...(inputs.targets.size > 0 && { targets: [...inputs.targets.values()].flatMap((targets) => targets.map(({ record }) => record)) }),
      ...(this.from && { from: this.from }),
      epochs,
      epochsPlanned: this.trainer?.epochs ?? 0,
      ...(this.kept && { checkpoints: this.kept }),
      ...(!inputs.sharesFrames && { validation: { data: inputs.validationData, masks: inputs.validationMasks } }),
      ...(test && { test: { ...test, data: inputs.testData, masks: inputs.testMasks } }),
      stopped,
      metrics: assessment?.metrics ?? null,
      warnings: this.warnings,
      withoutTraining: this.trainer ? null : 'The pipeline has no gradient phase, so there is nothing that a training runtime could continue.',
      scenes: assessment?.scenes ?? [],
    })
    return {
      out: request.out,
      device: this.device.device,
      deviceReason: this.device.reason,
      seed,
      seconds: 0,
      stopped,
      phases: {
        statistical: this.statistical,
        gradient: trained && { epochs: epochs.length, loss: epochs.map(({ loss }) => loss), seconds: trained.seconds },
      },
      metrics: assessment?.metrics ?? null,
      ...(this.from && { from: this.from }),
      ...(test && { test }),
      ...(this.kept && { checkpoints: this.kept }),
      warnings: this.warnings,
      files,
    }
  }

  /** After a stop nobody wants to wait for scores; the trained pipeline is kept without them. */
  private async assess(model: Uint8Array, which: 'training' | 'test', stopped: boolean, { stage }: FitFolder): Promise<Assessment | null> {
    if (stopped && this.context.signal.aborted) return null
    const { pipeline, frames: trained, test } = this.inputs
    const frames = which === 'training' ? trained : test
    const large = !scoresAreLocal(pipeline) && haloOf(pipeline) === null && frames.find(({ cube }) => imageBytes(cube) > this.memory.image)
    if (large) {
      // What was trained on tiles is not lost for that.
      this.warn([`The ${which} cubes were not scored: the scores need the whole image ${large.cube.description.path} at once, ${megabytes(imageBytes(large.cube))}, and the fit may use ${megabytes(this.memory.image)} for images; raise --memory, or score with "cuvette run --memory".`])
      return null
    }
    try {
      const assessment = await assess(model, pipeline, frames, which, this.request.device, this.memory, stage, this.context)
      if (!this.trainer) this.runsOn(assessment.device)
      this.warn(assessment.warnings)
      return assessment
    } catch (error) {
      if (stopped && error instanceof CuvetteError && error.code === 'bad-data') {
        // The last good epoch of a training that ran away may already be of no use.
        this.warn([error.message])
        return null
      }
      if (!this.context.signal.aborted || !this.trainer) throw error
      this.warn([`The training was finished, but scoring the ${which} cubes was stopped; "cuvette run" scores them.`])
      return null
    }
  }

  /** What model.onnx says of itself beside its nodes and bands. */
  private metadata(assessment: Assessment | null): Record<string, string> {
    const [scene] = assessment?.scenes ?? []
    return {
      'cuvette.version': CUVETTE_VERSION,
      'cuvette.seed': String(this.seed),
      'cuvette.data': JSON.stringify(this.inputs.data.map(({ sha256 }) => ({ sha256 }))),
      ...(scene && scene.threshold !== null && { 'cuvette.threshold': String(scene.threshold) }),
      ...(assessment?.metrics && { 'cuvette.metrics': JSON.stringify(assessment.metrics) }),
    }
  }

  /** The bands that selectors take, for model.onnx. */
  private async selection(): Promise<Record<string, string>> {
    const bands = await selectedBands(this.inputs.pipeline, this.state)
    return Object.keys(bands).length === 0 ? {} : { 'cuvette.selected_bands': JSON.stringify(bands) }
  }

  private async writePipeline(folder: FitFolder): Promise<void> {
    await writeStaged(folder, PIPELINE_FILES.pipeline, writePipeline(resolvedDocument(this.inputs.pipeline, this.overrides)))
    for (const { name, file } of storedFiles(this.inputs.pipeline)) await writeStaged(folder, name, file.bytes)
  }

  private async writeState(folder: FitFolder): Promise<void> {
    const tensors = Object.fromEntries([...this.state].map(([name, tensor]) => [name, tensor]))
    await writeStaged(folder, PIPELINE_FILES.state, encodeSafetensors(tensors))
  }

  private async readState({ stage }: FitFolder): Promise<void> {
    const path = join(stage, PIPELINE_FILES.state)
    const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
      throw new CuvetteError('bad-artifact', `The state ${path} cannot be read (${error.code ?? error.message}); fit again without --resume.`, { path, cause: error })
    })
    const { tensors } = decodeSafetensors(new Uint8Array(bytes), path)
    this.state = new Map(Object.entries(tensors) as [string, Tensor][])
    requireState(this.inputs.pipeline, this.state, path)
  }

  /** What every checkpoint says of the fit it belongs to. */
  private notes(): Checkpoint['properties'] {
    const { nodes, pixels } = this.statistical
    return {
      ints: { seed: this.seed },
      strings: {
        cuvette: CUVETTE_VERSION,
        statistical: JSON.stringify({ nodes, pixels }),
        overrides: JSON.stringify(this.overrides),
        ...(this.from && { from: JSON.stringify(this.from) }),
        pipeline_sha256: this.pipelineKey(),
        data_sha256: this.dataKey(),
      },
    }
  }

  /** Of the pipeline with its trainer, but for the number of epochs: that one may change. */
  private pipelineKey(): string {
    const document = resolvedDocument(this.inputs.pipeline, { ...this.overrides, epochs: 0 })
    return hashed([writePipeline(document), ...storedFiles(this.inputs.pipeline).map(({ file }) => file.sha256)].join('\n'))
  }

  private dataKey(): string {
    const { data, validationData } = this.inputs
    return hashed(JSON.stringify([data, validationData].map((cubes) => cubes.map(({ sha256, variable, corrections }) => (corrections === undefined ? [sha256, variable] : [sha256, variable, corrections])))))
  }

  private requireSame({ properties: { strings } }: Checkpoint, path: string): void {
    const { out, pipeline: { path: document } } = this.request
    if (strings.pipeline_sha256 !== this.pipelineKey()) {
      throw new CuvetteError('bad-argument', `The checkpoint in ${out} was made with other nodes or settings than ${document} has now; fit without --resume, or into another folder.`, { path })
    }
    if (strings.data_sha256 !== this.dataKey()) {
      throw new CuvetteError('bad-argument', `The checkpoint in ${out} was made with other cubes; name the same ones, or fit without --resume.`, { path })
    }
  }
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function overridesOf({ epochs, seed, learningRate }: FitRequest): TrainerOverrides {
  return { ...(epochs !== undefined && { epochs }), ...(seed !== undefined && { seed }), ...(learningRate !== undefined && { learningRate }) }
}

/** The checkpoint to continue from. What the caller does not say anew is as it was then. */
async function readEarlier(request: FitRequest): Promise<{ checkpoint: Checkpoint; overrides: TrainerOverrides }> {
  const place = [join(request.out, UNFINISHED_FOLDER), request.out].map((folder) => join(folder, TRAINING_FOLDER, ARTIFACT_FILES.checkpoint)).find((path) => existsSync(path))
  if (!place) throw new CuvetteError('bad-argument', `There is no checkpoint in ${request.out} to continue from; fit without --resume.`, { path: request.out })
  const running = await readCheckpoint(place)
  const last = join(dirname(place), CHECKPOINTS_FOLDER, LAST_CHECKPOINT)
  const further = existsSync(last) ? await readCheckpoint(last) : running
  const checkpoint = progressOf(further, last).epochs.length > progressOf(running, place).epochs.length ? further : running
  const before = JSON.parse(checkpoint.properties.strings.overrides ?? '{}') as TrainerOverrides
  return { checkpoint, overrides: { ...before, ...overridesOf(request) } }
}

function checkRequest({ epochs, seed, learningRate, memoryMB, from, resume }: FitRequest): void {
  if (from !== undefined && resume) throw new CuvetteError('bad-argument', 'A fit continues from its own checkpoint (--resume) or starts from another pipeline (--from); name one of them.')
  if (memoryMB !== undefined && !(memoryMB > 0)) throw new CuvetteError('bad-argument', `The memory budget is ${memoryMB} MB; a number above 0 is expected.`)
  if (epochs !== undefined && !(Number.isInteger(epochs) && epochs >= 0)) throw new CuvetteError('bad-argument', `The number of epochs is ${epochs}; a whole number from 0 is expected.`)
  if (seed !== undefined && !(Number.isInteger(seed) && seed >= 0 && seed <= 4294967295)) throw new CuvetteError('bad-argument', `The seed is ${seed}; a whole number from 0 to 4294967295 is expected.`)
  if (learningRate !== undefined && !(Number.isFinite(learningRate) && learningRate > 0)) throw new CuvetteError('bad-argument', `The learning rate is ${learningRate}; a number above 0 is expected.`)
}
