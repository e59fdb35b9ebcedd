import { CuvetteError } from '../../shared/problem'
import { deciderOf, fixedThresholdOf } from '../inference/threshold'
import { PIPELINE_FILES, sha256 } from '../inference/trained-pipeline'
import type { TrainedPipeline } from '../inference/trained-pipeline'
import { encodeModel } from '../onnx/model'
import { resolvePipeline } from '../pipeline/check'
import { compileInference } from '../pipeline/compile'
import { parsePipeline } from '../pipeline/document'
import { writePipeline } from '../pipeline/write-document'
import { metadataOf } from './ports'

/**
 * A trained pipeline whose decider uses a fixed threshold (float32) instead of its rule. Document, model and record say
 * so; everything else is as it was fitted. `rewritten`: the new content of the files that changed, by name.
 *
 * Throws CuvetteError('bad-argument') for a pipeline without a decider, and for a number that is not finite.
 */
export function withThreshold(fitted: TrainedPipeline, wanted: number): { trained: TrainedPipeline; rewritten: ReadonlyMap<string, Uint8Array> } {
  const threshold = Math.fround(wanted)
  if (!Number.isFinite(threshold)) throw new CuvetteError('bad-argument', `The threshold is ${wanted}; a finite number is expected.`)
  const decider = deciderOf(fitted.pipeline)
  if (!decider) {
    throw new CuvetteError('bad-argument', `The pipeline ${fitted.folder} has no decider that could keep the threshold; export it without one.`, { path: fitted.folder })
  }

  const held = fixedThresholdOf(decider)
  const { document, facts } = fitted.pipeline
  const nodes = document.nodes.map((node) => (node.name === decider.name ? { ...node, config: { ...node.config, [held]: threshold } } : node))
  const text = writePipeline({ ...document, nodes })
  const pipeline = resolvePipeline({ ...parsePipeline(text, document.path), files: document.files }, facts)

  const { graph, metadata } = compileInference(pipeline, fitted.state)
  const kept = metadataOf(fitted.model)
  // Precision and recall in there were counted at the rule's threshold.
  delete kept['cuvette.metrics']
  const model = encodeModel(graph, { name: 'inference', metadata: { ...kept, ...metadata, 'cuvette.threshold': String(threshold) } })

  const contents: [string, Uint8Array][] = [
    [PIPELINE_FILES.pipeline, new TextEncoder().encode(text)],
    [PIPELINE_FILES.model, model],
  ]
  const files = { ...fitted.record.files }
  for (const [name, bytes] of contents) files[name] = { bytes: bytes.length, sha256: sha256(bytes) }
  const record = { ...fitted.record, chosenThreshold: threshold, files }
  const rewritten = new Map([...contents, [PIPELINE_FILES.record, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`)] as [string, Uint8Array]])
  return { trained: { ...fitted, pipeline, model, record }, rewritten }
}
