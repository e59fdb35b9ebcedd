import { CuvetteError } from '../../shared/problem'
import { PIPELINE_FILES } from '../inference/trained-pipeline'
import type { FittedPipeline } from '../inference/trained-pipeline'
import { encodeModel, readModel } from '../onnx/model'
import { compileInference } from '../pipeline/compile'

/** What a model.onnx says of itself, by key. */
export function metadataOf(model: Uint8Array): Record<string, string> {
  return Object.fromEntries((readModel(model, PIPELINE_FILES.model).metadata_props ?? []).map(({ key, value }) => [key, value]))
}

/**
 * A fitted pipeline whose model gives out further ports "node.port" beside scores and decisions, under these names.
 * Throws CuvetteError('bad-argument') for a port that the pipeline does not have, that is named twice, or that a cube
 * alone does not determine; 'bad-pipeline' for one without values.
 */
export function withPorts<Fitted extends FittedPipeline>(fitted: Fitted, ports: readonly string[]): Fitted {
  const twice = ports.find((port, index) => ports.indexOf(port) !== index)
  if (twice !== undefined) throw new CuvetteError('bad-argument', `The port ${twice} is named twice; name each once.`, { where: twice })
  const { graph, metadata } = compileInference(fitted.pipeline, fitted.state, { ports })
  const model = encodeModel(graph, { name: 'inference', metadata: { ...metadataOf(fitted.model), ...metadata } })
  const fed = graph.inputs.filter(({ name }) => name !== 'cube' && !graph.initializers.has(name))
  if (fed.length > 0) throw new CuvetteError('bad-argument', `The ports ${ports.join(', ')} also depend on ${fed.map(({ name }) => name).join(', ')}, and an exported model is given a cube alone; name other ports.`, { where: ports.join(', ') })
  return { ...fitted, model }
}
