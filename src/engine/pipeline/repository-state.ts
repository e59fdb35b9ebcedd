import { CuvetteError } from '../../shared/problem'
import type { TorchTensor, TorchValue } from '../files/torch-archive'
import { OrderedDict } from '../files/write-torch-archive'
import type { WritableTorchValue } from '../files/write-torch-archive'
import type { NodeState } from '../nodes/node'
import type { Tensor } from '../onnx/tensor'
import { float32 } from '../onnx/tensor'
import type { Pipeline, PipelineNode, PipelineState } from './pipeline'
import { requireState, setNodeState } from './state'
import { didYouMean } from './suggest'

// The reference saves {"state_dict": {node: module.state_dict()}, "metadata": {...}}; a node without tensors has an empty
// entry. Names of tensors are those of its modules, and so are ours.

/** Weights of a pipeline by node and tensor. */
export type StoredWeights = ReadonlyMap<string, ReadonlyMap<string, TorchTensor>>

export interface RepositoryState {
  state: PipelineState
  /** Sentences about numbers that are not used as they are stored. */
  warnings: string[]
}

/** The weights in an archive of the reference. Throws CuvetteError('bad-artifact') for an archive of another layout. */
export function weightsOf(value: TorchValue, path: string): StoredWeights {
  const wrong = (what: string): CuvetteError => new CuvetteError('bad-artifact', `The PyTorch file ${path} ${what}; expected are the weights of a pipeline, {"state_dict": {node: {name: tensor}}}.`, { path })
  const nodes = value instanceof Map ? value.get('state_dict') : undefined
  if (!(nodes instanceof Map)) throw wrong('has no state_dict')
  const weights = new Map<string, Map<string, TorchTensor>>()
  for (const [node, tensors] of nodes) {
    if (!(tensors instanceof Map)) throw wrong(`has no mapping of tensors for ${node}`)
    const named = new Map<string, TorchTensor>()
    for (const [name, tensor] of tensors) {
      if (!isTensor(tensor)) throw wrong(`has something that is no tensor as ${node}.${name}`)
      named.set(name, tensor)
    }
    weights.set(node, named)
  }
  return weights
}

/**
 * The state of a pipeline from weights of the reference: names and shapes must be exactly those that its nodes keep. What
 * is stored in another element type becomes float32. Throws CuvetteError('bad-artifact') that names the first difference.
 */
export function stateFromWeights(pipeline: Pipeline, weights: StoredWeights, path: string): RepositoryState {
  const state: PipelineState = new Map()
  const warnings: string[] = []
  const names = pipeline.document.nodes.map(({ name }) => name)
  for (const node of weights.keys()) {
    if (names.includes(node)) continue
    throw new CuvetteError('bad-artifact', `The PyTorch file ${path} has weights of a node ${node}, which the document ${pipeline.document.path} does not have${didYouMean(node, names) || '; they do not belong together.'}`, { path, where: node })
  }
  for (const node of pipeline.nodes) {
    const expected = node.type.state?.(node.parameters) ?? []
    const stored = weights.get(node.name)
    if (expected.length === 0 && !stored) continue
    if (!stored) throw new CuvetteError('bad-artifact', `The PyTorch file ${path} has no weights of the node ${node.name} (${node.type.description.type}); save the pipeline again after it was fitted.`, { path, where: node.name })
    warnings.push(...conversions(node, stored, path))
    const plain = Object.fromEntries([...stored].map(([name, tensor]) => [name, asFloat32(tensor)]))
    const own = node.type.repositoryState?.read(node.parameters, plain) ?? plain
    if (expected.length === 0) requireNone(node, Object.keys(own), path)
    setNodeState(state, node.name, own)
  }
  requireState(pipeline, state, path)
  return { state, warnings }
}

/** What the reference saves as the weights of a pipeline: one entry for every node of the document, in its order. */
export function weightsToWrite(pipeline: Pipeline, state: PipelineState): WritableTorchValue {
  const nodes = new Map(pipeline.nodes.map((node) => [node.name, node]))
  return new Map(pipeline.document.nodes.map(({ name }): [string, WritableTorchValue] => {
    const node = nodes.get(name)
    return [name, new OrderedDict(new Map(Object.entries(node ? weightsOfNode(node, state) : {})))]
  }))
}

/** Weights as they were stored, those of unknown nodes among them. Half precisions are written as float32, short integers as int32. */
export function weightsAgain(pipeline: Pipeline, weights: StoredWeights): WritableTorchValue {
  return new Map(pipeline.document.nodes.map(({ name }): [string, WritableTorchValue] => [name, new OrderedDict(weights.get(name) ?? new Map())]))
}

function weightsOfNode({ name, type, parameters }: PipelineNode, state: PipelineState): NodeState {
  const own: NodeState = {}
  for (const tensor of type.state?.(parameters) ?? []) {
    const found = state.get(`${name}.${tensor.name}`)
    if (!found) throw new CuvetteError('bad-artifact', `The state has no tensor ${name}.${tensor.name}; fit the pipeline before it is exported.`, { where: `${name}.${tensor.name}` })
    own[tensor.name] = found
  }
  return type.repositoryState?.write(parameters, own) ?? own
}

function requireNone(node: PipelineNode, names: readonly string[], path: string): void {
  if (names.length === 0) return
  throw new CuvetteError('bad-artifact', `The PyTorch file ${path} has the tensor ${node.name}.${names[0]}, but a ${node.type.description.type} keeps none; they do not belong together.`, { path, where: node.name })
}

/** Integers count, and are exact; what else is not stored in float32 loses digits or had fewer. */
function conversions({ name, type }: PipelineNode, stored: ReadonlyMap<string, TorchTensor>, path: string): string[] {
  const others = [...stored].filter(([, { dtype }]) => dtype !== 'float32' && !dtype.startsWith('int'))
  return others.map(([tensor, { dtype }]) => `The tensor ${name}.${tensor} (${type.description.type}) of ${path} is stored as ${dtype} and used as float32.`)
}

function asFloat32({ shape, data }: TorchTensor): Tensor {
  if (data instanceof Float32Array) return float32(shape, data)
  return float32(shape, Float32Array.from(data as ArrayLike<number | bigint>, Number))
}

function isTensor(value: TorchValue): value is TorchTensor {
  return value !== null && typeof value === 'object' && 'dtype' in value
}
