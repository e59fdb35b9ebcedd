import { CuvetteError } from '../../shared/problem'
import { operatorRule } from './operators'
import type { ElementType, Tensor } from './tensor'
import { int64 } from './tensor'

/** A fixed size, or a symbol such as "B" or "B*H*W". Equal symbols are equal sizes. */
export type Dimension = number | string

/** A tensor inside a graph: its name, and what is known of it before anything runs. */
export interface Value {
  readonly name: string
  readonly type: ElementType
  readonly shape: readonly Dimension[]
}

export type Attribute =
  | { kind: 'int'; value: number }
  | { kind: 'float'; value: number }
  | { kind: 'string'; value: string }
  | { kind: 'ints'; value: readonly number[] }
  | { kind: 'floats'; value: readonly number[] }
  | { kind: 'tensor'; value: Tensor }
  /** The body of a loop. It sees its own inputs only, and its outputs are values that its own nodes make. */
  | { kind: 'graph'; value: Graph }

export interface GraphNode {
  readonly op: string
  /** '' for ai.onnx. */
  readonly domain: string
  readonly name: string
  /** '' for an input that is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Readonly<Record<string, Attribute>>
}

export interface InferredOutput {
  type: ElementType
  shape: readonly Dimension[]
}

/** One dimension of a reshape target: a size, -1 for the rest, or the size of an axis of another value. */
export type ReshapeDimension = number | { of: Value; axis: number }

/**
 * An ONNX graph under construction (opset 17). Plain data: nodes in topological order, because a
 * value exists only after the node that makes it. Types and shapes are inferred as nodes are added.
 */
export class Graph {
  readonly inputs: Value[] = []
  readonly outputs: { name: string; value: Value }[] = []
  readonly nodes: GraphNode[] = []
  readonly initializers = new Map<string, Tensor>()
  /** Values that count as constants in differentiation. A note for us: nothing of it is in the file. */
  readonly detached = new Set<string>()
  /**
   * Set once a model of others is part of the graph: two symbols that must be equal for an operator to run count as
   * equal, because such a model may compute one size in several ways. The runtime refuses what is not.
   */
  trustsSymbols = false
  private readonly values = new Map<string, Value>()
  private readonly constants = new Map<string, Value>()
  private readonly producers = new Map<string, GraphNode>()
  private scopes: string[] = []
  private counter = 0

  /** Declares a graph input. With a default, the caller may leave it out (an initializer of the same name). */
  input(name: string, type: ElementType, shape: readonly Dimension[], fallback?: Tensor): Value {
    const value = this.declare({ name, type, shape })
    this.inputs.push(value)
    if (fallback) this.initializers.set(name, fallback)
    return value
  }

  /** Weights stored in the file under a name of their own. */
  initializer(name: string, tensor: Tensor): Value {
    const value = this.declare({ name, type: tensor.type, shape: tensor.shape })
    this.initializers.set(name, tensor)
    return value
  }

  /** A small literal. Equal literals share one initializer. */
  constant(tensor: Tensor): Value {
    const key = `${tensor.type}[${tensor.shape.join()}]${Array.from(tensor.data as ArrayLike<number | bigint>, (number) => (Object.is(number, -0) ? '-0' : number)).join()}`
    const known = this.constants.get(key)
    if (known) return known
    let number = this.constants.size
    while (this.values.has(`constant_${number}`)) number += 1
    const value = this.initializer(`constant_${number}`, tensor)
    this.constants.set(key, value)
    return value
  }

  /** A float32 scalar literal. */
  scalar(number: number): Value {
    return this.constant({ type: 'float32', shape: [], data: Float32Array.of(number) })
  }

  /** Adds an operator with one output. */
  op(op: string, inputs: readonly (Value | null)[], attributes: Record<string, Attribute | number | string | readonly number[]> = {}, options: { domain?: string; name?: string; shape?: readonly Dimension[] } = {}): Value {
    return this.ops(op, inputs, 1, attributes, options)[0]
  }

  /** Adds an operator with several outputs. `options.shape` overrides the inferred shape of the first. */
  ops(op: string, inputs: readonly (Value | null)[], count: number, attributes: Record<string, Attribute | number | string | readonly number[]> = {}, options: { domain?: string; name?: string; shape?: readonly Dimension[] } = {}): Value[] {
    const name = this.fresh(options.name ?? op)
    const node: GraphNode = {
      op,
      domain: options.domain ?? '',
      name,
      inputs: inputs.map((value) => value?.name ?? ''),
      outputs: Array.from({ length: count }, (_, index) => (count === 1 ? `${name}_out` : `${name}_out${index}`)),
      attributes: normalise(attributes),
    }
    const inferred = operatorRule(op, node.domain, name).infer({ graph: this, node, inputs: [...inputs] })
    return this.append(node, inferred.map((output, index) => (index === 0 && options.shape ? { ...output, shape: options.shape } : output)))
  }

  /** Adds a finished node: for readers of foreign graphs, which bring their own names. */
  append(node: GraphNode, outputs: readonly InferredOutput[]): Value[] {
    this.nodes.push(node)
    return node.outputs.map((output, index) => {
      const value = { name: output, type: outputs[index].type, shape: outputs[index].shape }
      // '' is an output that is left out.
      if (output === '') return value
      this.producers.set(output, node)
      return this.declare(value)
    })
  }

  /** Makes a value an output of the graph under a public name. */
  output(name: string, value: Value): void {
    this.outputs.push({ name, value })
  }

  /** The same inputs, weights and nodes without outputs: for writing several models from one graph. */
  copy(): Graph {
    const copy = new Graph()
    for (const input of this.inputs) copy.input(input.name, input.type, input.shape, this.initializers.get(input.name))
    for (const [name, tensor] of this.initializers) {
      if (!copy.has(name)) copy.initializer(name, tensor)
    }
    for (const node of this.nodes) copy.append(node, node.outputs.map((output) => (output === '' ? { type: 'float32', shape: [] } : this.value(output))))
    for (const name of this.detached) copy.detached.add(name)
    copy.trustsSymbols = this.trustsSymbols
    return copy
  }

  /** The same numbers, through which no gradient flows. */
  detach(value: Value): Value {
    const held = this.op('Identity', [value], {}, { name: 'Detach' })
    this.detached.add(held.name)
    return held
  }

  /** Reshape to sizes that may be taken from other values at run time. */
  reshape(value: Value, target: readonly ReshapeDimension[]): Value {
    const sizes = target.map((dimension) => (typeof dimension === 'number' ? dimension : dimension.of.shape[dimension.axis]))
    if (sizes.every((size) => typeof size === 'number')) {
      return this.op('Reshape', [value, this.constant(int64([sizes.length], sizes as number[]))])
    }
    const parts = target.map((dimension, axis) => {
      const size = sizes[axis]
      return typeof size === 'number' ? this.constant(int64([1], [size])) : this.size((dimension as { of: Value }).of, (dimension as { axis: number }).axis)
    })
    return this.op('Reshape', [value, parts.length === 1 ? parts[0] : this.op('Concat', parts, { axis: 0 })])
  }

  /** Size of one axis as int64 [1], read at run time. */
  size(value: Value, axis: number): Value {
    const shape = this.op('Shape', [value])
    return this.op('Gather', [shape, this.constant(int64([1], [axis]))], { axis: 0 })
  }

  /** Runs `write` with every new name prefixed, so that a reader of the file finds the pipeline node. */
  within<T>(scope: string, write: () => T): T {
    this.scopes.push(scope)
    try {
      return write()
    } finally {
      this.scopes.pop()
    }
  }

  /** Whether a value is declared as an input, with or without a default. */
  isInput(name: string): boolean {
    return this.inputs.some((input) => input.name === name)
  }

  value(name: string): Value {
    const value = this.values.get(name)
    if (!value) throw new CuvetteError('internal', `The graph has no value named ${name}.`)
    return value
  }

  has(name: string): boolean {
    return this.values.has(name)
  }

  producer(name: string): GraphNode | undefined {
    return this.producers.get(name)
  }

  private declare(value: Value): Value {
    if (this.values.has(value.name)) throw new CuvetteError('internal', `The graph already has a value named ${value.name}.`)
    this.values.set(value.name, value)
    return value
  }

  private fresh(base: string): string {
    for (;;) {
      this.counter += 1
      const name = [...this.scopes, `${base}_${this.counter}`].join('/')
      // A graph that was read brings its own names.
      if (!this.values.has(`${name}_out`) && !this.values.has(`${name}_out0`)) return name
    }
  }
}

function normalise(attributes: Record<string, Attribute | number | string | readonly number[]>): Record<string, Attribute> {
  const result: Record<string, Attribute> = {}
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'number') result[name] = { kind: 'int', value }
    else if (typeof value === 'string') result[name] = { kind: 'string', value }
    else if (Array.isArray(value)) result[name] = { kind: 'ints', value: value as readonly number[] }
    else result[name] = value as Attribute
  }
  return result
}
