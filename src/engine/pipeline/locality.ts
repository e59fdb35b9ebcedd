import type { NodeType, Parameters, Stage } from '../nodes/node'
import { localityOf } from '../nodes/node'
import type { Pipeline, PipelineNode } from './pipeline'

const STAGES: readonly Stage[] = ['train', 'validation', 'inference']

/** The named nodes and everything before them, in the order of running. */
export function ancestors(pipeline: Pipeline, names: readonly string[]): PipelineNode[] {
  const wanted = new Set(names)
  for (const node of [...pipeline.nodes].reverse()) {
    if (wanted.has(node.name)) for (const { node: from } of Object.values(node.inputs)) wanted.add(from)
  }
  return pipeline.nodes.filter(({ name }) => wanted.has(name))
}

/** Whether what a node puts out in inference depends on more than the pixel itself. */
export function looksAtImages(pipeline: Pipeline, node: string): boolean {
  return ancestors(pipeline, [node]).some(({ type, parameters }) => localityOf(type, parameters, 'inference') !== 'pixel')
}

/**
 * Whether a node must be shown images while a pipeline trains, because it looks at neighbours or at the whole image in
 * some stage. A statistic over the batch can be taken over loose pixels. Deciders and metrics are computed on the host.
 */
export function wantsImages(type: NodeType, parameters: Parameters): boolean {
  if (['decider', 'metric'].includes(type.description.role)) return false
  return STAGES.some((stage) => ['neighbourhood', 'image'].includes(localityOf(type, parameters, stage)))
}
