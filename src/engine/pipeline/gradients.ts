import { CuvetteError } from '../../shared/problem'
import { differentiate } from '../onnx/differentiate'
import type { Tensor } from '../onnx/tensor'
import { elementCount } from '../onnx/tensor'
import { compileTraining } from './compile'
import type { Pipeline, PipelineState } from './pipeline'
import { initialState, stateTensors, trainedNames } from './state'

/**
 * Refuses a training through a model of others that cannot be differentiated, before any data is read. Every operator
 * without a rule is named. Statistics, which nobody knows yet, are stood in for; what only they could show is left to the
 * training itself. Throws CuvetteError('unsupported').
 */
export function requireGradients(pipeline: Pipeline): void {
  const { trainer } = pipeline
  if (!trainer || trainer.epochs === 0 || !pipeline.nodes.some(({ files }) => files)) return
  const state: PipelineState = new Map<string, Tensor>(stateTensors(pipeline).map(({ key, shape }) => [key, { type: 'float32', shape, data: standIn(shape) }]))
  try {
    for (const [key, tensor] of initialState(pipeline, trainer.seed)) state.set(key, tensor)
    const { graph, loss, parameters } = compileTraining(pipeline, state, { trained: trainedNames(pipeline, trainer), losses: trainer.losses })
    differentiate(graph, loss, parameters)
  } catch (error) {
    if (error instanceof CuvetteError && error.code === 'unsupported') throw new CuvetteError('unsupported', error.message, { path: error.path ?? pipeline.document.path, where: error.where, cause: error })
    if (!(error instanceof CuvetteError)) throw error
  }
}

/** Ones on the diagonal: also a matrix that can be inverted. */
function standIn(shape: readonly number[]): Float32Array {
  const columns = shape.length === 2 ? shape[1] : 1
  return Float32Array.from({ length: elementCount(shape) }, (_, index) => (columns === 1 || index % (columns + 1) === 0 ? 1 : 0))
}
