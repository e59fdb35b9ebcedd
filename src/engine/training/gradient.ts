import { join } from 'node:path'
import { CuvetteError, toProblem } from '../../shared/problem'
import type { EpochRecord } from '../../shared/reports'
import type { WorkContext } from '../inference/work'
import { startStage } from '../inference/work'
import type { Pipeline } from '../pipeline/pipeline'
import type { TrainerSettings } from '../pipeline/trainer'
import { ARTIFACT_FILES } from './artifacts'
import type { Batch } from './batch'
import type { Checkpoint } from './checkpoint'
import { writeCheckpoint } from './checkpoint'
import type { TrainingData } from './data'
import type { EarlyStoppingState } from './early-stopping'
import { startEarlyStopping, stepEarlyStopping } from './early-stopping'
import type { KeptEpoch } from './kept-epochs'
import { checkpointsFolder, keepBest, keptFile, removeOthers } from './kept-epochs'
import type { Learner, LearnerState } from './learner'
import { copyState, notFinite } from './learner'
import type { ScheduleState } from './schedules'
import { startSchedule, stepSchedule } from './schedules'
import { scheduledSettings, stepInputs } from './step-inputs'
import type { ValidationGroup } from './validation'
import { validate } from './validation'

/** Where the gradient phase stands after its last finished epoch: plain JSON, kept in the checkpoint. */
export interface GradientProgress {
  epochs: EpochRecord[]
  schedule: ScheduleState
  stopping: EarlyStoppingState
  /** Epochs whose checkpoints are kept, best first. */
  kept: KeptEpoch[]
  /** Epochs whose validation loss was not defined. */
  withoutLoss: number
}

export interface GradientPhase {
  pipeline: Pipeline
  settings: TrainerSettings
  learner: Learner
  data: TrainingData
  validation: readonly ValidationGroup[]
  /** Ports of the evaluation model that a validation looks at. */
  watched: readonly string[]
  /** Folder of the artifact set. */
  folder: string
  /** Notes that every checkpoint carries beside the progress. */
  notes: Checkpoint['properties']
  progress: GradientProgress
}

export interface GradientResult {
  /** True when it ended before its last epoch other than by early stopping. */
  stopped: boolean
  /** Why it ended early, unless the user knows, and what else is to be said; sentences. */
  warnings: string[]
  seconds: number
}

export function startProgress(settings: TrainerSettings): GradientProgress {
  return { epochs: [], schedule: startSchedule(settings.optimizer.learningRate), stopping: startEarlyStopping(), kept: [], withoutLoss: 0 }
}

/**
 * Phase 2: trains epoch by epoch until the last one, early stopping, a stop by the user, or a loss that is not finite.
 * After each epoch `phase.progress` and the checkpoint on the disk are those of that epoch; however it ends, the learner
 * holds the state after the last finished epoch. Throws CuvetteError when no epoch was ever finished: 'cancelled', or
 * 'bad-data' for a loss that is not finite.
 */
export async function trainEpochs(phase: GradientPhase, context: WorkContext): Promise<GradientResult> {
  const { settings, learner, progress } = phase
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  const first = progress.epochs.length
  const planned = settings.epochs
  const meter = startStage(context, 'train', 'Training', Math.max(0, planned - first) * phase.data.batchesPerEpoch)
  if (first === 0) await requireReported(phase)
  let kept = copyState(learner.state)
  while (progress.epochs.length < planned && progress.stopping.reason === null) {
    const number = progress.epochs.length + 1
    try {
      await finishEpoch(phase, await trainEpoch(phase, number, context, (batches) => meter.advance(batches)), number)
    } catch (error) {
      restore(learner, kept)
      const warning = context.signal.aborted ? null : sentenceOf(error, number)
      if (progress.epochs.length === 0) {
        if (context.signal.aborted) throw new CuvetteError('cancelled', 'The training was stopped before its first epoch was finished; nothing was kept.', { cause: error })
        throw new CuvetteError('bad-data', warning ?? '', { cause: error })
      }
      return { stopped: true, warnings: [...undefinedLosses(progress), ...(warning === null ? [] : [warning])], seconds: seconds() }
    }
    kept = copyState(learner.state)
    const done = progress.epochs.length - first
    context.onProgress({
      kind: 'epoch',
      record: progress.epochs[progress.epochs.length - 1],
      epochs: planned,
      secondsLeft: (seconds() / done) * (planned - progress.epochs.length),
    })
  }
  meter.finish()
  return { stopped: false, warnings: [...undefinedLosses(progress), ...(progress.stopping.reason === null ? [] : [progress.stopping.reason])], seconds: seconds() }
}

/** Some losses are not defined for some selections, such as the cosines of bands that all differ. */
function undefinedLosses({ epochs, withoutLoss }: GradientProgress): string[] {
  if (withoutLoss === 0) return []
  return [`The validation loss was not defined in ${withoutLoss} of ${epochs.length} epochs, although every pixel had a score; watch a metric instead.`]
}

/**
 * A watched number of a node must be one that the node reports; which those are shows on the first validation image.
 * Throws CuvetteError('bad-pipeline').
 */
async function requireReported({ pipeline, settings, learner, validation, watched }: GradientPhase): Promise<void> {
  const { scheduler, earlyStopping, checkpoints } = settings
  const monitors = [['scheduler', scheduler.name === 'reduce_on_plateau' ? scheduler.monitor : ''], ['early_stopping', earlyStopping?.monitor ?? ''], ['checkpoints', checkpoints?.monitor ?? '']]
  const ofNodes = monitors.filter(([, monitor]) => monitor.includes('/') && !/^(val|train)\//.test(monitor))
  if (ofNodes.length === 0) return
  const before = copyState(learner.state)
  const { reported } = await validate(learner, pipeline, [validation[0].slice(0, 1)], watched)
  restore(learner, before)
  for (const [key, monitor] of ofNodes) {
    if (reported.includes(monitor)) continue
    const [node] = monitor.split('/')
    const names = reported.filter((name) => name.startsWith(`${node}/`)).map((name) => name.slice(node.length + 1))
    throw new CuvetteError('bad-pipeline', `The trainer watches ${monitor}, but ${node} reports ${names.join(', ') || 'no number'}.`, { path: pipeline.document.path, where: `trainer.${key}.monitor` })
  }
}

/** What one pass over the training data comes to. */
interface EpochSums {
  loss: number
  gradientNorm: number
}

async function trainEpoch({ pipeline, settings, learner, data, progress }: GradientPhase, number: number, { signal }: WorkContext, onBatches: (count: number) => void): Promise<EpochSums> {
  const step = { learningRate: progress.schedule.learningRate, gradientClip: settings.gradientClip, accumulate: settings.accumulate }
  let loss = 0
  let pixels = 0
  let norms = 0
  let steps = 0
  for (const group of groupsOf(withInputs(data.batches(number), pipeline, settings.seed, number), settings.accumulate)) {
    if (signal.aborted) throw new CuvetteError('cancelled', 'The training was stopped.')
    const result = await learner.step(group, step)
    result.losses.forEach((value, index) => (loss += value * result.pixels[index]))
    pixels += result.pixels.reduce((sum, count) => sum + count, 0)
    norms += result.gradientNorm
    steps += 1
    onBatches(group.length)
  }
  if (signal.aborted) throw new CuvetteError('cancelled', 'The training was stopped.')
  return { loss: loss / pixels, gradientNorm: norms / steps }
}

/** Validation, schedule, early stopping, checkpoint. Only when all of it is done the epoch counts. */
async function finishEpoch(phase: GradientPhase, { loss, gradientNorm }: EpochSums, number: number): Promise<void> {
  const { settings, learner, progress, pipeline } = phase
  const due = number % settings.validation.every === 0 || number === settings.epochs
  const found = due ? await validate(learner, pipeline, phase.validation, phase.watched) : null
  requireFinite(learner.state, found && !found.scored ? found.loss : 0)
  const validationLoss = found && Number.isFinite(found.loss) ? found.loss : null
  const scheduled = scheduledSettings(pipeline, number)
  const record: EpochRecord = {
    epoch: number,
    loss,
    validationLoss,
    learningRate: progress.schedule.learningRate,
    gradientNorm,
    metrics: found?.metrics ?? {},
    ...(Object.keys(scheduled).length > 0 && { settings: scheduled }),
  }
  const { scheduler, earlyStopping, optimizer } = settings
  const watched = scheduler.name === 'reduce_on_plateau' ? watchedNumber(scheduler.monitor, [...progress.epochs, record]) : null
  const schedule = stepSchedule(scheduler, optimizer.learningRate, progress.schedule, watched)
  const stopping = earlyStopping && (due || !needsValidation(earlyStopping.monitor))
    ? stepEarlyStopping(earlyStopping, progress.stopping, watchedNumber(earlyStopping.monitor, [record]) ?? Number.NaN)
    : progress.stopping
  const { checkpoints } = settings
  const kept = checkpoints ? keepBest(checkpoints, progress.kept, number, watchedNumber(checkpoints.monitor, [record])) : progress.kept
  const next: GradientProgress = { epochs: [...progress.epochs, record], schedule, stopping, kept, withoutLoss: progress.withoutLoss + (found && validationLoss === null ? 1 : 0) }
  const checkpoint = checkpointOf(learner.state, settings, next, phase.notes)
  // What the running checkpoint names exists, and what it no longer names goes last: a crash in between loses nothing.
  if (kept.some(({ epoch }) => epoch === number)) await writeCheckpoint(join(await checkpointsFolder(phase.folder), keptFile(number)), checkpoint)
  await writeCheckpoint(join(phase.folder, ARTIFACT_FILES.checkpoint), checkpoint)
  if (checkpoints) await removeOthers(phase.folder, kept)
  Object.assign(progress, next)
}

/** An epoch that ends in numbers of no use does not count: nothing could be scored with its state. */
function requireFinite({ parameters, moving }: LearnerState, validationLoss: number): void {
  if (!Number.isFinite(validationLoss)) throw notFinite('validation loss', validationLoss)
  for (const [name, { data }] of [...parameters, ...moving]) {
    const wrong = data.find((value) => !Number.isFinite(value))
    if (wrong !== undefined) throw notFinite(`state ${name}`, wrong)
  }
}

/** The number that a schedule or early stopping watches, from the latest epoch that has it; null when none has. */
export function watchedNumber(monitor: string, records: readonly EpochRecord[]): number | null {
  for (const record of [...records].reverse()) {
    const value = numberOf(monitor, record)
    if (value !== null) return value
  }
  return null
}

function numberOf(monitor: string, record: EpochRecord): number | null {
  if (!needsValidation(monitor)) return record.loss
  if (monitor === 'val_loss' || monitor.startsWith('val/')) return record.validationLoss
  return (record.metrics[monitor] as number | undefined) ?? null
}

function needsValidation(monitor: string): boolean {
  return monitor !== 'loss' && monitor !== 'train_loss' && !monitor.startsWith('train/')
}

export function checkpointOf(state: LearnerState, { optimizer }: TrainerSettings, progress: GradientProgress, notes: Checkpoint['properties']): Checkpoint {
  return {
    trainable: state.parameters,
    frozen: state.frozen,
    moving: state.moving,
    optimizer: {
      step: state.optimizer.step,
      initialLearningRate: optimizer.learningRate,
      moments: new Map([...state.optimizer.moments].map(([name, moments]) => {
        const shape = state.parameters.get(name)?.shape ?? []
        return [name, moments.map((data) => ({ type: 'float32' as const, shape, data: data as Float32Array }))]
      })),
    },
    properties: {
      ints: { ...notes.ints, epoch: progress.epochs.length },
      strings: { ...notes.strings, progress: JSON.stringify(progress) },
    },
  }
}

/** The progress that a checkpoint tells of. Throws CuvetteError('bad-artifact'). */
export function progressOf({ properties }: Checkpoint, path: string): GradientProgress {
  try {
    const stated = JSON.parse(properties.strings.progress) as Omit<GradientProgress, 'kept' | 'withoutLoss'> & Partial<GradientProgress>
    // Checkpoints of version 0.1 know neither of the two.
    const progress: GradientProgress = { kept: [], withoutLoss: 0, ...stated }
    if (progress.epochs.length === properties.ints.epoch && typeof progress.schedule.learningRate === 'number' && typeof progress.stopping.waited === 'number') return progress
  } catch {
    // Said below.
  }
  throw new CuvetteError('bad-artifact', `The checkpoint ${path} does not tell how far the training was; fit the pipeline again without --resume.`, { path })
}

/** The batches of an epoch with what the training model takes beside their pixels. */
function* withInputs(batches: Iterable<Batch>, pipeline: Pipeline, seed: number, epoch: number): Generator<Batch> {
  let number = 0
  for (const batch of batches) {
    yield { ...batch, inputs: stepInputs(pipeline, seed, epoch, number) }
    number += 1
  }
}

function* groupsOf(batches: Iterable<Batch>, size: number): Generator<Batch[]> {
  let group: Batch[] = []
  for (const batch of batches) {
    group.push(batch)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

function restore(learner: Learner, state: LearnerState): void {
  Object.assign(learner.state, state)
}

/** A loss that is not finite ends training with a sentence; anything else is passed on. */
function sentenceOf(error: unknown, number: number): string {
  if (!(error instanceof CuvetteError) || error.code !== 'bad-data') throw error
  const kept = number > 1 ? ` The state after epoch ${number - 1} was kept.` : ''
  return `Training stopped in epoch ${number}: ${lowerFirst(toProblem(error).message)}${kept}`
}

function lowerFirst(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1)
}
