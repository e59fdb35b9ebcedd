import type { PipelineDocument } from '../pipeline/document'
import { storedFiles } from '../pipeline/node-files'
import type { Pipeline } from '../pipeline/pipeline'
import type { TrainerOverrides } from '../pipeline/trainer'

/**
 * The document of a pipeline with every number in it: defaults, channel counts that were 'auto', and what the caller
 * said instead of the trainer section. Reading it again gives the same pipeline.
 */
export function resolvedDocument(pipeline: Pipeline, { epochs, seed, learningRate }: TrainerOverrides): PipelineDocument {
  const { document, nodes } = pipeline
  const parameters = new Map(nodes.map((node) => [node.name, { ...node.parameters }]))
  // Files of nodes lie in the folder of the trained pipeline.
  for (const { node, parameter, name } of storedFiles(pipeline)) parameters.set(node, { ...parameters.get(node), [parameter]: name })
  const trainer = document.trainer && {
    ...document.trainer,
    ...(epochs !== undefined && epochs !== null && { epochs }),
    ...(seed !== undefined && seed !== null && { seed }),
    ...(learningRate !== undefined && learningRate !== null && { optimizer: { ...(document.trainer.optimizer as object | undefined), lr: learningRate } }),
  }
  // Which cubes it was says run.json; the paths would not fit another place.
  const { data: _data, ...extra } = document.extra
  return { ...document, extra, nodes: document.nodes.map((node) => ({ ...node, config: { ...(parameters.get(node.name) ?? node.config) } })), trainer }
}
