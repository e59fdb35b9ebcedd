import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DeviceChoice, DeviceReport } from '../../shared/device'
import { CuvetteError } from '../../shared/problem'
import { partialModel } from '../inference/partial-model'
import { clipGlobalNorm, clipValues, globalNorm, optimizerStep } from '../onnx/optimizer'
import type { OptimizerSettings, OptimizerState } from '../onnx/optimizer'
import { decodeOptimizerModel } from '../onnx/optimizer-model'
import { openSession } from '../onnx/session'
import type { Session, SessionOptions } from '../onnx/session'
import type { Tensor } from '../onnx/tensor'
import type { GradientClip } from '../pipeline/trainer'
import { gradientName, isGradientName, LOSS_OUTPUT } from '../onnx/training-model'
import { ARTIFACT_FILES } from './artifacts'
import type { Batch, Piece } from './batch'
import { judged, judgedPixels } from './batch'
import type { Checkpoint } from './checkpoint'
import { isNextName, nextName } from './next-name'

type Float32Tensor = Tensor<'float32'>

/** Everything that changes while training, by "<node>.<name>". */
export interface LearnerState {
  parameters: Map<string, Float32Tensor>
  /** Inputs of the graphs that do not train, but move: those with an output "<name>.next". */
  moving: Map<string, Float32Tensor>
  /** Inputs of the graphs that stay as they are. */
  frozen: Map<string, Float32Tensor>
  optimizer: OptimizerState
}

export interface StepSettings {
  learningRate: number
  /** null: none. */
  gradientClip: GradientClip | null
  /** What the sum of the batches' gradients is divided by, also where a group is not full. */
  accumulate: number
}

export interface StepResult {
  /** Loss of each batch. */
  losses: number[]
  /** Judged pixels of each batch. */
  pixels: number[]
  /** Global norm of the gradient before clipping. */
  gradientNorm: number
}

/** An opened artifact set that trains: forward and backward in a session, the optimizer on the host. */
export interface Learner {
  readonly state: LearnerState
  readonly optimizer: OptimizerSettings
  readonly report: DeviceReport
  /** Whether a forward pass in training moves state that does not train, such as a center. */
  readonly moves: boolean
  /** Whether the models want a mask. */
  readonly wantsTargets: boolean
  /** Whether the evaluation model has an output of that name. */
  shows(output: string): boolean
  /**
   * One optimizer step from a group of batches. Changes `state`. Throws CuvetteError('bad-data') when the loss or the
   * gradient is not finite; then no parameter was changed.
   */
  step(group: readonly Batch[], settings: StepSettings): Promise<StepResult>
  /** Losses and gradients of one batch, averaged over its judged pixels; moves state, leaves the parameters alone. */
  differentiate(batch: Batch): Promise<{ loss: number; pixels: number; gradients: Map<string, Float64Array> }>
  /** The loss of a batch as the evaluation model has it, and per piece what `outputs` names. */
  evaluate(batch: Batch, outputs: readonly string[], onPiece: (piece: Piece, results: Record<string, Tensor>) => void): Promise<{ loss: number; pixels: number }>
  release(): Promise<void>
}

/**
 * Opens the artifact set of a folder with the state of a checkpoint. `read` gives the bytes of each model. Throws
 * CuvetteError('bad-artifact') and as openSession.
 */
export async function openLearner(folder: string, checkpoint: Checkpoint, device: DeviceChoice, options: SessionOptions = {}, read: (path: string) => Promise<Uint8Array> = artifact): Promise<Learner> {
  const optimizerPath = join(folder, ARTIFACT_FILES.optimizer)
  const optimizer = decodeOptimizerModel(await read(optimizerPath), optimizerPath)
  // What the training runtime accumulates into, and ports that only a validation looks at, would be computed in every step.
  const training = await openModel(join(folder, ARTIFACT_FILES.training), read, device, options, (output) => output === LOSS_OUTPUT || isGradientName(output) || isNextName(output))
  try {
    // The same device, so that a validation is computed the way the training is.
    const evaluation = await openModel(join(folder, ARTIFACT_FILES.evaluation), read, training.session.report.device, options)
    return learnerOf(training, evaluation, stateOf(checkpoint, training.session, join(folder, ARTIFACT_FILES.checkpoint)), optimizer)
  } catch (error) {
    await training.release()
    throw error
  }
}

/** A model of the artifact set. */
interface OpenModel {
  session: Session
  /** The part of the model that only finds where moving state goes; opened on first use. */
  movement(): Promise<Session>
  release(): Promise<void>
}

/** `wanted`: the outputs that it is opened for; default: all. */
async function openModel(path: string, read: (path: string) => Promise<Uint8Array>, device: DeviceChoice, options: SessionOptions, wanted?: (output: string) => boolean): Promise<OpenModel> {
  const file = await read(path)
  const bytes = wanted ? partialModel(file, path, wanted) : file
  const session = await openSession(bytes, device, options)
  let movement: Promise<Session> | null = null
  return {
    session,
    movement: () => (movement ??= openSession(partialModel(bytes, path, isNextName), session.report.device, options)),
    async release() {
      await session.release()
      await (await movement)?.release()
    },
  }
}

/** A state is copied in, so that training does not change the checkpoint. */
function stateOf(checkpoint: Checkpoint, training: Session, path: string): LearnerState {
  const trained = new Set(training.outputNames)
  for (const name of checkpoint.trainable.keys()) {
    if (!trained.has(gradientName(name))) throw new CuvetteError('bad-artifact', `The checkpoint ${path} trains ${name}, of which the training model has no gradient; fit the pipeline again.`, { path })
  }
  const others = [...checkpoint.frozen, ...checkpoint.moving]
  const moves = (name: string): boolean => trained.has(nextName(name))
  return copyState({
    parameters: new Map(checkpoint.trainable),
    moving: new Map(others.filter(([name]) => moves(name))),
    frozen: new Map(others.filter(([name]) => !moves(name))),
    optimizer: {
      step: checkpoint.optimizer?.step ?? 0,
      moments: new Map([...(checkpoint.optimizer?.moments ?? [])].map(([name, moments]) => [name, moments.map(({ data }) => data)])),
    },
  })
}

export function copyState({ parameters, moving, frozen, optimizer }: LearnerState): LearnerState {
  const copied = (tensors: ReadonlyMap<string, Float32Tensor>) => new Map([...tensors].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice() }]))
  return {
    parameters: copied(parameters),
    moving: copied(moving),
    frozen: copied(frozen),
    optimizer: { step: optimizer.step, moments: new Map([...optimizer.moments].map(([name, moments]) => [name, moments.map((moment) => moment.slice())])) },
  }
}

function learnerOf(trainingModel: OpenModel, evaluationModel: OpenModel, state: LearnerState, optimizer: OptimizerSettings): Learner {
  const training = trainingModel.session
  const evaluation = evaluationModel.session
  const trained = [...state.parameters.keys()]
  const moving = [...state.moving.keys()]
  const movingInEvaluation = moving.filter((name) => evaluation.outputNames.includes(nextName(name)))
  const held = Object.fromEntries(movementRates([training, evaluation], moving).map((name) => [name, scalar(0)]))
  const wantsTargets = training.inputNames.includes('targets')

  /** What a model takes of the state, of `more` and of a piece, which come before the state. */
  function feeds(session: Session, piece: Piece, more: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    if (wantsTargets && !piece.targets) throw new CuvetteError('bad-argument', 'A loss of this pipeline compares with a mask, but the cube has none; name one.')
    const given: Record<string, Tensor> = {}
    for (const name of session.inputNames) {
      const tensor = name === 'cube' ? piece.cube : name === 'targets' && wantsTargets ? piece.targets : name === 'judged' ? judged(piece) : (more[name] ?? state.moving.get(name) ?? state.frozen.get(name) ?? state.parameters.get(name))
      if (tensor) given[name] = tensor
    }
    return given
  }

  /** Takes moving state to where it is after the whole batch: the mean over its pieces, because each moves linearly with its mean. */
  async function moveFirst(model: OpenModel, batch: Batch, names: readonly string[]): Promise<void> {
    const session = await model.movement()
    const sums = zeros(names.map((name) => [name, state.moving.get(name) as Float32Tensor]))
    let pixels = 0
    for await (const piece of batch.pieces()) {
      const results = await session.run(feeds(session, piece, batch.inputs ?? {}), names.map(nextName))
      for (const name of names) addScaled(sums.get(name) as Float64Array, results[nextName(name)].data as Float32Array, judgedPixels(piece))
      pixels += judgedPixels(piece)
    }
    for (const name of names) moveTo(name, (sums.get(name) as Float64Array).map((sum) => sum / pixels))
  }

  function moveTo(name: string, values: ArrayLike<number>): void {
    state.moving.set(name, { ...(state.moving.get(name) as Float32Tensor), data: new Float32Array(values) })
  }

  async function differentiate(batch: Batch): Promise<{ loss: number; pixels: number; gradients: Map<string, Float64Array> }> {
    const still = !batch.single && moving.length > 0
    if (still) await moveFirst(trainingModel, batch, moving)
    const gradients = new Map<string, Float64Array>()
    const wanted = [LOSS_OUTPUT, ...trained.map(gradientName), ...(still ? [] : moving.map(nextName))]
    let loss = 0
    let pixels = 0
    for await (const piece of batch.pieces()) {
      const results = await training.run(feeds(training, piece, still ? { ...batch.inputs, ...held } : (batch.inputs ?? {})), wanted)
      const share = batch.single ? 1 : judgedPixels(piece)
      loss += share * Number(results[LOSS_OUTPUT].data[0])
      for (const name of trained) addTo(gradients, name, results[gradientName(name)].data as Float32Array, share)
      if (!still) for (const name of moving) moveTo(name, results[nextName(name)].data as Float32Array)
      pixels += judgedPixels(piece)
    }
    if (!batch.single) {
      loss /= pixels
      for (const gradient of gradients.values()) for (let index = 0; index < gradient.length; index += 1) gradient[index] /= pixels
    }
    return { loss, pixels, gradients }
  }

  return {
    state,
    optimizer,
    report: training.report,
    moves: moving.length > 0,
    wantsTargets,
    shows: (output) => evaluation.outputNames.includes(output),
    differentiate,

    async step(group, settings) {
      const total = new Map<string, Float64Array>()
      const result: StepResult = { losses: [], pixels: [], gradientNorm: 0 }
      for (const batch of group) {
        const { loss, pixels, gradients } = await differentiate(batch)
        if (!Number.isFinite(loss)) throw notFinite('loss', loss)
        for (const [name, gradient] of gradients) addTo(total, name, gradient, 1 / settings.accumulate)
        result.losses.push(loss)
        result.pixels.push(pixels)
      }
      result.gradientNorm = globalNorm(total.values())
      if (!Number.isFinite(result.gradientNorm)) throw notFinite('gradient', result.gradientNorm)
      clip(total, settings.gradientClip)
      const values = new Map([...state.parameters].map(([name, { data }]) => [name, data]))
      optimizerStep(optimizer, state.optimizer, settings.learningRate, values, total)
      return result
    },

    async evaluate(batch, outputs, onPiece) {
      if (movingInEvaluation.length > 0) await moveFirst(evaluationModel, batch, movingInEvaluation)
      let loss = 0
      let pixels = 0
      for await (const piece of batch.pieces()) {
        const results = await evaluation.run(feeds(evaluation, piece, { ...batch.inputs, ...held }), [LOSS_OUTPUT, ...outputs])
        loss += judgedPixels(piece) * Number(results[LOSS_OUTPUT].data[0])
        pixels += judgedPixels(piece)
        onPiece(piece, results)
      }
      return { loss: loss / pixels, pixels }
    },

    async release() {
      await trainingModel.release()
      await evaluationModel.release()
    },
  }
}

/** The settings that say how far moving state goes: "<node>.alpha" of each node whose state moves. 0 holds it still. */
function movementRates(sessions: readonly Session[], moving: readonly string[]): string[] {
  const settings = new Set(sessions.flatMap(({ defaults }) => [...defaults.keys()]))
  return [...settings].filter((setting) => setting.endsWith('.alpha') && moving.some((name) => name.startsWith(setting.slice(0, -'alpha'.length))))
}

function scalar(value: number): Tensor {
  return { type: 'float32', shape: [], data: Float32Array.of(value) }
}

function clip(gradients: ReadonlyMap<string, Float64Array>, settings: GradientClip | null): void {
  if (settings?.kind === 'norm') clipGlobalNorm(gradients, settings.limit)
  else if (settings) clipValues(gradients, settings.limit)
}

function zeros(tensors: readonly (readonly [string, Float32Tensor])[]): Map<string, Float64Array> {
  return new Map(tensors.map(([name, { data }]) => [name, new Float64Array(data.length)]))
}

/** Adds to the sum of a name, which begins with what is added first. */
function addTo(sums: Map<string, Float64Array>, name: string, values: Float32Array | Float64Array, factor: number): void {
  const sum = sums.get(name)
  if (sum) {
    addScaled(sum, values, factor)
    return
  }
  const first = values instanceof Float64Array ? values : new Float64Array(values)
  if (factor !== 1) for (let index = 0; index < first.length; index += 1) first[index] *= factor
  sums.set(name, first)
}

function addScaled(sum: Float64Array, values: Float32Array | Float64Array, factor: number): void {
  for (let index = 0; index < sum.length; index += 1) sum[index] += factor * values[index]
}

/** What ends a training that runs away. */
export function notFinite(what: string, value: number): CuvetteError {
  return new CuvetteError('bad-data', `The ${what} became ${value}; lower the learning rate, or set a gradient clip.`)
}

async function artifact(path: string): Promise<Uint8Array> {
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CuvetteError('bad-artifact', `The training artifact ${path} cannot be read (${error.code ?? error.message}); fit the pipeline again.`, { path, cause: error })
  })
}
