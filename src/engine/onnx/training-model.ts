import { CuvetteError } from '../../shared/problem'
import type { Graph, GraphNode, Value } from './graph'
import { encodeModel } from './model'
import type { ModelFunction } from './model'

// The artifacts that both runtimes take. The training runtime (ONNX Runtime 1.19.2) accumulates gradients in place with
// its own operator; stock runtimes lack it and find a function of that name in the file, which does nothing, and take
// the raw gradients, which are outputs too. Names and order of inputs are the training runtime's contract.

export interface TrainingModel {
  /** Forward pass, loss and gradients. It is not changed. */
  graph: Graph
  /** Inputs that the caller feeds: pixels, masks, noise, state that moves without a gradient. */
  userInputs: readonly string[]
  /** Inputs that train, in the order of the checkpoint's consumers. */
  parameters: readonly string[]
  loss: Value
  /** What else comes out, after the loss. */
  extraOutputs: readonly { name: string; value: Value }[]
  /** Gradient of the loss by parameter; all parameters must be there. */
  gradients: ReadonlyMap<string, Value>
  metadata?: Readonly<Record<string, string>>
}

export type EvaluationModel = Omit<TrainingModel, 'gradients'>

/** Output of a training model that holds a parameter's gradient. */
export function gradientName(parameter: string): string {
  return `${parameter}${GRADIENT}`
}

export function isGradientName(output: string): boolean {
  return output.endsWith(GRADIENT)
}

const GRADIENT = '_grad'

/** Input of a training model into which the training runtime accumulates; stock runtimes need any values of its shape. */
export function gradientBufferName(parameter: string): string {
  return `${parameter}_grad.accumulation.buffer`
}

/** Input bool [1]: true starts the accumulation anew. */
export const RESET_INPUT = 'lazy_reset_grad'
/** First output of both models: float32, one number. */
export const LOSS_OUTPUT = 'loss'

const ACCUMULATE = 'InPlaceAccumulatorV2'
const DOMAIN = 'com.microsoft'

/** What runtimes without the operator do: hand the flag through, leave the buffer alone. */
const accumulate: ModelFunction = {
  domain: DOMAIN,
  name: ACCUMULATE,
  inputs: ['buffer', 'gradient', 'reset'],
  outputs: ['flag'],
  nodes: [{ op: 'Identity', domain: '', name: 'flag', inputs: ['reset'], outputs: ['flag'], attributes: {} }],
}

/**
 * Bytes of training_model.onnx. Inputs: user inputs, parameters, a gradient buffer for each parameter, the
 * reset flag. Outputs: loss, the extra ones, each parameter's gradient, each accumulation flag.
 * Throws CuvetteError('bad-argument') for a parameter without a gradient: it would fail inside the training runtime.
 */
export function encodeTrainingModel(model: TrainingModel): Uint8Array {
  const graph = model.graph.copy()
  const taken = new Set<string>()
  const accumulators: { flag: string; value: Value }[] = []
  writeOutputs(graph, model)

  const gradients = model.parameters.map((parameter) => {
    const found = model.gradients.get(parameter)
    if (!found) throw new CuvetteError('bad-argument', `The parameter ${parameter} has no gradient: the loss does not depend on it.`, { where: parameter })
    // A value can carry one name only.
    const shared = taken.has(found.name) || !graph.producer(found.name) || graph.outputs.some(({ value }) => value.name === found.name)
    const gradient = shared ? graph.op('Identity', [found]) : found
    taken.add(gradient.name)
    graph.output(gradientName(parameter), gradient)
    return gradient
  })
  const buffers = model.parameters.map((parameter) => graph.input(gradientBufferName(parameter), 'float32', graph.value(parameter).shape))
  const reset = graph.input(RESET_INPUT, 'bool', [1])
  model.parameters.forEach((parameter, index) => {
    const flag = `${parameter}_grad.accumulation.out`
    const node: GraphNode = {
      op: ACCUMULATE,
      domain: DOMAIN,
      name: `GradientAccumulator${index}`,
      inputs: [buffers[index].name, gradients[index].name, reset.name],
      outputs: [flag],
      attributes: {},
    }
    accumulators.push({ flag, value: graph.append(node, [{ type: 'bool', shape: [1] }])[0] })
  })
  for (const { flag, value } of accumulators) graph.output(flag, value)
  return encodeModel(graph, {
    name: 'training',
    inputs: [...model.userInputs, ...model.parameters, ...buffers.map(({ name }) => name), RESET_INPUT],
    functions: [accumulate],
    metadata: model.metadata,
  })
}

/** Bytes of eval_model.onnx: the same user inputs, parameters and outputs in the same order, without gradients. */
export function encodeEvaluationModel(model: EvaluationModel): Uint8Array {
  const graph = model.graph.copy()
  writeOutputs(graph, model)
  return encodeModel(graph, {
    name: 'evaluation',
    inputs: [...model.userInputs, ...model.parameters],
    metadata: model.metadata,
  })
}

function writeOutputs(graph: Graph, { loss, extraOutputs }: EvaluationModel): void {
  graph.output(LOSS_OUTPUT, loss)
  for (const { name, value } of extraOutputs) graph.output(name, value)
}
