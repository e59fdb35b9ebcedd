import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { Pipeline } from '../../src/engine/pipeline/pipeline'
import { factsOf } from '../../src/engine/inference/fits'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import type { Batch, Piece } from '../../src/engine/training/batch'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import type { Learner } from '../../src/engine/training/learner'
import { openLearner } from '../../src/engine/training/learner'
import { nextName } from '../../src/engine/training/next-name'
import { stepInputs } from '../../src/engine/training/step-inputs'
import type { FitRequest } from '../../src/shared/reports'
import { memoryCube } from '../inference/cubes'
import type { TrainingRuntime, TrainingSession } from '../onnx/training-runtime'
import { trainingRuntime } from '../onnx/training-runtime'
import { deepSVDD, observed, request, sceneMask, scenePixels, SHAPE, temporaryFolder, writeScene } from './scene'

// The artifact set that a fit leaves, in the real training runtime: it goes on from our checkpoint, and comes to the
// numbers that our trainer comes to. What moves outside of the gradient moves as the README of an export tells.

/** The training runtime's learning rate, which its JavaScript cannot change. */
const LEARNING_RATE = 0.001
const STEPS = 5
/** The one step that adds up two batches. */
const ACCUMULATING = 2
const TOLERANCE = 1e-5
const EPOCHS = 2
const SEED = 3

const adamw = { optimizer: { name: 'adamw', lr: LEARNING_RATE, weight_decay: 0.01 }, batch: { pixels: 90 }, epochs: EPOCHS }

function written(nodes: Record<string, unknown>, connections: [string, string][], trainer: Record<string, unknown>): FitRequest['pipeline'] {
  return { text: JSON.stringify({ nodes: { cube: { type: 'Cube' }, encoder: { type: 'ZScoreNormalizerGlobal' }, ...nodes }, connections: [['cube.cube', 'encoder.data'], ...connections], trainer: { ...adamw, ...trainer } }), path: 'pipeline.yaml' }
}

/** `moving`: what moves outside of the gradient. `fed`: what the training runtime is fed, in its order. */
const pipelines: { name: string; pipeline: FitRequest['pipeline']; moving: string[]; fed: string[] }[] = [
  { name: 'Deep SVDD, whose centre moves', pipeline: deepSVDD(adamw), moving: ['center._tracked_center'], fed: ['cube', 'center._tracked_center'] },
  {
    name: 'a channel mixer, whose running statistics move',
    pipeline: written(
      {
        // A bias in front of a batch normalisation has no gradient but rounding, of which AdamW would make whole steps.
        mixer: { type: 'LearnableChannelMixer', config: { output_channels: 1, reduction_scheme: [6, 4, 1], output_normalization: 'batchnorm_sigmoid', use_bias: false } },
        logit: { type: 'ScoreToLogit' }, loss: { type: 'AnomalyBCEWithLogits', config: { pos_weight: 5 } }, decider: { type: 'QuantileBinaryDecider' }, metrics: { type: 'AnomalyDetectionMetrics' },
      },
      [['encoder.normalized', 'mixer.data'], ['mixer.rgb', 'logit.scores'], ['logit.logits', 'loss.predictions'], ['cube.mask', 'loss.targets'], ['logit.logits', 'decider.logits'],
        ['decider.decisions', 'metrics.decisions'], ['logit.logits', 'metrics.logits'], ['cube.mask', 'metrics.targets']],
      { unfreeze: ['mixer', 'logit'], losses: ['loss'] },
    ),
    moving: ['mixer.output_bn.running_mean', 'mixer.output_bn.running_var'],
    fed: ['cube', 'targets', 'mixer.output_bn.running_mean', 'mixer.output_bn.running_var'],
  },
  {
    name: 'trainable principal components',
    pipeline: written(
      {
        pca: { type: 'TrainablePCA', config: { n_components: 2 } }, rx: { type: 'RXGlobal' }, logit: { type: 'ScoreToLogit' },
        loss: { type: 'AnomalyBCEWithLogits', config: { pos_weight: 5 } }, orthogonal: { type: 'OrthogonalityLoss', config: { weight: 0.5 } }, decider: { type: 'QuantileBinaryDecider' },
      },
      [['encoder.normalized', 'pca.data'], ['pca.projected', 'rx.data'], ['rx.scores', 'logit.scores'], ['logit.logits', 'loss.predictions'], ['cube.mask', 'loss.targets'],
        ['pca.components', 'orthogonal.components'], ['logit.logits', 'decider.logits']],
      { unfreeze: ['pca', 'logit'], losses: ['loss', 'orthogonal'] },
    ),
    moving: [],
    fed: ['cube', 'targets'],
  },
  {
    name: 'a concrete band selector, with a temperature and noise',
    pipeline: written(
      {
        selector: { type: 'ConcreteBandSelector', config: { output_channels: 3, max_epochs: 6 } },
        head: { type: 'LearnableChannelMixer', config: { output_channels: 1, normalize_output: false } }, logit: { type: 'ScoreToLogit' },
        loss: { type: 'AnomalyBCEWithLogits', config: { pos_weight: 5 } }, distinct: { type: 'DistinctnessLoss' }, decider: { type: 'QuantileBinaryDecider' },
      },
      [['encoder.normalized', 'selector.data'], ['selector.rgb', 'head.data'], ['head.rgb', 'logit.scores'], ['logit.logits', 'loss.predictions'], ['cube.mask', 'loss.targets'],
        ['selector.selection_weights', 'distinct.selection_weights'], ['logit.logits', 'decider.logits']],
      { unfreeze: ['selector', 'head', 'logit'], losses: ['loss', 'distinct'] },
    ),
    moving: [],
    fed: ['cube', 'targets', 'selector.u', 'selector.tau'],
  },
]

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterAll(() => rm(folder, { recursive: true }))

/** A third of the scene, every third pixel. */
function pieceOf(third: number): Piece {
  const [pixels, mask] = [scenePixels(6), sceneMask()]
  const places = Array.from({ length: 120 }, (_, index) => 3 * index + third)
  return {
    cube: float32([1, 1, 120, SHAPE[2]], places.flatMap((place) => [...pixels.subarray(place * SHAPE[2], (place + 1) * SHAPE[2])])),
    targets: { type: 'bool', shape: [1, 1, 120, 1], data: Uint8Array.from(places, (place) => (mask[place] === 0 ? 0 : 1)) },
    pixels: 120,
  }
}

function batchOf(third: number, inputs: Batch['inputs'] = {}): Batch {
  return { single: true, inputs, async *pieces() { yield pieceOf(third) } }
}

/** What the training runtime wants, by its names and in its order. */
async function feedsOf(ort: TrainingRuntime, names: readonly string[], batch: Batch, moving: ReadonlyMap<string, Tensor<'float32'>>): Promise<Parameters<TrainingSession['runTrainStep']>[0]> {
  const { value: piece } = (await batch.pieces()[Symbol.asyncIterator]().next()) as { value: Piece }
  const known: Record<string, Tensor | null> = { cube: piece.cube, targets: piece.targets, ...batch.inputs, ...Object.fromEntries(moving) }
  return Object.fromEntries(names.map((name) => {
    const tensor = known[name] as Tensor<'float32'> | undefined
    if (!tensor) throw new Error(`The training runtime wants ${name}.`)
    return [name, new ort.Tensor(tensor.type, tensor.data, tensor.shape)]
  }))
}

function largestDifference(left: ArrayLike<number>, right: ArrayLike<number>): number {
  expect(left.length).toBe(right.length)
  return Array.from(left).reduce((largest, value, index) => Math.max(largest, Math.abs(value - right[index])), 0)
}

const valuesOf = (tensors: ReadonlyMap<string, Tensor<'float32'>>): number[] => [...tensors.values()].flatMap(({ data }) => [...data])

describe.each(pipelines)('the artifacts of $name', ({ pipeline, moving, fed }) => {
  let training: string
  let resolved: Pipeline
  let ort: TrainingRuntime
  let session: TrainingSession
  let learner: Learner
  beforeAll(async () => {
    const out = join(folder, `fitted-${pipelines.findIndex((one) => one.pipeline === pipeline)}`)
    await fitPipeline(request(pipeline, [cube], out), observed())
    ort = await trainingRuntime()
    training = join(out, 'training')
    resolved = resolvePipeline(parsePipeline(pipeline.text, pipeline.path), factsOf(memoryCube(SHAPE, scenePixels())))
    const [trainModel, evalModel, optimizerModel, checkpointState] = await Promise.all(
      ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'].map(async (name) => new Uint8Array(await readFile(join(training, name)))),
    )
    session = await ort.TrainingSession.create({ checkpointState, trainModel, evalModel, optimizerModel })
    learner = await openLearner(training, await readCheckpoint(join(training, 'checkpoint')), 'cpu', { threads: 1 })
  })
  afterAll(async () => {
    await learner.release()
    await session.release()
  })

  it('go on in the training runtime as they do in the app: losses, parameters, what moves, evaluation', async () => {
    expect([...session.trainingInputNames]).toEqual(fed)
    expect([...learner.state.moving.keys()]).toEqual(moving)
    expect(learner.state.frozen.size).toBe(0)
    const start = valuesOf(learner.state.parameters)
    const startOfMoving = valuesOf(learner.state.moving)
    // What a caller of the training runtime does: every output "<state>.next" is the next input.
    const held = new Map([...learner.state.moving].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]))
    const losses: { theirs: number; ours: number }[] = []
    for (let step = 0; step < STEPS; step += 1) {
      const thirds = step === ACCUMULATING ? [2, 0] : [step % 3]
      const group = thirds.map((third, index) => batchOf(third, stepInputs(resolved, SEED, EPOCHS + 1 + step, index)))
      const { losses: ours } = await learner.step(group, { learningRate: LEARNING_RATE, gradientClip: null, accumulate: 1 })
      for (const [index, batch] of group.entries()) {
        const results = await session.runTrainStep(await feedsOf(ort, session.trainingInputNames, batch, held))
        losses.push({ theirs: results.loss.data[0], ours: ours[index] })
        for (const [name, tensor] of held) tensor.data.set(results[nextName(name)].data)
      }
      await session.runOptimizerStep()
      await session.lazyResetGrad()
    }
    expect(losses).toHaveLength(STEPS + 1)
    for (const { theirs, ours } of losses) expect(Math.abs(theirs - ours) / Math.max(1, Math.abs(ours))).toBeLessThan(TOLERANCE)
    const whole = batchOf(1)
    const evaluated = await session.runEvalStep(await feedsOf(ort, session.evalInputNames, whole, held))
    const { loss } = await learner.evaluate(whole, [], () => undefined)
    expect(Math.abs(evaluated.loss.data[0] - loss) / Math.max(1, Math.abs(loss))).toBeLessThan(TOLERANCE)

    // Last, because the runtime may crash after it.
    const theirs = (await session.getContiguousParameters(true)).data.slice()
    expect(largestDifference(theirs, valuesOf(learner.state.parameters))).toBeLessThan(TOLERANCE)
    // They moved by much more than they may differ.
    expect(largestDifference(theirs, start)).toBeGreaterThan(100 * TOLERANCE)
    expect(largestDifference(valuesOf(held), valuesOf(learner.state.moving))).toBeLessThan(TOLERANCE)
    if (moving.length > 0) expect(largestDifference(valuesOf(held), startOfMoving)).toBeGreaterThan(100 * TOLERANCE)
  })
})
