import { CuvetteError } from '../../shared/problem'
import { deciderOf, fixedThresholdOf } from '../inference/threshold'
import { PIPELINE_FILES, sha256 } from '../inference/trained-pipeline'
import type { TrainedPipeline } from '../inference/trained-pipeline'
import { encodeModel } from '../onnx/model'
import { resolvePipeline } from '../pipeline/check'
import { compileInference } from '../pipeline/compile'
import type { Parameters } from '../nodes/node'
import { parsePipeline } from '../pipeline/document'
import type { PipelineNode } from '../pipeline/pipeline'
import { writePipeline } from '../pipeline/write-document'
import { metadataOf } from './ports'

/** Files of a trained pipeline with a new content, by name. */
export type Rewritten = ReadonlyMap<string, Uint8Array>

/**
 * A trained pipeline whose decider uses a fixed threshold (float32) instead of its rule.
 *
 * Throws CuvetteError('bad-argument') for a pipeline without a decider, and for a number that is not finite.
 */
export function withThreshold(fitted: TrainedPipeline, wanted: number): { trained: TrainedPipeline; rewritten: Rewritten } {
  const threshold = Math.fround(wanted)
  if (!Number.isFinite(threshold)) throw new CuvetteError('bad-argument', `The threshold is ${wanted}; a finite number is expected.`)
  const held = fixedThresholdOf(requireDecider(fitted, 'keep the threshold; export it without one'))
  return withDecider(fitted, { [held]: threshold })
}

/**
 * A trained pipeline whose decider has other parameters; those that are not named stay. Document, model and record say so;
 * everything else is as it was fitted.
 *
 * Throws CuvetteError('bad-argument') for a pipeline without a decider, and as resolving for parameters that it cannot have.
 */
export function withDecider(fitted: TrainedPipeline, parameters: Parameters): { trained: TrainedPipeline; rewritten: Rewritten } {
  const decider = requireDecider(fitted, 'be set')
  const { document, facts } = fitted.pipeline
  const nodes = document.nodes.map((node) => (node.name === decider.name ? { ...node, config: { ...node.config, ...parameters } } : node))
  const text = writePipeline({ ...document, nodes })
  const pipeline = resolvePipeline({ ...parsePipeline(text, document.path), files: document.files }, facts)
  const fixed = pipeline.nodes.find(({ name }) => name === decider.name)?.parameters[fixedThresholdOf(decider)]

  const { graph, metadata } = compileInference(pipeline, fitted.state)
  const kept = metadataOf(fitted.model)
  // Precision and recall in there were counted at another threshold.
  delete kept['cuvette.metrics']
  delete kept['cuvette.threshold']
  const model = encodeModel(graph, { name: 'inference', metadata: { ...kept, ...metadata, ...(typeof fixed === 'number' && { 'cuvette.threshold': String(fixed) }) } })

  const contents: [string, Uint8Array][] = [
    [PIPELINE_FILES.pipeline, new TextEncoder().encode(text)],
    [PIPELINE_FILES.model, model],
  ]
  const files = { ...fitted.record.files }
  for (const [name, bytes] of contents) files[name] = { bytes: bytes.length, sha256: sha256(bytes) }
  const record = { ...fitted.record, files }
  if (typeof fixed === 'number') record.chosenThreshold = fixed
  else delete record.chosenThreshold
  const rewritten = new Map([...contents, [PIPELINE_FILES.record, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`)] as [string, Uint8Array]])
  return { trained: { ...fitted, pipeline, model, record }, rewritten }
}

function requireDecider({ pipeline, folder }: TrainedPipeline, what: string): PipelineNode {
  const decider = deciderOf(pipeline)
  if (!decider) throw new CuvetteError('bad-argument', `The pipeline ${folder} has no decider that could ${what}.`, { path: folder })
  return decider
}
