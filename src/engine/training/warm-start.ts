import { basename, dirname, extname, join } from 'node:path'
import type { StartedFrom } from '../../shared/reports'
import { CuvetteError } from '../../shared/problem'
import { sha256File } from '../files/sha256'
import { isDocument, openSavedPipeline } from '../inference/saved-pipeline'
import type { FittedPipeline } from '../inference/trained-pipeline'
import { openTrainedPipeline, PIPELINE_FILES } from '../inference/trained-pipeline'
import { encodeModel } from '../onnx/model'
import { compileUpTo } from '../pipeline/compile'
import { ancestors } from '../pipeline/locality'
import type { Pipeline, PipelineState } from '../pipeline/pipeline'
import { nodesToFit, stateKey } from '../pipeline/state'

/** A pipeline that was trained earlier, and what a fit takes of it. */
export interface WarmStart {
  from: StartedFrom
  /** Sentences about nodes that are there, and could not be taken. */
  warnings: string[]
  /** State of the taken nodes. */
  state: PipelineState
}

/**
 * What a fit takes of a trained-pipeline folder, or of x.yaml with x.pt: parameters, statistics and constants of the nodes
 * that have the same name, type and shapes there. Statistics say something of what arrived at their node, so where that
 * has changed (another node before it, another parameter, one that starts anew), they are computed anew.
 * Throws CuvetteError: as openTrainedPipeline, and 'bad-argument' when nothing can be taken.
 */
export async function warmStart(path: string, pipeline: Pipeline): Promise<WarmStart> {
  const earlier = isDocument(path) ? await openSavedPipeline(path, pipeline.facts) : await openTrainedPipeline(path)
  const fitted = new Map(nodesToFit(pipeline).map((fit) => [fit.node.name, fit]))
  const taken: string[] = []
  const anew: StartedFrom['anew'] = []
  const warnings: string[] = []
  const state: PipelineState = new Map()
  const refuse = (node: string, reason: string, isChange: boolean): void => {
    anew.push({ node, reason })
    if (isChange) warnings.push(reason)
  }
  for (const node of pipeline.nodes) {
    const tensors = node.type.state?.(node.parameters) ?? []
    if (tensors.length === 0) continue
    const { name } = node
    const fit = fitted.get(name)
    const before = earlier.pipeline.nodes.find((other) => other.name === name)
    const [type, typeBefore] = [node, before].map((one) => one?.type.description.type)
    const other = tensors.find(({ name: tensor, shape }) => earlier.state.get(stateKey(name, tensor))?.shape.join() !== shape.join())
    if (!before) refuse(name, `The node ${name} is not in ${path} and starts anew.`, false)
    else if (type !== typeBefore) refuse(name, `The node ${name} is a ${type}, in ${path} a ${typeBefore}; it starts anew.`, true)
    else if (other) {
      const found = earlier.state.get(stateKey(name, other.name))
      refuse(name, `The tensor ${stateKey(name, other.name)} has shape [${other.shape.join(', ')}], in ${path} ${found ? `[${found.shape.join(', ')}]` : 'it is missing'}; the node ${name} starts anew.`, true)
    } else if (fit && !seesTheSame(pipeline, earlier, fit, anew.map((one) => one.node))) {
      refuse(name, `What arrives at the node ${name} is not what arrived in ${path}, so it is fitted anew.`, true)
    } else {
      taken.push(name)
      for (const { name: tensor } of tensors) state.set(stateKey(name, tensor), earlier.state.get(stateKey(name, tensor))!)
    }
  }
  if (taken.length === 0) {
    throw new CuvetteError('bad-argument', `Nothing of ${path} can be taken over: no node with a state has the same name, type and shapes in ${pipeline.document.path}${anew.length > 0 ? ` (${anew[0].reason.replace(/\.$/, '')})` : ''}; name another pipeline, or fit without --from.`, { path })
  }
  return { from: { path, sha256: await sha256File(stateFile(path)), taken, anew }, warnings, state }
}

function stateFile(path: string): string {
  return isDocument(path) ? join(dirname(path), `${basename(path, extname(path))}.pt`) : join(path, PIPELINE_FILES.state)
}

/** Whether a node is shown the same of the same pixels in both pipelines: then both write the same graph up to it. */
function seesTheSame(pipeline: Pipeline, earlier: FittedPipeline, { node, observes }: ReturnType<typeof nodesToFit>[number], anew: readonly string[]): boolean {
  if (ancestors(pipeline, [node.inputs[node.type.fit?.port ?? ''].node]).some(({ name }) => anew.includes(name))) return false
  const before = nodesToFit(earlier.pipeline).find((other) => other.node.name === node.name)
  if (!before) return false
  const [now, then] = [compileUpTo(pipeline, earlier.state, observes), compileUpTo(earlier.pipeline, earlier.state, before.observes)]
  return now.output === then.output && Buffer.compare(encodeModel(now.graph), encodeModel(then.graph)) === 0
}
