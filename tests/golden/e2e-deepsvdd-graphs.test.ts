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
import { initialState, nodesToFit, requireState, setNodeState, stateKey, trainedNames } from '../../src/engine/pipeline/state'
import { targetsOfClasses } from '../../src/engine/nodes/cube-source'
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
  steps: { loss: number; grads_first_step_preclip?: Record<string, StoredTensor>; buffers: Record<string, StoredTensor> }[]
}

goldenSuite<WholeCase>('e2e_deepsvdd', async (one) => {
  const wavelengthsNm = numbers(one.data.train_frames[0].wavelengths)
  const run = { pipeline: one.pipeline_config, training: one.training_config, unfreeze_nodes: one.unfreeze_nodes, loss_nodes: one.loss_nodes, data: { batch_size: one.data.batch_size } }
  const pipeline = resolvePipeline(parsePipeline(JSON.stringify(run), 'e2e.yaml'), { channels: wavelengthsNm.length, wavelengthsNm })
  expect(pipeline.nodes.map(({ name }) => name)).toEqual(one.topological_order)
  if (!pipeline.trainer) throw new Error('The training run has settings.')
  expect(trainedNames(pipeline, pipeline.trainer)).toEqual(one.optimized_parameters)
  expect(pipeline.trainer.batch).toEqual({ unit: 'frames', size: one.data.batch_size })

  const fitted = stateOf(one.state_after_statistical)
  requireState(pipeline, fitted)
  await statisticalPhase(one, pipeline, fitted)
  const first = (frames: readonly Frame[]): readonly Frame[] => frames.slice(0, one.data.batch_size)
  const [train, validation] = [batch(first(one.data.train_frames)), batch(first(one.data.val_frames))]
  await everyPort(pipeline, fitted, train, one.after_statistical.inference_first_train_batch)
  await everyPort(pipeline, stateOf(one.state_after_training), validation, one.after_training.inference_first_val_batch)
  await validationBatch(one, pipeline, fitted, validation)
  await firstStep(one, pipeline, fitted, train)
})

function stateOf(stored: StoredState): PipelineState {
  return new Map(Object.entries(stored).flatMap(([node, values]) => Object.entries(values).map(([name, value]) => [stateKey(node, name), tensor(value)])))
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

async function statisticalPhase(one: WholeCase, pipeline: Pipeline, expected: PipelineState): Promise<void> {
  const state = initialState(pipeline, 1)
  for (const [node, values] of Object.entries(one.state_initial)) {
    const type = pipeline.nodes.find(({ name }) => name === node)?.type
    if (type?.initialise) setNodeState(state, node, Object.fromEntries(Object.entries(values).map(([name, value]) => [name, tensor(value)])))
  }
  const steps = nodesToFit(pipeline)
  expect(steps.map(({ node }) => node.name)).toEqual(one.statistical_fit_order)
  for (const { node, observes } of steps) {
    const { graph, output } = compileUpTo(pipeline, state, observes)
    const frames = one.data.train_frames
    const accumulator = node.type.fit?.start(node.parameters, { node: node.name, seed: 1, pixels: frames.length * frames[0].mask.data.length })
    for (const frame of frames) {
      const { shape, data } = (await runGraph(graph, { cube: batch([frame]) }))[output]
      await accumulator?.add(data as Float32Array, elementCount(shape.slice(0, 3)), shape[3], null)
    }
    setNodeState(state, node.name, await accumulator?.finish() ?? {})
  }
  for (const [key, value] of expected) expectClose(state.get(key) as Tensor, value, 1e-5, key)
}

/** Every float port of the graph; what carries no numbers there is left out. */
async function everyPort(pipeline: Pipeline, state: PipelineState, cube: Tensor, expected: Ports): Promise<void> {
  const source = pipeline.nodes[0].name
  const ports = Object.keys(expected).filter((port) => !Array.isArray(expected[port]) && !port.startsWith(`${source}.`))
  const { graph, scores, decisions } = compileInference(pipeline, state, { ports })
  const results = await runGraph(graph, { cube })
  // Unit spectra and what comes after them are differences of larger numbers.
  for (const port of ports) expectClose(results[port], expected[port] as StoredTensor, 1e-5, port, 0.3)
  expect(results.scores).toEqual(results[`${scores.node}.${scores.port}`])
  expect(results.decisions).toEqual(results[`${decisions?.node}.${decisions?.port}`])
}

async function validationBatch(one: WholeCase, pipeline: Pipeline, state: PipelineState, cube: Tensor): Promise<void> {
  const expected = one.after_statistical.val_first_val_batch
  const compiled = compileEvaluation(pipeline, state, { trained: one.optimized_parameters })
  const measured = measuredNodes(pipeline)
  for (const { ports } of measured) {
    for (const { from } of ports) {
      const value = pipeline.nodes[0].name === from.node ? null : compiled.port(`${from.node}.${from.port}`)
      if (value) compiled.graph.output(`${from.node}.${from.port}`, value)
    }
  }
  compiled.graph.output('loss', compiled.loss)
  expect(compiled.updates).toEqual([])
  const results = await runGraph(compiled.graph, { cube, ...parameters(compiled.parameters.map(({ name }) => name), state) })
  expectClose(results.loss, expected[`${one.loss_nodes[0]}.loss`] as StoredTensor, 1e-5, 'validation loss')
  const targets = targetsOfClasses(one.data.val_frames.slice(0, one.data.batch_size).flatMap(({ mask }) => numbers(mask)), pipeline.nodes[0].parameters)
  expect([...targets]).toEqual(numbers(expected[`${pipeline.nodes[0].name}.mask`] as StoredTensor))
  for (const { node, ports } of measured) {
    const tensors = Object.fromEntries(ports.map(({ port, from }) => [port, results[`${from.node}.${from.port}`] ?? { type: 'bool', shape: [targets.length], data: targets }]))
    const found = node.type.measurement?.measure(node.parameters, tensors) ?? {}
    for (const { name, value } of expected[`${node.name}.metrics`] as { name: string; value: number }[]) expect(Math.abs(found[name] - value), name).toBeLessThan(1e-6)
  }
}

async function firstStep(one: WholeCase, pipeline: Pipeline, state: PipelineState, cube: Tensor): Promise<void> {
  const [step] = one.steps
  const compiled = compileTraining(pipeline, state, { trained: one.optimized_parameters, losses: one.loss_nodes })
  expect(compiled.additive).toBe(true)
  expect(compiled.parameters.map(({ name }) => name)).toEqual(one.optimized_parameters)
  expect(compiled.settings).toEqual(['DeepSVDDCenterTracker.alpha'])
  expect(compiled.userInputs).toEqual(['cube', 'DeepSVDDCenterTracker._tracked_center'])
  const gradients = differentiate(compiled.graph, compiled.loss, compiled.parameters)
  compiled.graph.output('loss', compiled.loss)
  for (const [name, value] of gradients) compiled.graph.output(`gradient.${name}`, value)
  for (const { state: name, output } of compiled.updates) compiled.graph.output(`${name}.next`, output)
  const results = await runGraph(compiled.graph, { cube, ...parameters([...compiled.userInputs.slice(1), ...one.optimized_parameters], state) })
  // The reference divides the loss of a batch by the number of batches that it accumulates.
  const shared = (value: Tensor): Tensor => float32(value.shape, numbers(value).map((number) => number / (pipeline.trainer?.accumulate ?? 1)))
  expect(Math.abs(Number(shared(results.loss).data[0]) - step.loss)).toBeLessThan(1e-5 * step.loss)
  for (const [name, value] of Object.entries(step.grads_first_step_preclip ?? {})) expectClose(shared(results[`gradient.${name}`]), value, 1e-5, `gradient of ${name}`, 0.3)
  for (const [name, value] of Object.entries(step.buffers)) expectClose(results[`${name}.next`], value, 1e-5, name)
}

function parameters(names: readonly string[], state: PipelineState): Record<string, Tensor> {
  return Object.fromEntries(names.map((name) => [name, state.get(name) as Tensor]))
}
