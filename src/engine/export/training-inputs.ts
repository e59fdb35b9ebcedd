import { CuvetteError } from '../../shared/problem'
import { withoutDefaults } from '../onnx/messages/defaults'
import { decodeModelMessage } from '../onnx/messages/schema'
import { wantingImages } from '../pipeline/locality'
import type { Pipeline } from '../pipeline/pipeline'
import { stateKey } from '../pipeline/state'
import type { Checkpoint } from '../training/checkpoint'
import { nextName } from '../training/next-name'
import { scheduledSettings } from '../training/step-inputs'
import { learningRates } from '../training/schedules'

/** One input of training_model.onnx that its caller feeds. */
export interface TrainingInput {
  name: string
  type: 'float32' | 'bool'
  /** Names stand for sizes that the caller chooses. */
  shape: (number | string)[]
  /** A clause. */
  meaning: string
  /** Value where the input may be left out. */
  default?: number
  /** Random numbers, drawn anew for every batch: uniform in [0, 1), or standard normal. */
  draw?: 'uniform' | 'normal'
  /** Value in epoch 1, 2, ... of the training that the document states. */
  byEpoch?: number[]
  /** Output of both models that is the value for the next step. */
  next?: string
  /** Value for the first step from this checkpoint, row-major. */
  first?: number[]
}

/** What a caller of the training models feeds, and how the training of the document went on from epoch to epoch. */
export interface TrainingGuide {
  inputs: TrainingInput[]
  /** Whether pixels depend on others of their image, so that loose ones would be something else. */
  images: boolean
  /** Epochs that the checkpoint has behind it. */
  epochsDone: number
  epochs: number
  batch: string
  /** Batches whose mean gradient makes a step. */
  accumulate: number
  gradientClip: { kind: 'norm' | 'value'; limit: number } | null
  /** Learning rate in epoch 1, 2, ...; null where it follows what the training comes to. */
  learningRates: number[] | null
}

/** `model`: the training model. `epochs`: how many were planned. Throws CuvetteError('internal') for a pipeline without a trainer. */
export function trainingGuide(pipeline: Pipeline, model: Uint8Array, checkpoint: Checkpoint, epochs: number): TrainingGuide {
  const { trainer } = pipeline
  if (!trainer) throw new CuvetteError('internal', 'Training artifacts belong to a pipeline with a trainer.')
  const images = wantingImages(pipeline.nodes, trainer.losses) !== undefined
  return {
    inputs: inputsOf(pipeline, model, checkpoint, epochs, images),
    images,
    epochsDone: checkpoint.properties.ints.epoch ?? 0,
    epochs,
    batch: trainer.batch.unit === 'tiles' ? `${trainer.batch.size} tiles of ${trainer.batch.lines} x ${trainer.batch.samples} pixels` : `${trainer.batch.size} ${trainer.batch.unit}`,
    accumulate: trainer.accumulate,
    gradientClip: trainer.gradientClip,
    learningRates: learningRates(trainer.scheduler, trainer.optimizer.learningRate, epochs),
  }
}

function inputsOf(pipeline: Pipeline, model: Uint8Array, { moving }: Checkpoint, epochs: number, images: boolean): TrainingInput[] {
  const present = new Set(decodeModelMessage(model).graph?.input?.map(({ name }) => name ?? ''))
  const { channels } = pipeline.facts
  const inputs: TrainingInput[] = [{ name: 'cube', type: 'float32', shape: ['B', 'H', 'W', channels], meaning: images ? 'images, their pixels as stored' : 'the pixels as stored; loose pixels are [1, 1, n, C]' }]
  if (present.has('targets')) inputs.push({ name: 'targets', type: 'bool', shape: ['B', 'H', 'W', 1], meaning: 'whether a pixel is anomalous' })
  if (present.has('judged')) inputs.push({ name: 'judged', type: 'bool', shape: ['B', 'H', 'W', 1], meaning: 'whether a pixel counts in losses and statistics' })
  const byEpoch = Array.from({ length: epochs }, (_, index) => scheduledSettings(pipeline, index + 1))
  for (const { name: node, type, parameters } of pipeline.nodes) {
    const of = `of ${node} (${type.description.type})`
    for (const { name, shape, draw } of type.noise?.(parameters) ?? []) {
      const distribution = draw === 'uniform' ? 'uniform on [0, 1)' : 'standard normal'
      inputs.push({ name: stateKey(node, name), type: 'float32', shape: [...shape], meaning: `random numbers ${of}, ${distribution}, drawn anew for every batch`, draw })
    }
    for (const name of Object.keys(type.schedule?.(parameters, 0) ?? {})) {
      const key = stateKey(node, name)
      inputs.push({ name: key, type: 'float32', shape: [], meaning: `a setting ${of} that follows the epochs`, byEpoch: byEpoch.map((values) => values[key]) })
    }
    for (const [key, { shape, data }] of moving) {
      if (!key.startsWith(`${node}.`)) continue
      inputs.push({ name: key, type: 'float32', shape: [...shape], meaning: `state ${of} that moves without a gradient: ${type.description.formula}`, next: nextName(key), first: [...data] })
    }
  }
  for (const [name, { data }] of withoutDefaults(model).defaults) inputs.push({ name, type: 'float32', shape: [], meaning: 'a constant of the pipeline', default: Number(data[0]) })
  return inputs.filter(({ name }) => present.has(name))
}
