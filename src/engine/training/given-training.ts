import { CuvetteError } from '../../shared/problem'
import type { ArtifactsRequest } from '../../shared/reports'
import type { WorkContext } from '../inference/work'
import { secondsSince, startStage } from '../inference/work'
import { shortest } from '../onnx/optimizer-model'
import type { Batch } from './batch'
import type { Checkpoint } from './checkpoint'
import { writeCheckpoint } from './checkpoint'
import type { TrainingData } from './data'
import type { InputSource } from './given-inputs'
import type { Learner, LearnerState } from './learner'
import { copyState, notFinite } from './learner'

/** The learning rate of the training runtime where nobody says another. */
const LEARNING_RATE = 0.001
/** Property of the checkpoint with what each epoch came to. */
const EPOCHS = 'epochs'

export interface EpochLoss {
  epoch: number
  loss: number
  validationLoss: number
}

/** A training of artifacts that were made elsewhere. */
export interface GivenTraining {
  request: Pick<ArtifactsRequest, 'epochs' | 'learningRate'>
  context: WorkContext
  learner: Learner
  data: TrainingData
  /** What the validation loss is of. */
  judged: TrainingData
  /** Of further inputs, by name. */
  sources: ReadonlyMap<string, InputSource>
  /** Where it starts. */
  checkpoint: Checkpoint
  seed: number
}

/**
 * Trains epoch by epoch; after each the checkpoint in the file `path` is that of the epoch. Ends early after a stop.
 * `onEpoch` is told how many are done. Throws CuvetteError: 'cancelled' before an epoch was finished, 'bad-data' for
 * numbers that are not finite, 'cannot-write'.
 */
export async function trainGiven(training: GivenTraining, path: string, onEpoch: (done: number) => void): Promise<{ epochs: EpochLoss[]; stopped: boolean }> {
  const { request, context, data, checkpoint } = training
  const done: EpochLoss[] = []
  const before = checkpoint.properties.ints.epoch ?? 0
  const meter = startStage(context, 'train', 'Training', request.epochs * data.batchesPerEpoch)
  const started = performance.now()
  const earlier = epochsOf(checkpoint)
  while (done.length < request.epochs && !context.signal.aborted) {
    const epoch = before + done.length + 1
    const loss = await trainEpoch(training, epoch, () => meter.advance(1))
    if (loss === null) break
    const validationLoss = await evaluate(training, epoch)
    await writeCheckpoint(path, checkpointAfter(training, epoch, [...earlier, ...done, { epoch, loss, validationLoss }]))
    done.push({ epoch, loss, validationLoss })
    onEpoch(done.length)
    context.onProgress({
      kind: 'epoch',
      record: { epoch, loss, validationLoss, learningRate: learningRateOf(training), gradientNorm: null, metrics: {} },
      epochs: before + request.epochs,
      secondsLeft: (secondsSince(started) / done.length) * (request.epochs - done.length),
    })
  }
  if (done.length === 0) throw new CuvetteError('cancelled', 'The training was stopped before its first epoch was finished; nothing was written.')
  meter.finish()
  return { epochs: done, stopped: done.length < request.epochs }
}

/** Mean loss over the pixels; null after a stop, and then the learner is as it was before. */
async function trainEpoch(training: GivenTraining, epoch: number, onBatch: () => void): Promise<number | null> {
  const { learner, data, context } = training
  const kept: LearnerState = copyState(learner.state)
  let loss = 0
  let pixels = 0
  let number = 0
  for (const batch of data.batches(epoch)) {
    if (context.signal.aborted) {
      Object.assign(learner.state, kept)
      return null
    }
    const result = await learner.step([withInputs(batch, training, epoch, number)], { learningRate: learningRateOf(training), gradientClip: null, accumulate: 1 })
    loss += result.losses[0] * result.pixels[0]
    pixels += result.pixels[0]
    number += 1
    onBatch()
  }
  return loss / pixels
}

async function evaluate(training: GivenTraining, epoch: number): Promise<number> {
  let loss = 0
  let pixels = 0
  let number = 0
  for (const batch of training.judged.batches(epoch)) {
    const found = await training.learner.evaluate(withInputs(batch, training, epoch, number), [], () => undefined)
    loss += found.loss * found.pixels
    pixels += found.pixels
    number += 1
  }
  if (!Number.isFinite(loss)) throw notFinite('validation loss', loss / pixels)
  return loss / pixels
}

function withInputs(batch: Batch, { sources }: GivenTraining, epoch: number, number: number): Batch {
  return { ...batch, inputs: Object.fromEntries([...sources].map(([name, source]) => [name, source(epoch, number)])) }
}

function learningRateOf({ request, checkpoint }: GivenTraining): number {
  const stated = checkpoint.optimizer?.initialLearningRate ?? 0
  return request.learningRate ?? (stated > 0 ? shortest(stated) : LEARNING_RATE)
}

function checkpointAfter(training: GivenTraining, epoch: number, losses: readonly EpochLoss[]): Checkpoint {
  const { learner: { state }, checkpoint, seed } = training
  const moments = [...state.optimizer.moments].map(([name, values]) => {
    const shape = state.parameters.get(name)?.shape ?? []
    return [name, values.map((data) => ({ type: 'float32' as const, shape, data: Float32Array.from(data) }))] as const
  })
  return {
    trainable: state.parameters,
    frozen: state.frozen,
    moving: state.moving,
    optimizer: { step: state.optimizer.step, initialLearningRate: learningRateOf(training), moments: new Map(moments) },
    properties: { ...checkpoint.properties, ints: { ...checkpoint.properties.ints, epoch, seed }, strings: { ...checkpoint.properties.strings, [EPOCHS]: JSON.stringify(losses) } },
  }
}

/** What earlier trainings here came to; other tools may keep something else under that name. */
function epochsOf({ properties }: Checkpoint): EpochLoss[] {
  try {
    const stated: unknown = JSON.parse(properties.strings[EPOCHS] ?? '[]')
    return Array.isArray(stated) ? (stated as EpochLoss[]) : []
  } catch {
    return []
  }
}
