import { CuvetteError } from '../../../shared/problem'
import type { Graph, GraphNode, InferredOutput, Value } from '../graph'
import type { FunctionMessage, GraphMessage, ModelMessage, NodeMessage, TensorMessage, ValueInfoMessage } from '../messages/schema'
import { tensorFromMessage, toNumber } from '../messages/tensor'
import { OPSET } from '../model'
import { operatorRule, operatorRules, ruleName } from '../operators'
import { knownNumbers } from '../operators/known'
import type { Tensor } from '../tensor'
import { formOf } from './forms'
import { literalOf, nodeOf, valueOf } from './parts'

/** Opsets of ai.onnx that are read. */
export const OPSETS = { first: 11, last: 21 }

/** Version by domain; '' is ai.onnx. */
export function opsetsOf(message: ModelMessage): Record<string, number> {
  return Object.fromEntries((message.opset_import ?? []).map(({ domain, version }) => [domain === 'ai.onnx' ? '' : (domain ?? ''), toNumber(version ?? 0)]))
}

const tensors = new WeakMap<TensorMessage, Tensor>()

/** Decoded once: a pipeline is written into several graphs. */
function tensorOf(message: TensorMessage, path: string): Tensor {
  const known = tensors.get(message)
  if (known) return known
  const tensor = tensorFromMessage(message, path)
  tensors.set(message, tensor)
  return tensor
}

/** Functions in functions would otherwise let a small file grow without end. */
const DEEPEST = 16

/** Reads the nodes of a file into a graph, in the words of opset 17. */
export class GraphReader {
  private readonly values = new Map<string, Value>()
  private readonly weights: Map<string, TensorMessage>
  private readonly stated: ReadonlyMap<string, ValueInfoMessage>
  private readonly opset: number
  private readonly functions: ReadonlyMap<string, FunctionMessage>
  private readonly source: GraphMessage
  private count = 0

  /** `scope` stands before every name of the file. */
  constructor(private readonly graph: Graph, message: ModelMessage, private readonly path: string, private readonly scope: string) {
    this.source = message.graph ?? {}
    const opsets = opsetsOf(message)
    this.opset = opsets[''] ?? OPSET
    if (this.opset < OPSETS.first || this.opset > OPSETS.last) {
      throw new CuvetteError('unsupported', `The model uses ONNX opset ${this.opset}; ${OPSETS.first} to ${OPSETS.last} are supported. Convert it to opset ${OPSET}.`, { path })
    }
    if ((this.source.sparse_initializer?.length ?? 0) > 0) throw new CuvetteError('unsupported', 'The model holds sparse tensors, which are not supported.', { path })
    this.weights = new Map((this.source.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]))
    this.stated = new Map([...(this.source.value_info ?? []), ...(this.source.output ?? [])].map((info) => [info.name ?? '', info]))
    this.functions = new Map((message.functions ?? []).map((definition) => [ruleName(definition.name ?? '', definition.domain ?? ''), definition]))
  }

  /** A graph that contradicts itself is the file's fault. */
  guarded<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof CuvetteError && error.path === undefined) {
        const code = error.code === 'unsupported' ? 'unsupported' : 'bad-artifact'
        throw new CuvetteError(code, error.message, { path: this.path, where: error.where, cause: error })
      }
      throw error
    }
  }

  bind(name: string, value: Value): void {
    this.values.set(name, value)
  }

  /** The numbers that the file stores under a name. */
  weight(name: string): Tensor | undefined {
    const message = this.weights.get(name)
    return message && tensorOf(message, this.path)
  }

  value(name: string): Value {
    const value = this.values.get(name)
    if (value) return value
    const weight = this.weight(name)
    if (!weight) throw new CuvetteError('bad-artifact', `The model names the value ${name}, which nothing in it makes.`, { path: this.path, where: name })
    const written = this.graph.initializer(`${this.scope}${name}`, weight)
    this.bind(name, written)
    return written
  }

  /** Every weight and every node. */
  readAll(): void {
    for (const name of this.weights.keys()) this.value(name)
    for (const node of this.source.node ?? []) this.read(node, '', 0)
  }

  /** What these outputs need. */
  readFor(outputs: readonly string[]): void {
    const needed = new Set(outputs)
    const nodes = [...(this.source.node ?? [])].reverse().filter((node) => {
      if (!node.output?.some((output) => needed.has(output))) return false
      for (const name of namesUsed(node)) needed.add(name)
      return true
    })
    for (const node of nodes.reverse()) this.read(node, '', 0)
  }

  /** `within`: names of the node around a subgraph or function, for the names of what is in it. */
  private read(message: NodeMessage, within: string, depth: number): void {
    const index = this.count
    this.count += 1
    const domain = message.domain === 'ai.onnx' ? '' : (message.domain ?? '')
    const op = message.op_type ?? ''
    const name = `${this.scope}${within}${message.name || `${op}_${index}`}`
    if (op === 'If' && domain === '') {
      this.readBranch(message, name, depth)
      return
    }
    const key = ruleName(op, domain)
    const definition = operatorRules().has(key) ? undefined : this.functions.get(key)
    if (definition) {
      this.readFunction(message, definition, `${within}${message.name || `${op}_${index}`}/`, depth)
      return
    }
    const node = { ...nodeOf(message, index, this.path), name }
    if (op === 'Constant' && domain === '') {
      this.bind(node.outputs[0], this.graph.initializer(this.nameOf(node.outputs[0], within), literalOf(node, this.path)))
      return
    }
    const inputs = node.inputs.map((input) => (input === '' ? null : this.inputOf(input, node)))
    this.append(node, inputs, within)
  }

  private inputOf(name: string, node: GraphNode): Value {
    if (!this.values.has(name) && !this.weights.has(name)) {
      throw new CuvetteError('bad-artifact', `The operator ${node.op} at ${node.name} uses the value ${name}, which nothing before it makes.`, { path: this.path, where: node.name })
    }
    return this.value(name)
  }

  private append(node: GraphNode, inputs: (Value | null)[], within: string): void {
    const { graph } = this
    const form = graph.within(node.name, () => formOf({ graph, node, inputs, opset: this.opset }))
    if (form && 'values' in form) {
      node.outputs.forEach((output, index) => {
        if (output === '') return
        const value = form.values[index] as Value | undefined
        if (!value) throw new CuvetteError('unsupported', `The operator ${node.op} at ${node.name} hands out its result ${index}, which is not supported.`, { path: this.path, where: node.name })
        this.bind(output, value)
      })
      return
    }
    const operands = form?.inputs ?? inputs
    const written: GraphNode = {
      ...node,
      op: form?.op ?? node.op,
      inputs: operands.map((value) => value?.name ?? ''),
      outputs: node.outputs.map((output) => (output === '' ? '' : this.nameOf(output, within))),
      attributes: form?.attributes ?? node.attributes,
    }
    const known = operatorRules().has(ruleName(written.op, written.domain))
    const outputs = known ? operatorRule(written.op, written.domain, written.name).infer({ graph, node: written, inputs: [...operands] }) : this.statedOutputs(node)
    graph.append(written, outputs).forEach((value, index) => {
      if (node.outputs[index] !== '') this.bind(node.outputs[index], value)
    })
  }

  private nameOf(value: string, within: string): string {
    return `${this.scope}${within}${value}`
  }

  /** An operator that we do not know may stand in a graph when the file says what comes out of it. */
  private statedOutputs(node: GraphNode): InferredOutput[] {
    return node.outputs.map((output) => {
      const info = this.stated.get(output)
      if (output !== '' && !info) operatorRule(node.op, node.domain, node.name)
      return info ? valueOf(info, this.path) : { type: 'float32', shape: [] }
    })
  }

  /** A choice that is known before anything runs is made here; exporters leave such ones behind around shapes. */
  private readBranch(message: NodeMessage, name: string, depth: number): void {
    const condition = message.input?.[0] ?? ''
    const known = this.values.has(condition) || this.weights.has(condition) ? knownNumbers(this.graph, this.value(condition)) : null
    if (typeof known?.[0] !== 'number') {
      throw new CuvetteError('unsupported', `The operator If at ${name} chooses by data (${condition}), which is not supported; export the model without control flow.`, { path: this.path, where: name })
    }
    if (depth >= DEEPEST) throw new CuvetteError('unsupported', `The operator If at ${name} lies more than ${DEEPEST} levels deep, which is not supported.`, { path: this.path, where: name })
    const wanted = known[0] !== 0 ? 'then_branch' : 'else_branch'
    const branch = message.attribute?.find((attribute) => attribute.name === wanted)?.g
    if (!branch) throw new CuvetteError('bad-artifact', `The operator If at ${name} has no ${wanted}.`, { path: this.path, where: name })
    const inside = `${name.slice(this.scope.length)}/`
    for (const tensor of branch.initializer ?? []) this.bind(tensor.name ?? '', this.graph.initializer(this.nameOf(tensor.name ?? '', inside), tensorOf(tensor, this.path)))
    for (const node of branch.node ?? []) this.read(node, inside, depth + 1)
    message.output?.forEach((output, index) => {
      if (output !== '') this.bind(output, this.value(branch.output?.[index]?.name ?? ''))
    })
  }

  /** An operator that the file itself defines is replaced by its nodes. */
  private readFunction(message: NodeMessage, definition: FunctionMessage, within: string, depth: number): void {
    if (depth >= DEEPEST) throw new CuvetteError('unsupported', `The function ${definition.name ?? ''} at ${within.slice(0, -1)} lies more than ${DEEPEST} levels deep, which is not supported.`, { path: this.path, where: within.slice(0, -1) })
    const renamed = new Map<string, string>([['', '']])
    definition.input?.forEach((name, index) => renamed.set(name, message.input?.[index] ?? ''))
    definition.output?.forEach((name, index) => renamed.set(name, message.output?.[index] || `${within}${name}`))
    const inner = (name: string): string => renamed.get(name) ?? `${within}${name}`
    for (const node of definition.node ?? []) {
      const attribute = (node.attribute ?? []).flatMap((one) => {
        if (!one.ref_attr_name) return [one]
        const given = message.attribute?.find((candidate) => candidate.name === one.ref_attr_name)
        return given ? [{ ...given, name: one.name }] : []
      })
      this.read({ ...node, name: `${within}${node.name || `${node.op_type}_${this.count}`}`, input: node.input?.map(inner), output: node.output?.map(inner), attribute }, '', depth + 1)
    }
  }
}

/** What a node reads, the subgraphs of a choice included. */
function namesUsed(node: NodeMessage): string[] {
  const inside = (node.attribute ?? []).flatMap(({ g }) => [...(g?.node ?? []).flatMap(namesUsed), ...(g?.output ?? []).map(({ name }) => name ?? '')])
  return [...(node.input ?? []), ...inside]
}
