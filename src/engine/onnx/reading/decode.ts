import { Graph } from '../graph'
import type { Value } from '../graph'
import type { ModelMessage } from '../messages/schema'
import type { ModelFunction } from '../model'
import { readModel } from '../model'
import { GraphReader, opsetsOf } from './reader'
import { nodeOf, valueOf } from './parts'

export interface DecodedModel {
  graph: Graph
  metadata: Record<string, string>
  /** Version by domain; '' is ai.onnx. */
  opsets: Record<string, number>
  functions: ModelFunction[]
  name: string
}

/**
 * Reads an .onnx file into a graph that can be run, differentiated and written again, at opset 17 whatever the file uses.
 * Shapes are inferred anew; operators without a rule keep the shapes that the file states. Throws CuvetteError:
 * 'bad-artifact' for damaged or foreign bytes, data in other files and unknown element types; 'unsupported' for opsets
 * other than 11 to 21, control flow that depends on data and operators whose results are unknown.
 */
export function decodeModel(bytes: Uint8Array, path: string): DecodedModel {
  const message = readModel(bytes, path)
  const source = message.graph ?? {}
  const graph = new Graph()
  graph.trustsSymbols = true
  const reader = new GraphReader(graph, message, path, '')
  for (const input of source.input ?? []) {
    const { name, type, shape } = valueOf(input, path)
    reader.guarded(() => reader.bind(name, graph.input(name, type, shape, reader.weight(name))))
  }
  reader.guarded(() => {
    reader.readAll()
    for (const output of source.output ?? []) graph.output(output.name ?? '', reader.value(output.name ?? ''))
  })
  return {
    graph,
    metadata: Object.fromEntries((message.metadata_props ?? []).map(({ key, value }) => [key ?? '', value ?? ''])),
    opsets: opsetsOf(message),
    functions: (message.functions ?? []).map((definition): ModelFunction => ({
      domain: definition.domain ?? '',
      name: definition.name ?? '',
      inputs: definition.input ?? [],
      outputs: definition.output ?? [],
      nodes: (definition.node ?? []).map((node, index) => nodeOf(node, index, path)),
    })),
    name: source.name ?? '',
  }
}

const messages = new WeakMap<Uint8Array, ModelMessage>()

/** A pipeline is written into several graphs; its models are decoded once. */
function messageOf(bytes: Uint8Array, path: string): ModelMessage {
  const known = messages.get(bytes)
  if (known) return known
  const message = readModel(bytes, path)
  messages.set(bytes, message)
  return message
}

/** What a model takes and makes, as its file states it. */
export interface ModelInterface {
  /** Without those that have a default. */
  inputs: Value[]
  outputs: Value[]
}

/** Reads what a model takes and makes. Throws as decodeModel. */
export function modelInterface(bytes: Uint8Array, path: string): ModelInterface {
  const { graph } = messageOf(bytes, path)
  const weights = new Set((graph?.initializer ?? []).map(({ name }) => name))
  return {
    inputs: (graph?.input ?? []).filter(({ name }) => !weights.has(name)).map((info) => valueOf(info, path)),
    outputs: (graph?.output ?? []).map((info) => (info.type?.tensor_type && !info.type.tensor_type.shape ? { ...valueOf({ ...info, type: { tensor_type: { ...info.type.tensor_type, shape: {} } } }, path) } : valueOf(info, path))),
  }
}

/**
 * Writes a model of others into `graph`: its operators under "<scope>/...", its weights as frozen initializers, its
 * inputs replaced by the given values. Only what the wanted outputs need is written. Returns those outputs by name.
 * Throws CuvetteError as decodeModel, and 'bad-artifact' where the given values do not fit.
 */
export function inlineModel(graph: Graph, bytes: Uint8Array, path: string, scope: string, inputs: Readonly<Record<string, Value>>, outputs: readonly string[]): Record<string, Value> {
  const message = messageOf(bytes, path)
  graph.trustsSymbols = true
  const reader = new GraphReader(graph, message, path, `${scope}/`)
  for (const [name, value] of Object.entries(inputs)) reader.bind(name, value)
  return reader.guarded(() => {
    reader.readFor(outputs)
    return Object.fromEntries(outputs.map((name) => [name, reader.value(name)]))
  })
}
