import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from './element-types'
import type { Attribute, Graph, GraphNode, Value } from './graph'
import type { AttributeMessage, FunctionMessage, GraphMessage, ModelMessage, NodeMessage, ValueInfoMessage } from './messages/schema'
import { decodeModelMessage, encodeModelMessage } from './messages/schema'
import { tensorMessage, toNumber } from './messages/tensor'
import { operatorRules, ruleName } from './operators'

/** What we write: read by every runtime since ONNX Runtime 1.12, the training runtime 1.19.2 included. */
export const IR_VERSION = 8
export const OPSET = 17

/** An operator defined inside the file, for runtimes that lack it. */
export interface ModelFunction {
  domain: string
  name: string
  inputs: readonly string[]
  outputs: readonly string[]
  nodes: readonly GraphNode[]
}

export interface EncodeOptions {
  /** Key and value pairs of the file (metadata_props). */
  metadata?: Readonly<Record<string, string>>
  functions?: readonly ModelFunction[]
  /** Name of the graph. */
  name?: string
  /** Which inputs are written, in order. Default: all, as declared. One with a default that is left out becomes a constant. */
  inputs?: readonly string[]
  /** Versions of further domains that the graph uses; 1 where nothing is said. */
  opsets?: Readonly<Record<string, number>>
}

/**
 * Bytes of an .onnx file (IR 8, opset 17, further domains when used). The same graph gives the same bytes.
 * Only what the outputs need is written, under their public names. Throws CuvetteError('bad-argument').
 */
export function encodeModel(graph: Graph, options: EncodeOptions = {}): Uint8Array {
  const nodes = neededNodes(graph)
  const { names, copies } = publicNames(graph)
  const named = (value: string): string => names.get(value) ?? value
  const inputs = (options.inputs ?? graph.inputs.map((input) => input.name)).map((name) => graph.value(name))
  const used = new Set([...nodes.flatMap((node) => node.inputs), ...copies.map((copy) => copy.inputs[0])])
  for (const input of graph.inputs) {
    if (used.has(input.name) && !inputs.includes(input) && !graph.initializers.has(input.name)) {
      throw new CuvetteError('bad-argument', `The model needs its input ${input.name}, which is not among those to be written.`, { where: input.name })
    }
  }

  const written: NodeMessage[] = nodes.map((node) => nodeMessage(node, named))
  written.push(...copies.map((copy) => nodeMessage(copy, (name) => name)))
  const initializers = [...graph.initializers]
    .filter(([name]) => used.has(name) || inputs.some((input) => input.name === name))
    .map(([name, tensor]) => tensorMessage(name, tensor))

  const functions = options.functions ?? []
  const domains = new Set([...nodes.map(({ domain }) => domain), ...functions.map(({ domain }) => domain)].filter((domain) => domain !== ''))
  const opsets = [{ domain: '', version: OPSET }, ...[...domains].sort().map((domain) => ({ domain, version: options.opsets?.[domain] ?? 1 }))]
  return encodeModelMessage({
    ir_version: IR_VERSION,
    producer_name: 'cuvette',
    graph: {
      node: written,
      name: options.name ?? 'cuvette',
      initializer: initializers,
      input: inputs.map((input) => valueInfo(input.name, input)),
      output: graph.outputs.map(({ name, value }) => valueInfo(name, value)),
      // What no rule can infer is stated, so that the file can be read again.
      value_info: nodes
        .filter((node) => !operatorRules().has(ruleName(node.op, node.domain)))
        .flatMap((node) => node.outputs.filter((output) => output !== '' && !graph.outputs.some(({ value }) => value.name === output)))
        .map((output) => valueInfo(output, graph.value(output))),
    },
    opset_import: opsets,
    metadata_props: Object.entries(options.metadata ?? {})
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value })),
    functions: functions.map((definition) => functionMessage(definition)),
  })
}

/** Nodes that some output depends on, in their order. */
function neededNodes(graph: Graph): GraphNode[] {
  const wanted = new Set(graph.outputs.map(({ value }) => value.name))
  const needed: GraphNode[] = []
  for (let index = graph.nodes.length - 1; index >= 0; index -= 1) {
    const node = graph.nodes[index]
    if (!node.outputs.some((output) => wanted.has(output))) continue
    for (const input of node.inputs) wanted.add(input)
    needed.push(node)
  }
  return needed.reverse()
}

/** Renames values to the public names of the outputs; where that cannot be, adds a copy under the name. */
function publicNames(graph: Graph): { names: Map<string, string>; copies: GraphNode[] } {
  const names = new Map<string, string>()
  const copies: GraphNode[] = []
  const taken = new Set<string>()
  const renamed = new Set(graph.outputs.filter(({ name, value }) => name !== value.name && graph.producer(value.name)).map(({ value }) => value.name))
  for (const { name, value } of graph.outputs) {
    if (taken.has(name)) throw new CuvetteError('bad-argument', `Two outputs of the model are named ${name}.`, { where: name })
    taken.add(name)
    if (graph.has(name) && name !== value.name && !renamed.has(name)) {
      throw new CuvetteError('bad-argument', `The output ${name} has the name of another value in the model.`, { where: name })
    }
    const written = names.get(value.name)
    if (graph.producer(value.name) && written === undefined) names.set(value.name, name)
    else if ((written ?? value.name) !== name) copies.push(copyNode(written ?? value.name, name))
  }
  return { names, copies }
}

function copyNode(from: string, to: string): GraphNode {
  return { op: 'Identity', domain: '', name: `output ${to}`, inputs: [from], outputs: [to], attributes: {} }
}

function nodeMessage(node: GraphNode, named: (value: string) => string): NodeMessage {
  return {
    input: node.inputs.map(named),
    output: node.outputs.map(named),
    name: node.name,
    op_type: node.op,
    attribute: Object.entries(node.attributes).map(([name, attribute]) => attributeMessage(name, attribute, node.name)),
    ...(node.domain !== '' && { domain: node.domain }),
  }
}

function attributeMessage(name: string, attribute: Attribute, node: string): AttributeMessage {
  switch (attribute.kind) {
    case 'float':
      return { name, f: attribute.value, type: 1 }
    case 'int':
      return { name, i: attribute.value, type: 2 }
    case 'string':
      return { name, s: new TextEncoder().encode(attribute.value), type: 3 }
    case 'tensor':
      return { name, t: tensorMessage('', attribute.value), type: 4 }
    case 'graph':
      return { name, g: bodyMessage(attribute.value, node), type: 5 }
    case 'floats':
      return { name, floats: [...attribute.value], type: 6 }
    case 'ints':
      return { name, ints: [...attribute.value], type: 7 }
  }
}

/** A graph inside a node. Its names get that of the node in front, because names of the file around it must not come back. */
function bodyMessage(graph: Graph, node: string): GraphMessage {
  const named = (value: string): string => (value === '' ? '' : `${node}/${value}`)
  return {
    node: neededNodes(graph).map((inner) => nodeMessage({ ...inner, name: named(inner.name) }, named)),
    name: node,
    initializer: [...graph.initializers].map(([name, tensor]) => tensorMessage(named(name), tensor)),
    input: graph.inputs.map((input) => valueInfo(named(input.name), input)),
    output: graph.outputs.map(({ value }) => valueInfo(named(value.name), value)),
  }
}

function functionMessage({ domain, name, inputs, outputs, nodes }: ModelFunction): FunctionMessage {
  return {
    name,
    input: [...inputs],
    output: [...outputs],
    node: nodes.map((node) => nodeMessage(node, (value) => value)),
    opset_import: [{ domain: '', version: OPSET }],
    domain,
  }
}

function valueInfo(name: string, value: Value): ValueInfoMessage {
  const dim = value.shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size }))
  return { name, type: { tensor_type: { elem_type: onnxTypeOf(value.type), shape: { dim } } } }
}

/** Decodes the message, and refuses bytes that are not a model. */
export function readModel(bytes: Uint8Array, path: string): ModelMessage {
  let message: ModelMessage
  try {
    message = decodeModelMessage(bytes)
  } catch (cause) {
    throw new CuvetteError('bad-artifact', `The file is not a complete ONNX model: its ${bytes.length} bytes cannot be read to the end.`, { path, cause })
  }
  if (!message.graph || toNumber(message.ir_version ?? 0) < 1 || (message.opset_import?.length ?? 0) === 0) {
    throw new CuvetteError('bad-artifact', `The file is not an ONNX model: a format version, a graph and an operator set are expected in its ${bytes.length} bytes.`, { path })
  }
  return message
}
