import type { Tensor } from '../tensor'
import { decodeModelMessage, encodeModelMessage } from './schema'
import { tensorFromMessage } from './tensor'

/**
 * Splits a model into the same model without default values of inputs, and those values. onnxruntime-node 1.30
 * silently ignores what is fed for an input that has a default; without the default it is an ordinary input.
 * A model without such inputs comes back as it is.
 */
export function withoutDefaults(model: Uint8Array): { model: Uint8Array; defaults: Map<string, Tensor> } {
  const message = decodeModelMessage(model)
  const inputs = new Set(message.graph?.input?.map(({ name }) => name))
  const initializers = message.graph?.initializer ?? []
  const overridable = initializers.filter(({ name }) => inputs.has(name))
  if (!message.graph || overridable.length === 0) return { model, defaults: new Map() }
  message.graph.initializer = initializers.filter(({ name }) => !inputs.has(name))
  return {
    model: encodeModelMessage(message),
    defaults: new Map(overridable.map((tensor) => [tensor.name ?? '', tensorFromMessage(tensor, '')])),
  }
}
