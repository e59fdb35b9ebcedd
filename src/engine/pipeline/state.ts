import { CuvetteError } from '../../shared/problem'
import type { NodeState, StateTensor } from '../nodes/node'
import { randomSource } from '../nodes/random'
import type { Pipeline, PipelineNode, PipelineState } from './pipeline'
import type { TrainerSettings } from './trainer'

/** A state tensor with the node it belongs to. */
export interface NamedStateTensor extends StateTensor {
  node: PipelineNode
  /** "<node>.<name>" */
  key: string
}

/** Every tensor that the nodes of a pipeline keep, in the order of running. */
export function stateTensors(pipeline: Pipeline): NamedStateTensor[] {
  return pipeline.nodes.flatMap((node) => (node.type.state?.(node.parameters) ?? []).map((tensor) => ({ ...tensor, node, key: stateKey(node.name, tensor.name) })))
}

export function stateKey(node: string, name: string): string {
  return `${node}.${name}`
}

/**
 * First values of all parameters and constants, drawn from `seed`; each node draws its own sequence. Statistics are
 * missing until the statistical phase has set them.
 */
export function initialState(pipeline: Pipeline, seed: number): PipelineState {
  const state: PipelineState = new Map()
  for (const { name, type, parameters } of pipeline.nodes) {
    if (type.initialise) setNodeState(state, name, type.initialise(parameters, randomSource(seed, name)))
  }
  return state
}

/** Takes over what a node's statistical phase found. */
export function setNodeState(state: PipelineState, node: string, values: NodeState): void {
  for (const [name, tensor] of Object.entries(values)) state.set(stateKey(node, name), tensor)
}

/** Nodes with a statistical phase, in the order in which they are fitted, and the port "node.port" that each observes. */
export function nodesToFit(pipeline: Pipeline): { node: PipelineNode; observes: string }[] {
  return pipeline.nodes.flatMap((node) => {
    const { fit } = node.type
    if (!fit || fit.needed?.(node.parameters) === false) return []
    const from = node.inputs[fit.port]
    return [{ node, observes: `${from.node}.${from.port}` }]
  })
}

/**
 * Keys of the state tensors that train: the losses' own parameters; parameters of the unfrozen nodes, or of all with
 * `parameters: all`; and those statistics of unfrozen nodes that their type allows; nothing of frozen nodes. In the order
 * of running.
 */
export function trainedNames(pipeline: Pipeline, settings: Pick<TrainerSettings, 'unfreeze' | 'parameters' | 'losses'> & { freeze?: readonly string[] }): string[] {
  return stateTensors(pipeline).filter(({ node, name, kind }) => {
    if (settings.freeze?.includes(node.name)) return false
    const unfrozen = settings.unfreeze.includes(node.name)
    if (kind === 'parameter') return unfrozen || settings.parameters === 'all' || settings.losses.includes(node.name)
    return kind === 'statistic' && unfrozen && (node.type.trainableStatistics ?? []).includes(name)
  }).map(({ key }) => key)
}

/**
 * Checks that a state read from `path` is exactly that of the pipeline. Throws CuvetteError('bad-artifact') that names
 * the first difference.
 */
export function requireState(pipeline: Pipeline, state: PipelineState, path?: string): void {
  const expected = stateTensors(pipeline)
  for (const { key, shape } of expected) {
    const found = state.get(key)
    if (!found) throw new CuvetteError('bad-artifact', `The state has no tensor ${key}; the pipeline expects [${shape.join(', ')}]. Fit the pipeline again.`, { path, where: key })
    if (found.type !== 'float32' || found.shape.join() !== shape.join()) {
      throw new CuvetteError('bad-artifact', `The tensor ${key} is ${found.type} [${found.shape.join(', ')}]; the pipeline expects float32 [${shape.join(', ')}]. Fit the pipeline again.`, { path, where: key })
    }
  }
  const known = new Set(expected.map(({ key }) => key))
  for (const key of state.keys()) {
    if (!known.has(key)) throw new CuvetteError('bad-artifact', `The state holds the tensor ${key}, which the pipeline does not have; they do not belong together.`, { path, where: key })
  }
}
