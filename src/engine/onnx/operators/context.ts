import { CuvetteError } from '../../../shared/problem'
import type { Dimension, Graph, GraphNode, InferredOutput, Value } from '../graph'
import type { ElementType } from '../tensor'
import { broadcast, shapeText } from './dimensions'
import type { InferContext } from './index'
import { knownNumbers } from './known'

// What the rules of every family share: reading attributes and inputs, refusing what does not fit.

/** Stops with one sentence that names the operator and the node. */
export function refuse(node: GraphNode, sentence: string): never {
  throw new CuvetteError('bad-argument', `The operator ${node.op} at ${node.name} ${sentence}.`, { where: node.name })
}

export function intAttribute(node: GraphNode, name: string, fallback: number): number {
  const attribute = node.attributes[name]
  if (!attribute) return fallback
  return attribute.kind === 'int' ? attribute.value : refuse(node, `has an attribute ${name} of kind ${attribute.kind}; an integer is expected`)
}

/** ONNX stores float attributes as float32. */
export function floatAttribute(node: GraphNode, name: string, fallback: number): number {
  const attribute = node.attributes[name]
  if (!attribute) return fallback
  return attribute.kind === 'float' || attribute.kind === 'int'
    ? Math.fround(attribute.value)
    : refuse(node, `has an attribute ${name} of kind ${attribute.kind}; a number is expected`)
}

export function stringAttribute(node: GraphNode, name: string, fallback: string): string {
  const attribute = node.attributes[name]
  if (!attribute) return fallback
  return attribute.kind === 'string' ? attribute.value : refuse(node, `has an attribute ${name} of kind ${attribute.kind}; a text is expected`)
}

export function intsAttribute(node: GraphNode, name: string): readonly number[] | null {
  const attribute = node.attributes[name]
  if (!attribute) return null
  return attribute.kind === 'ints' ? attribute.value : refuse(node, `has an attribute ${name} of kind ${attribute.kind}; integers are expected`)
}

/** An input that must be there. */
export function required({ node, inputs }: { node: GraphNode; inputs: readonly (Value | null)[] }, index: number): Value {
  return inputs[index] ?? refuse(node, `lacks its input ${index}`)
}

/** An axis counted from the front. */
export function axisOf(node: GraphNode, axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis
  if (positive < 0 || positive >= rank) refuse(node, `names axis ${axis} of a tensor with ${rank} axes`)
  return positive
}

export function isFloat(type: ElementType): boolean {
  return type === 'float32' || type === 'float64'
}

/** Shape of an elementwise operation over all inputs, which must have one element type. */
export function elementwiseShape(context: InferContext, inputs: readonly Value[]): Dimension[] {
  const [first] = inputs
  for (const input of inputs) {
    if (input.type !== first.type) refuse(context.node, `joins ${first.type} and ${input.type}; one element type is expected`)
  }
  return broadcastAll(context, inputs)
}

/** Common shape of all inputs, whatever their element types. */
export function broadcastAll({ graph, node }: { graph: Graph; node: GraphNode }, inputs: readonly Value[]): Dimension[] {
  return inputs.reduce<Dimension[]>((shape, input) => {
    const joined = broadcast(shape, input.shape, graph.trustsSymbols)
    if (Array.isArray(joined)) return joined
    return refuse(node, `cannot join the shapes ${shapeText(shape)} and ${shapeText(input.shape)}: ${joined.left} and ${joined.right} are not known to be equal`)
  }, [])
}

/** The usual rule: as the first input. */
export function asFirstInput(context: InferContext): InferredOutput[] {
  const value = required(context, 0)
  return [{ type: value.type, shape: value.shape }]
}

/**
 * Integers of a small tensor as far as they are known before anything runs: literals, and sizes read from shapes.
 * null when they depend on data.
 */
export function knownIntegers(graph: Graph, value: Value): Dimension[] | null {
  if (isFloat(value.type) || value.shape.length > 1) return null
  return knownNumbers(graph, value)
}

/** Integers that must be literals, such as axes. */
export function literalIntegers(context: { graph: Graph; node: GraphNode; inputs: readonly (Value | null)[] }, index: number, what: string): number[] {
  const known = knownIntegers(context.graph, required(context, index))
  if (!known || known.some((integer) => typeof integer !== 'number')) return refuse(context.node, `takes its ${what} from data; literal integers are expected`)
  return known as number[]
}
