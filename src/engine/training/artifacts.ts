import { join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import { differentiate } from '../onnx/differentiate'
import type { OptimizerSettings } from '../onnx/optimizer'
import { encodeOptimizerModel } from '../onnx/optimizer-model'
import type { Tensor } from '../onnx/tensor'
import { encodeEvaluationModel, encodeTrainingModel } from '../onnx/training-model'
import { compileEvaluation, compileTraining } from '../pipeline/compile'
import type { CompiledLoss } from '../pipeline/compile'
import type { Pipeline, PipelineState } from '../pipeline/pipeline'
import { trainedNames } from '../pipeline/state'
import type { TrainerSettings } from '../pipeline/trainer'
import { nextName } from './next-name'
import { watchedPorts } from './validation'

/** The files of training/, by the names that the training runtime's tools use. */
export const ARTIFACT_FILES = {
  training: 'training_model.onnx',
  evaluation: 'eval_model.onnx',
  optimizer: 'optimizer_model.onnx',
  checkpoint: 'checkpoint',
} as const

/** The three models, and the state that the checkpoint starts from. */
export interface Artifacts {
  training: Uint8Array
  evaluation: Uint8Array
  optimizer: Uint8Array
  trainable: Map<string, Tensor<'float32'>>
  /** State that moves without a gradient. */
  moving: Map<string, Tensor<'float32'>>
  /** Whether a batch may be cut into pieces whose weighted losses and gradients are those of the batch. */
  additive: boolean
  /** The same of the evaluation model. */
  additiveInEvaluation: boolean
}

/**
 * Compiles the artifact set of a pipeline with fitted statistics. Both models take parameters and
 * moving state in the same order and show the same outputs: the loss, moving state after the batch, and the ports that a
 * validation watches. Noise and the settings that follow the epochs are inputs of the training model alone; these, too,
 * must be fed. `judging`: whether images hold pixels that are not to be judged.
 * Throws CuvetteError('bad-pipeline') when nothing trains.
 */
export function compileArtifacts(pipeline: Pipeline, state: PipelineState, settings: TrainerSettings, judging = false): Artifacts {
  const watched = watchedPorts(pipeline)
  const training = compileTraining(pipeline, state, { trained: trainedNames(pipeline, settings), losses: settings.losses, ports: watched, judging })
  const parameters = training.parameters.map(({ name }) => name)
  if (parameters.length === 0) {
    throw new CuvetteError('bad-pipeline', 'Nothing trains: the losses depend on no parameter that the trainer unfreezes; list nodes in trainer.unfreeze, or remove the trainer.', { path: pipeline.document.path, where: 'trainer.unfreeze' })
  }
  const moving = training.updates.map(({ state: name }) => name)
  const outputs = outputsOf(training, watched)
  // Before outputs are declared and gradients taken.
  const shared = { userInputs: inputsOf(training, moving), parameters, loss: training.loss, extraOutputs: outputs, metadata: { 'cuvette.pipeline': pipeline.name } }
  const gradients = differentiate(training.graph, training.loss, training.parameters)

  // In validation a center stands still, but it is still an input: it is what training left.
  const evaluation = compileEvaluation(pipeline, state, { trained: [...parameters, ...moving], losses: settings.losses, ports: watched, judging })
  const present = (names: readonly string[]) => names.filter((name) => evaluation.graph.inputs.some((input) => input.name === name))
  return {
    training: encodeTrainingModel({ graph: training.graph, ...shared, gradients }),
    evaluation: encodeEvaluationModel({
      graph: evaluation.graph,
      ...shared,
      userInputs: inputsOf(evaluation, present(moving)),
      parameters: present(parameters),
      loss: evaluation.loss,
      extraOutputs: outputsOf(evaluation, watched),
    }),
    optimizer: encodeOptimizerModel(optimizerOf(settings)),
    trainable: tensorsOf(state, parameters),
    moving: tensorsOf(state, moving),
    additive: training.additive,
    additiveInEvaluation: evaluation.additive,
  }
}

/** Writes the three models; the checkpoint is written by the trainer. */
export async function writeModels(folder: string, artifacts: Artifacts): Promise<void> {
  await writeFileAtomic(join(folder, ARTIFACT_FILES.training), artifacts.training)
  await writeFileAtomic(join(folder, ARTIFACT_FILES.evaluation), artifacts.evaluation)
  await writeFileAtomic(join(folder, ARTIFACT_FILES.optimizer), artifacts.optimizer)
}

/** Pixels first, then what is drawn or scheduled, state that moves, and settings with a default. */
function inputsOf({ userInputs, settings }: CompiledLoss, moving: readonly string[]): string[] {
  const pixels = ['cube', 'targets', 'judged'].filter((name) => userInputs.includes(name))
  return [...pixels, ...userInputs.filter((name) => !pixels.includes(name) && !moving.includes(name)), ...moving, ...settings]
}

function outputsOf(compiled: CompiledLoss, watched: readonly string[]): { name: string; value: NonNullable<ReturnType<CompiledLoss['port']>> }[] {
  const seen = watched.flatMap((name) => {
    const value = compiled.port(name)
    return value ? [{ name, value }] : []
  })
  return [...compiled.updates.map(({ state, output }) => ({ name: nextName(state), value: output })), ...seen]
}

function optimizerOf({ optimizer }: TrainerSettings): OptimizerSettings {
  const { name, betas, epsilon, momentum, weightDecay } = optimizer
  if (name === 'sgd') return { algorithm: 'sgd', momentum, weightDecay }
  return { algorithm: name, beta1: betas[0], beta2: betas[1], epsilon, weightDecay }
}

function tensorsOf(state: PipelineState, names: readonly string[]): Map<string, Tensor<'float32'>> {
  return new Map(names.map((name) => [name, state.get(name) as Tensor<'float32'>]))
}
