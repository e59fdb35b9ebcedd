import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { scoringModel } from '../../src/engine/inference/partial-model'
import type { ScenePixels } from '../../src/engine/inference/scene'
import { scenePixels, scoreScene } from '../../src/engine/inference/scene'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { compileInference, scorePorts } from '../../src/engine/pipeline/compile'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { Pipeline, PipelineState } from '../../src/engine/pipeline/pipeline'
import { requireState, stateKey, stateTensors } from '../../src/engine/pipeline/state'
import { compileArtifacts, writeModels } from '../../src/engine/training/artifacts'
import type { Frame } from '../../src/engine/training/frame'
import { startProgress, trainEpochs } from '../../src/engine/training/gradient'
import type { FitInputs } from '../../src/engine/training/inputs'
import type { Learner, StepResult } from '../../src/engine/training/learner'
import { openLearner } from '../../src/engine/training/learner'
import { gatherSamples, prepareData } from '../../src/engine/training/samples'
import { fitStatistics } from '../../src/engine/training/statistical'
import { validate, watchedPorts } from '../../src/engine/training/validation'
import type { WorkContext } from '../../src/engine/inference/work'
import { memoryCube } from '../inference/cubes'
import type { StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { goldenSuite } from './suite'

// Whole trainings through our trainers, from the reference's first state: statistics, every optimizer step, validation
// at every epoch, the schedule, and the outputs of the trained pipeline.

interface StoredFrame {
  cube: StoredTensor
  mask: StoredTensor
  wavelengths: StoredTensor
}

interface StoredStep {
  epoch: number
  batch_idx: number
  loss: number
  grad_norm_preclip: number | null
  optimizer_stepped: boolean
  lr: number
  /** Some steps are stored with their numbers, some without. */
  params?: Record<string, StoredTensor>
  buffers?: Record<string, StoredTensor>
  /** What the reference drew for this step. */
  gumbel_u?: StoredTensor
  grads_first_step_preclip?: Record<string, StoredTensor>
}

type StoredState = Record<string, Record<string, StoredTensor>>

interface WholeCase {
  name: string
  pipeline_config: object
  training_config: object
  data: { batch_size: number; train_frames: StoredFrame[]; val_frames: StoredFrame[] }
  unfreeze_nodes: string[]
  loss_nodes: string[]
  state_initial: StoredState
  state_after_statistical: StoredState
  state_after_training: StoredState
  steps: StoredStep[]
  validation_epochs: { sanity_checking: boolean; epoch: number; callback_metrics: Record<string, number> }[]
  after_training: { inference_first_val_batch: Record<string, StoredTensor> }
}

const context: WorkContext = { signal: new AbortController().signal, onProgress: () => undefined }

// Tolerances of min-max, RX and what stands behind them; the files name the pipelines.
const files = [['e2e_deepsvdd', 1e-5], ['e2e_channel_selector', 1e-4], ['e2e_reducers', 1e-4]] as const

for (const [file, tolerance] of files) {
  goldenSuite<WholeCase>(file, async (one) => {
    const folder = await mkdtemp(join(tmpdir(), 'cuvette-e2e-'))
    try {
      await wholeTraining(one, folder, tolerance)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
}

async function wholeTraining(one: WholeCase, folder: string, tolerance: number): Promise<void> {
  const pipeline = pipelineOf(one)
  const settings = pipeline.trainer
  if (!settings) throw new Error('The training run has settings.')
  const inputs: FitInputs = {
    pipeline,
    frames: framesOf(pipeline, one.data.train_frames),
    validation: framesOf(pipeline, one.data.val_frames),
    sharesFrames: false,
    targets: new Map(),
    description: framesOf(pipeline, one.data.train_frames)[0].cube.description,
    test: [],
    data: [], validationData: [], testData: [], masks: [], validationMasks: [], testMasks: [], warnings: [],
    requireUnchanged: async () => undefined, close: async () => undefined,
  }

  const state = firstState(one, pipeline)
  const samples = await gatherSamples(inputs, settings.seed, context)
  await fitStatistics(pipeline, state, samples.stream, { seed: settings.seed, device: 'cpu' }, context)
  requireState(pipeline, state)
  for (const [key, value] of stateOf(one.state_after_statistical, pipeline)) expectClose(state.get(key) as Tensor, value, tolerance, `${key} after the statistical phase`)

  const artifacts = compileArtifacts(pipeline, state, settings)
  await writeModels(folder, artifacts)
  const learner = await openLearner(folder, { ...artifacts, frozen: new Map(), optimizer: null, properties: { ints: {}, strings: {} } }, 'cpu', { threads: 1 })
  try {
    const { data, validation } = await prepareData(inputs, samples, settings, artifacts, context)
    const watched = watchedPorts(pipeline).filter((port) => learner.shows(port))
    const before = await validate(learner, pipeline, validation, watched)
    expectMetrics({ val_loss: before.loss, ...before.metrics }, one.validation_epochs[0].callback_metrics, tolerance)

    const { watcher, taken } = watching(learner, one, pipeline, tolerance)
    const progress = startProgress(settings)
    const result = await trainEpochs({ pipeline, settings, learner: watcher, data, validation, watched, folder, notes: { ints: {}, strings: {} }, progress }, context)
    expect(result).toMatchObject({ stopped: false, warnings: [] })
    expectSteps(one, taken, settings.accumulate, tolerance)
    for (const { sanity_checking, epoch, callback_metrics } of one.validation_epochs) {
      if (sanity_checking) continue
      const record = progress.epochs[epoch]
      expectMetrics({ val_loss: record.validationLoss ?? NaN, ...record.metrics }, callback_metrics, tolerance)
    }
    for (const step of one.steps) expect(progress.epochs[step.epoch].learningRate).toBeCloseTo(step.lr, 12)

    for (const [name, value] of [...learner.state.parameters, ...learner.state.moving]) state.set(name, value)
    for (const [key, value] of stateOf(one.state_after_training, pipeline)) expectClose(state.get(key) as Tensor, value, tolerance, `${key} after training`)
    await trainedOutputs(one, pipeline, state, inputs.validation, tolerance)
  } finally {
    await learner.release()
  }
}

function pipelineOf(one: WholeCase): Pipeline {
  const wavelengthsNm = numbers(one.data.train_frames[0].wavelengths)
  const run = { pipeline: one.pipeline_config, training: one.training_config, unfreeze_nodes: one.unfreeze_nodes, loss_nodes: one.loss_nodes, data: { batch_size: one.data.batch_size } }
  const pipeline = resolvePipeline(parsePipeline(JSON.stringify(run), 'e2e.yaml'), { channels: wavelengthsNm.length, wavelengthsNm })
  // The reference's loader does not shuffle in these runs.
  return { ...pipeline, trainer: pipeline.trainer && { ...pipeline.trainer, shuffle: false } }
}

function framesOf(pipeline: Pipeline, frames: readonly StoredFrame[]): Frame[] {
  return frames.map(({ cube, mask, wavelengths }) => ({
    cube: memoryCube(cube.shape as [number, number, number], tensor(cube).data as Float32Array, { wavelengths: numbers(wavelengths), wavelengthUnit: 'nm' }),
    targets: targetsOfClasses(numbers(mask), pipeline.nodes[0].parameters),
  }))
}

/** The stored state, as far as nodes keep it here. */
function stateOf(stored: StoredState, pipeline: Pipeline): PipelineState {
  const kept = new Set(stateTensors(pipeline).map(({ key }) => key))
  return new Map(Object.entries(stored).flatMap(([node, values]) => Object.entries(values).filter(([name]) => kept.has(stateKey(node, name))).map(([name, value]) => [stateKey(node, name), tensor(value)] as const)))
}

/** What the reference starts from, without the statistics that it has not found yet. */
function firstState(one: WholeCase, pipeline: Pipeline): PipelineState {
  const kinds = new Map(stateTensors(pipeline).map(({ key, kind }) => [key, kind]))
  return new Map([...stateOf(one.state_initial, pipeline)].filter(([key]) => kinds.get(key) !== 'statistic'))
}

interface Taken extends StepResult {
  /** Parameters and moving state after the step. */
  state: Map<string, Float32Array>
}

/** The same learner, which notes what every step came to, and is fed the noise that the reference drew. */
function watching(learner: Learner, one: WholeCase, pipeline: Pipeline, tolerance: number): { watcher: Learner; taken: Taken[] } {
  let batches = 0
  const drawn = (): Record<string, Tensor> => {
    const { gumbel_u: u } = one.steps[batches]
    batches += 1
    const names = pipeline.nodes.flatMap(({ name, type, parameters }) => (type.noise?.(parameters) ?? []).map((noise) => stateKey(name, noise.name)))
    expect(names).toHaveLength(u ? 1 : 0)
    return u ? { [names[0]]: tensor(u) } : {}
  }
  const rounding = roundingOnly(one, tolerance)
  const stepped = one.steps.filter((step) => step.optimizer_stepped)
  const taken: Taken[] = []
  const watcher: Learner = {
    ...learner,
    async step(group, settings) {
      const result = await learner.step(group.map((batch) => ({ ...batch, inputs: { ...batch.inputs, ...drawn() } })), settings)
      const { params = {}, buffers = {} } = stepped[taken.length]
      taken.push({ ...result, state: new Map([...learner.state.parameters, ...learner.state.moving].map(([name, { data }]) => [name, data.slice()])) })
      // Adam makes full steps of gradients that are rounding errors, and those of the reference are its own: they are taken
      // over, with what follows from them.
      for (const name of rounding) if (name in params) learner.state.parameters.set(name, tensor(params[name]) as Tensor<'float32'>)
      if (rounding.length > 0) for (const [name, value] of Object.entries(buffers)) if (learner.state.moving.has(name)) learner.state.moving.set(name, tensor(value) as Tensor<'float32'>)
      return result
    },
  }
  return { watcher, taken }
}

/**
 * Parameters whose gradient cancels wholly, such as a bias right before a normalisation over the batch: what the reference
 * has there is a rounding error, as small beside the largest gradient as the tolerance.
 */
function roundingOnly(one: WholeCase, tolerance: number): string[] {
  const sizes = Object.entries(one.steps[0].grads_first_step_preclip ?? {}).map(([name, value]) => [name, Math.max(...numbers(value).map(Math.abs))] as const)
  const largest = Math.max(...sizes.map(([, size]) => size))
  return sizes.filter(([, size]) => size < tolerance * largest).map(([name]) => name)
}

function expectSteps(one: WholeCase, taken: readonly Taken[], accumulate: number, tolerance: number): void {
  const stepped = one.steps.filter((step) => step.optimizer_stepped)
  expect(taken).toHaveLength(stepped.length)
  // The reference divides the loss of every batch by the number of batches that it accumulates.
  const losses = taken.flatMap((step) => step.losses.map((loss) => loss / accumulate))
  expect(losses).toHaveLength(one.steps.length)
  one.steps.forEach((step, index) => expect(Math.abs(losses[index] / step.loss - 1), `loss of batch ${index}`).toBeLessThan(tolerance))
  const rounding = roundingOnly(one, tolerance)
  let unknown = 0
  stepped.forEach((step, index) => {
    expect(Math.abs(taken[index].gradientNorm / (step.grad_norm_preclip ?? NaN) - 1), `gradient norm of step ${index}`).toBeLessThan(tolerance)
    for (const [name, value] of Object.entries({ ...step.params, ...step.buffers })) {
      // A tensor without a gradient stays what it was.
      if (!taken[index].state.has(name)) expect(value, `${name} after step ${index}`).toEqual(one.state_after_statistical[name.slice(0, name.indexOf('.'))][name.slice(name.indexOf('.') + 1)])
      else {
        // A rounding error moves its tensor by no more than the rate, and what averages the tensor by less.
        const steps = rounding.includes(name) ? unknown + 1 : rounding.length > 0 && !(name in (step.params ?? {})) ? unknown : 0
        const found = taken[index].state.get(name) ?? new Float32Array(0)
        if (steps > 0) numbers(value).forEach((expected, at) => expect(Math.abs(found[at] - expected), `${name} after step ${index}`).toBeLessThan(2.2 * step.lr * steps))
        else expectClose({ type: 'float32', shape: value.shape, data: found }, value, 1e-5, `${name} after step ${index}`, 1)
      }
    }
    unknown = step.params ? 0 : unknown + 1
  })
}

function expectMetrics(found: Record<string, number>, expected: Record<string, number>, tolerance: number): void {
  const compared = Object.entries(expected).filter(([name]) => name === 'val_loss' || name.startsWith('metrics_anomaly/'))
  expect(compared).toHaveLength(6)
  for (const [name, value] of compared) expect(Math.abs(found[name] - value), `${name} is ${found[name]}, expected ${value}`).toBeLessThan(tolerance * Math.max(1, Math.abs(value)))
}

/** Scores and decisions image by image, as `run` computes them. */
async function trainedOutputs(one: WholeCase, pipeline: Pipeline, state: PipelineState, frames: readonly Frame[], tolerance: number): Promise<void> {
  const { scores: scorePort, decisions: decisionPort } = scorePorts(pipeline)
  const session = await openSession(scoringModel(encodeModel(compileInference(pipeline, state).graph), 'model.onnx'), 'cpu', { threads: 1 })
  try {
    const expected = one.after_training.inference_first_val_batch
    const shown = frames.slice(0, one.data.batch_size)
    const scenes: ScenePixels[] = []
    for (const { cube, targets } of shown) {
      for await (const pixels of scenePixels(await scoreScene(session, pipeline, cube, targets, { bytes: 1e6 }), cube.description.shape[1])) scenes.push(pixels)
    }
    const scores = expected[`${scorePort.node}.${scorePort.port}`]
    expectClose({ type: 'float32', shape: scores.shape, data: Float32Array.from(scenes.flatMap((scene) => [...scene.scores])) }, scores, tolerance, 'scores', 1)
    expect(scenes.flatMap(({ decisions }) => [...decisions])).toEqual(numbers(expected[`${decisionPort?.node}.${decisionPort?.port}`]))
  } finally {
    await session.release()
  }
}
