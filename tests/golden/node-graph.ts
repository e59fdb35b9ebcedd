import type { ParameterValue } from '../../src/shared/nodes'
import { CuvetteError } from '../../src/shared/problem'
import type { NodeState, NodeType, Stage } from '../../src/engine/nodes/node'
import { nodeType } from '../../src/engine/nodes/registry'
import { differentiate } from '../../src/engine/onnx/differentiate'
import type { Value } from '../../src/engine/onnx/graph'
import { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32, int64 } from '../../src/engine/onnx/tensor'
import { readParameters } from '../../src/engine/pipeline/parameters'
import type { NodeCase } from './read-vectors'
import { tensor, tensors } from './read-vectors'

// One node alone in a graph: inputs are graph inputs, trained tensors too.

export function typeNamed(name: string): NodeType {
  const type = nodeType(name)
  if (!type) throw new Error(`There is no node type ${name}.`)
  return type
}

/** Parameters as the reader of the repository dialect would set them. */
export function repositoryParameters(type: NodeType, hparams: Readonly<Record<string, unknown>> = {}): Record<string, ParameterValue> {
  const known = type.description.parameters.map(({ name }) => name)
  const config = Object.fromEntries(Object.entries(hparams).filter(([name]) => known.includes(name)))
  const { values, faults } = readParameters(type.description.parameters, { ...config, ...type.repositoryParameters })
  if (faults.length > 0) throw new CuvetteError('bad-pipeline', faults[0].message)
  type.check?.(values)
  return values
}

/** The state that the statistical phase finds in a stream of images. */
export async function fitted(type: NodeType, parameters: Record<string, ParameterValue>, stream: readonly Tensor[], more: { wavelengthsNm?: readonly number[]; targets?: readonly Uint8Array[] } = {}): Promise<NodeState> {
  if (!type.fit) throw new Error('The node has no statistical phase.')
  const pixels = stream.reduce((sum, { shape }) => sum + shape[0] * shape[1] * shape[2], 0)
  const accumulator = type.fit.start(parameters, { node: 'node', seed: 0, pixels, wavelengthsNm: more.wavelengthsNm ?? null })
  for (const [index, { shape, data }] of stream.entries()) await accumulator.add(data as Float32Array, shape[0] * shape[1] * shape[2], shape[3], more.targets?.[index] ?? null)
  return accumulator.finish()
}

export interface NodeRun {
  outputs: Record<string, Tensor>
  /** State after the batch, by name. */
  next: Record<string, Tensor>
  loss: number | null
  gradients: Record<string, Tensor>
  inputGradients: Record<string, Tensor>
}

export interface NodeRunOptions {
  type: NodeType
  parameters: Record<string, ParameterValue>
  inputs: Readonly<Record<string, Tensor>>
  state?: NodeState
  stage?: Stage
  trained?: readonly string[]
  /** Factors of the outputs: the loss is the sum of products. */
  probe?: Readonly<Record<string, Tensor>>
  settings?: Readonly<Record<string, number>>
  /** Random inputs by name. */
  noise?: Readonly<Record<string, Tensor>>
  wavelengthsNm?: readonly number[] | null
}

/** Runs a node, and with a probe takes the gradients of the probe loss by everything it can. */
export async function runNode({ type, parameters, inputs, state = {}, stage = 'inference', trained = [], probe, settings = {}, noise = {}, wavelengthsNm = null }: NodeRunOptions): Promise<NodeRun> {
  const graph = new Graph()
  const feeds: Record<string, Tensor> = {}
  const input = (name: string, value: Tensor): Value => {
    feeds[name] = value
    return graph.input(name, value.type, value.shape)
  }
  const handles = Object.fromEntries(Object.entries(inputs).map(([port, value]) => [port, input(`input.${port}`, value)]))
  const moving = type.moving?.(parameters, stage, (name) => trained.includes(name)) ?? []
  const kept = Object.fromEntries(Object.entries(state).map(([name, value]) => {
    const isInput = trained.includes(name) || moving.includes(name)
    return [name, isInput ? input(`state.${name}`, value) : graph.initializer(`state.${name}`, value)]
  }))
  const updates: Record<string, Value> = {}
  const written = type.write?.({
    graph, parameters, state: kept, tensors: state, stage, inputs: handles, wavelengthsNm,
    scope: 'node',
    file: (parameter) => { throw new Error(`No file for ${parameter}`) },
    isTrained: (name) => trained.includes(name),
    rows: (port) => graph.op('Flatten', [handles[port]], { axis: 3 }),
    judgedRows: (port) => graph.op('Flatten', [handles[port]], { axis: 3 }),
    judged: () => null,
    setting: (name, fallback) => {
      if (name in settings) feeds[`setting.${name}`] = float32([], [settings[name]])
      return graph.input(`setting.${name}`, 'float32', [], float32([], [fallback]))
    },
    noise: (name) => input(`noise.${name}`, noise[name]),
    update: (name, next) => {
      updates[name] = next
    },
  }) ?? {}
  const frame = Object.values(inputs).find(({ shape }) => shape.length === 4)?.shape.slice(0, 3) ?? []
  const outputs = Object.fromEntries(Object.entries(written).map(([port, value]) => {
    const rank = type.description.outputs.find(({ name }) => name === port)?.shape.length
    const isRows = rank === 4 && value.shape.length === 2
    return [port, isRows ? graph.op('Reshape', [value, graph.constant(int64([4], [...frame, value.shape[1] as number]))]) : value]
  }))
  for (const [port, value] of Object.entries(outputs)) graph.output(`output.${port}`, value)
  for (const [name, value] of Object.entries(updates)) graph.output(`next.${name}`, value)
  const gradients = probe ? addProbe(graph, outputs, probe, feeds) : []

  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  try {
    const used = Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name)))
    const results = await session.run(used)
    const named = (prefix: string): Record<string, Tensor> =>
      Object.fromEntries(Object.entries(results).filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]))
    return {
      outputs: named('output.'),
      next: named('next.'),
      loss: probe ? Number(results.loss.data[0]) : null,
      gradients: gradients.length > 0 ? named('gradient.state.') : {},
      inputGradients: named('gradient.input.'),
    }
  } finally {
    await session.release()
  }
}

function addProbe(graph: Graph, outputs: Readonly<Record<string, Value>>, probe: Readonly<Record<string, Tensor>>, feeds: Readonly<Record<string, Tensor>>): string[] {
  const parts = Object.entries(probe).map(([port, factor]) => graph.op('ReduceSum', [graph.op('Mul', [outputs[port], graph.initializer(`probe.${port}`, factor)])], { keepdims: 0 }))
  const loss = parts.length === 1 ? parts[0] : graph.op('Sum', parts)
  const floats = Object.keys(feeds).filter((name) => feeds[name].type === 'float32' && !name.startsWith('setting.') && !name.startsWith('noise.')).map((name) => graph.value(name))
  const found = differentiate(graph, loss, floats)
  graph.output('loss', loss)
  for (const [name, value] of found) graph.output(`gradient.${name}`, value)
  return [...found.keys()]
}

/** Runs a node case as it stands in the vectors. */
export async function runCase(name: string, one: NodeCase, more: Partial<NodeRunOptions> = {}): Promise<NodeRun> {
  const type = typeNamed(name)
  return runNode({
    type,
    parameters: repositoryParameters(type, one.hparams),
    inputs: tensors(one.inputs ?? {}),
    state: tensors(one.init_state ?? {}),
    trained: one.trainable ?? [],
    probe: one.probe && Object.fromEntries(Object.entries(one.probe.G).map(([port, stored]) => [port, tensor(stored)])),
    ...more,
  })
}
