import { expect } from 'vitest'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { differentiate } from '../../src/engine/onnx/differentiate'
import type { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { elementCount, float32 } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { compileEvaluation, compileInference, compileTraining, compileUpTo, measuredNodes } from '../../src/engine/pipeline/compile'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { Pipeline, PipelineState } from '../../src/engine/pipeline/pipeline'
import { initialState, nodesToFit, requireState, setNodeState, stateKey, stateTensors, trainedNames } from '../../src/engine/pipeline/state'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
import { scheduledSettings } from '../../src/engine/training/step-inputs'
import type { StoredTensor } from './read-vectors'
import { expectClose, numbers, tensor } from './read-vectors'
import { goldenSuite } from './suite'

// The graphs of a whole pipeline in the repository dialect, with the reference's own state: every port in inference and
// validation, the statistical phase, loss and gradients of the first training step. The training itself is run elsewhere.

interface Frame {
  cube: StoredTensor
  mask: StoredTensor
  wavelengths: StoredTensor
}

type Ports = Record<string, StoredTensor | { name: string; value: number }[]>
type StoredState = Record<string, Record<string, StoredTensor>>

interface WholeCase {
  name: string
  pipeline_config: object
  data: { batch_size: number; train_frames: Frame[]; val_frames: Frame[] }
  topological_order: string[]
  optimized_parameters: string[]
  unfreeze_nodes: string[]
  training_config: object
  loss_nodes: string[]
  state_initial: StoredState
  state_after_statistical: StoredState
  statistical_fit_order: string[]
  after_statistical: { inference_first_train_batch: Ports; val_first_val_batch: Ports }
  state_after_training: StoredState
  after_training: { inference_first_val_batch: Ports }
  steps: { loss: number; grads_first_step_preclip?: Record<string, StoredTensor>; buffers?: Record<string, StoredTensor>; gumbel_u?: StoredTensor }[]
}

const files = [['e2e_deepsvdd', 1e-5], ['e2e_channel_selector', 1e-4], ['e2e_reducers', 1e-4]] as const

for (const [file, tolerance] of files) goldenSuite<WholeCase>(file, (one) => wholeCase(one, tolerance))

async function wholeCase(one: WholeCase, tolerance: number): Promise<void> {
  const wavelengthsNm = numbers(one.data.train_frames[0].wavelengths)
  const run = { pipeline: one.pipeline_config, training: one.training_config, unfreeze_nodes: one.unfreeze_nodes, loss_nodes: one.loss_nodes, data: { batch_size: one.data.batch_size } }
  const pipeline = resolvePipeline(parsePipeline(JSON.stringify(run), 'e2e.yaml'), { channels: wavelengthsNm.length, wavelengthsNm })
  expect(pipeline.nodes.map(({ name }) => name)).toEqual(one.topological_order)
  if (!pipeline.trainer) throw new Error('The training run has settings.')
  // What the reference optimises without a gradient stays as it is, and is not trained here.
  const { grads_first_step_preclip: grads } = one.steps[0]
  const trained = one.optimized_parameters.filter((name) => !grads || name in grads)
  expect(trainedNames(pipeline, pipeline.trainer)).toEqual(trained)
  expect(pipeline.trainer.batch).toEqual({ unit: 'frames', size: one.data.batch_size })

  const fitted = stateOf(one.state_after_statistical, pipeline)
  requireState(pipeline, fitted)
  await statisticalPhase(one, pipeline, fitted, tolerance)
  const first = (frames: readonly Frame[]): readonly Frame[] => frames.slice(0, one.data.batch_size)
  const [train, validation] = [batch(first(one.data.train_frames)), batch(first(one.data.val_frames))]
  await everyPort(pipeline, fitted, train, one.after_statistical.inference_first_train_batch, tolerance)
  await everyPort(pipeline, stateOf(one.state_after_training, pipeline), validation, one.after_training.inference_first_val_batch, tolerance)
  await validationBatch(one, pipeline, fitted, validation, trained, tolerance)
  await firstStep(one, pipeline, fitted, train, trained, tolerance)
}

/** The stored state, as far as nodes keep it here. */
function stateOf(stored: StoredState, pipeline: Pipeline): PipelineState {
  const kept = new Set(stateTensors(pipeline).map(({ key }) => key))
  return new Map(Object.entries(stored).flatMap(([node, values]) => Object.entries(values).filter(([name]) => kept.has(stateKey(node, name))).map(([name, value]) => [stateKey(node, name), tensor(value)] as const)))
}

function batch(frames: readonly Frame[]): Tensor {
  const cubes = frames.map(({ cube }) => tensor(cube))
  const [{ shape }] = cubes
  return float32([cubes.length, ...shape], cubes.flatMap((cube) => numbers(cube)))
}

async function runGraph(graph: Graph, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  return session.run(feeds).finally(() => session.release())
}

async function statisticalPhase(one: WholeCase, pipeline: Pipeline, expected: PipelineState, tolerance: number): Promise<void> {
  const state = initialState(pipeline, 1)
  for (const [node, values] of Object.entries(one.state_initial)) {
    const type = pipeline.nodes.find(({ name }) => name === node)?.type
    const kept = (name: string) => expected.has(stateKey(node, name))
    if (type?.initialise) setNodeState(state, node, Object.fromEntries(Object.entries(values).filter(([name]) => kept(name)).map(([name, value]) => [name, tensor(value)])))
  }
  const steps = nodesToFit(pipeline)
  expect(steps.map(({ node }) => node.name)).toEqual(one.statistical_fit_order)
  for (const { node, observes } of steps) {
    const { graph, output } = compileUpTo(pipeline, state, observes)
    const frames = one.data.train_frames
    const accumulator = node.type.fit?.start(node.parameters, { node: node.name, seed: 1, pixels: frames.length * frames[0].mask.data.length, wavelengthsNm: null })
    for (const frame of frames) {
      const { shape, data } = (await runGraph(graph, { cube: batch([frame]) }))[output]
      await accumulator?.add(data as Float32Array, elementCount(shape.slice(0, 3)), shape[3], null)
    }
    setNodeState(state, node.name, await accumulator?.finish() ?? {})
  }
  for (const [key, value] of expected) expectClose(state.get(key) as Tensor, value, tolerance, key)
}

/** Every float port of the graph; what carries no numbers there is left out. */
async function everyPort(pipeline: Pipeline, state: PipelineState, cube: Tensor, expected: Ports, tolerance: number): Promise<void> {
  const source = pipeline.nodes[0].name
  const ports = Object.keys(expected).filter((port) => !Array.isArray(expected[port]) && !port.startsWith(`${source}.`))
  const { graph, scores, decisions } = compileInference(pipeline, state, { ports })
  const results = await runGraph(graph, { cube })
  // Unit spectra and what comes after them are differences of larger numbers.
  for (const port of ports) expectClose(results[port], expected[port] as StoredTensor, tolerance, port, 0.3)
  expect(results.scores).toEqual(results[`${scores.node}.${scores.port}`])
  expect(results.decisions).toEqual(results[`${decisions?.node}.${decisions?.port}`])
}

async function validationBatch(one: WholeCase, pipeline: Pipeline, state: PipelineState, cube: Tensor, trained: readonly string[], tolerance: number): Promise<void> {
  const expected = one.after_statistical.val_first_val_batch
  const compiled = compileEvaluation(pipeline, state, { trained, losses: one.loss_nodes })
  const measured = measuredNodes(pipeline)
  for (const { ports } of measured) {
    for (const { from } of ports) {
      const value = pipeline.nodes[0].name === from.node ? null : compiled.port(`${from.node}.${from.port}`)
      if (value) compiled.graph.output(`${from.node}.${from.port}`, value)
    }
  }
  for (const { name, value } of compiled.losses) compiled.graph.output(`${name}.loss`, value)
  expect(compiled.updates).toEqual([])
  const masks = targetsOf(pipeline, one.data.val_frames.slice(0, one.data.batch_size))
  const results = await runGraph(compiled.graph, { ...(compiled.userInputs.includes('targets') && { targets: masks }), cube, ...parameters(compiled.parameters.map(({ name }) => name), state) })
  expect(compiled.losses.map(({ name }) => name)).toEqual(one.loss_nodes)
  for (const name of one.loss_nodes) expectClose(results[`${name}.loss`], expected[`${name}.loss`] as StoredTensor, tolerance, `validation loss ${name}`)
  const targets = targetsOfClasses(one.data.val_frames.slice(0, one.data.batch_size).flatMap(({ mask }) => numbers(mask)), pipeline.nodes[0].parameters)
  expect([...targets]).toEqual(numbers(expected[`${pipeline.nodes[0].name}.mask`] as StoredTensor))
  for (const { node, ports } of measured) {
    const tensors = Object.fromEntries(ports.map(({ port, from }) => [port, results[`${from.node}.${from.port}`] ?? { type: 'bool', shape: [targets.length], data: targets }]))
    const found = node.type.measurement?.measure(node.parameters, tensors) ?? {}
    for (const { name, value } of expected[`${node.name}.metrics`] as { name: string; value: number }[]) expect(Math.abs(found[name] - value), name).toBeLessThan(1e-6)
  }
}

async function firstStep(one: WholeCase, pipeline: Pipeline, state: PipelineState, cube: Tensor, trained: readonly string[], tolerance: number): Promise<void> {
  const [step] = one.steps
  const compiled = compileTraining(pipeline, state, { trained, losses: one.loss_nodes })
  expect(compiled.parameters.map(({ name }) => name)).toEqual(trained)
  const drawn = step.gumbel_u ? pipeline.nodes.flatMap(({ name, type, parameters: values }) => (type.noise?.(values) ?? []).map((noise) => stateKey(name, noise.name))) : []
  const moving = compiled.updates.map(({ state: name }) => name)
  const compares = compiled.userInputs.includes('targets')
  const scheduled = scheduledSettings(pipeline, 1)
  // What follows the epochs is fed, since the training runtime leaves out inputs with a default.
  const followed = Object.keys(scheduled).filter((name) => compiled.userInputs.includes(name) || compiled.settings.includes(name))
  expect([...compiled.userInputs].sort()).toEqual(['cube', ...(compares ? ['targets'] : []), ...moving, ...drawn, ...followed].sort())
  const settings = Object.entries(scheduled).map(([name, value]) => [name, float32([], [value])])
  const gradients = differentiate(compiled.graph, compiled.loss, compiled.parameters)
  compiled.graph.output('loss', compiled.loss)
  for (const [name, value] of gradients) compiled.graph.output(`gradient.${name}`, value)
  for (const { state: name, output } of compiled.updates) compiled.graph.output(`${name}.next`, output)
  const results = await runGraph(compiled.graph, {
    cube,
    ...(compares && { targets: targetsOf(pipeline, one.data.train_frames.slice(0, one.data.batch_size)) }),
    ...(step.gumbel_u && { [drawn[0]]: tensor(step.gumbel_u) }),
    ...Object.fromEntries(settings),
    ...parameters([...moving, ...trained], state),
  })
  // The reference divides the loss of a batch by the number of batches that it accumulates.
  const shared = (value: Tensor): Tensor => float32(value.shape, numbers(value).map((number) => number / (pipeline.trainer?.accumulate ?? 1)))
  expect(Math.abs(Number(shared(results.loss).data[0]) - step.loss)).toBeLessThan(tolerance * step.loss)
  // What cancels wholly, such as a bias right before a normalisation over the batch, is a rounding error of its own.
  const largest = Math.max(...Object.values(step.grads_first_step_preclip ?? {}).flatMap(numbers).map(Math.abs))
  for (const [name, value] of Object.entries(step.grads_first_step_preclip ?? {})) {
    const found = shared(results[`gradient.${name}`])
    if (numbers(value).every((gradient) => Math.abs(gradient) < tolerance * largest)) expect(numbers(found).every((gradient) => Math.abs(gradient) < tolerance * largest), `gradient of ${name}`).toBe(true)
    else expectClose(found, value, tolerance, `gradient of ${name}`, 0.3)
  }
  for (const [name, value] of Object.entries(step.buffers ?? {})) expectClose(results[`${name}.next`], value, tolerance, name)
}

function targetsOf(pipeline: Pipeline, frames: readonly Frame[]): Tensor {
  const data = targetsOfClasses(frames.flatMap(({ mask }) => numbers(mask)), pipeline.nodes[0].parameters)
  return { type: 'bool', shape: [frames.length, ...frames[0].cube.shape.slice(0, 2), 1], data }
}

function parameters(names: readonly string[], state: PipelineState): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => [name, state.get(name) as Tensor]))
}
