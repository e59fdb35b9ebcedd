import type { NodeType, Parameters, Stage } from '../nodes/node'
import { localityOf } from '../nodes/node'
import type { Pipeline, PipelineNode } from './pipeline'
import { scoringNode } from './pipeline'

const STAGES: readonly Stage[] = ['train', 'validation', 'inference']

/** The named nodes and everything before them, in the order of running. */
export function ancestors(pipeline: Pipeline, names: readonly string[]): PipelineNode[] {
  return withAncestors(pipeline.nodes, names)
}

function withAncestors<Node extends Pick<PipelineNode, 'name' | 'inputs'>>(nodes: readonly Node[], names: readonly string[]): Node[] {
  const wanted = new Set(names)
  for (const node of [...nodes].reverse()) {
    if (wanted.has(node.name)) for (const { node: from } of Object.values(node.inputs)) wanted.add(from)
  }
  return nodes.filter(({ name }) => wanted.has(name))
}

/** Whether what a node puts out in inference depends on more than the pixel itself. */
export function looksAtImages(pipeline: Pipeline, node: string): boolean {
  return ancestors(pipeline, [node]).some(({ type, parameters }) => localityOf(type, parameters, 'inference') !== 'pixel')
}

/** What is known of a node before and after a document is resolved. `nodes` are in the order of running. */
type TrainingNode = Pick<PipelineNode, 'name' | 'type' | 'parameters' | 'inputs' | 'stages'>

/**
 * The first node that must be shown images while a pipeline trains, because it looks at neighbours or at the whole image
 * in some stage; undefined where loose pixels will do. Only what a training computes counts: nodes before the losses,
 * before state that moves, and before the scores and metrics of a validation. A picture beside the detector decides
 * nothing. A statistic over the batch can be taken over loose pixels; deciders and metrics are computed on the host.
 */
export function wantingImages<Node extends TrainingNode>(nodes: readonly Node[], losses: readonly string[]): Node | undefined {
  const sinks = nodes.filter(({ name, type, parameters, stages }) =>
    losses.includes(name) || (type.description.role === 'metric' && stages?.includes('val') !== false) || STAGES.some((stage) => (type.moving?.(parameters, stage, () => false) ?? []).length > 0))
  const score = scoringNode(nodes)
  return withAncestors(nodes, [...sinks, ...(score ? [score] : [])].map(({ name }) => name)).find(({ type, parameters }) => wantsImages(type, parameters))
}

/** Whether a node must be shown images, because it or one before it looks at them in some stage. */
export function needsImages(pipeline: Pipeline, { name }: PipelineNode): boolean {
  return ancestors(pipeline, [name]).some(({ type, parameters }) => wantsImages(type, parameters))
}

function wantsImages(type: NodeType, parameters: Parameters): boolean {
  if (['decider', 'metric'].includes(type.description.role)) return false
  return STAGES.some((stage) => ['neighbourhood', 'image'].includes(localityOf(type, parameters, stage)))
}
