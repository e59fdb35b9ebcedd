import { CuvetteError } from '../../shared/problem'
import type { ModelMessage } from '../onnx/messages/schema'
import { decodeModelMessage, encodeModelMessage } from '../onnx/messages/schema'

/**
 * The part of model.onnx that makes the scores, operator by operator as the file states it. The decider is left out:
 * it judges whole images, and would otherwise judge every chunk.
 */
export function scoringModel(model: Uint8Array, path: string): Uint8Array {
  return partialModel(model, path, (output) => output === 'scores')
}

/**
 * A model without the outputs that are not wanted, the operators that only they needed, and their weights. What stays is
 * as the file states it. Inputs stay where something reads them. Throws CuvetteError('bad-artifact').
 */
export function partialModel(model: Uint8Array, path: string, wanted: (output: string) => boolean): Uint8Array {
  const message = read(model, path)
  const { graph } = message
  const outputs = graph?.output?.filter(({ name }) => wanted(name ?? '')) ?? []
  if (!graph || outputs.length === 0) {
    const found = graph?.output?.map(({ name }) => name).join(', ') || 'none'
    throw new CuvetteError('bad-artifact', `The model ${path} lacks an output that is needed; its outputs are ${found}. Fit the pipeline again.`, { path })
  }
  const needed = new Set(outputs.map(({ name }) => name ?? ''))
  const nodes = [...(graph.node ?? [])].reverse().filter((node) => {
    if (!node.output?.some((output) => needed.has(output))) return false
    for (const input of node.input ?? []) needed.add(input)
    return true
  })
  graph.node = nodes.reverse()
  graph.output = outputs
  graph.input = graph.input?.filter(({ name }) => needed.has(name ?? ''))
  graph.initializer = graph.initializer?.filter(({ name }) => needed.has(name ?? ''))
  return encodeModelMessage(message)
}

function read(model: Uint8Array, path: string): ModelMessage {
  try {
    return decodeModelMessage(model)
  } catch (cause) {
    throw new CuvetteError('bad-artifact', `The model ${path} cannot be read: its ${model.length} bytes are no whole ONNX file; fit the pipeline again.`, { path, cause })
  }
}
