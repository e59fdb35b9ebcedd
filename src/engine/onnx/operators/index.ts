import { CuvetteError } from '../../../shared/problem'
import type { Graph, GraphNode, InferredOutput, Value } from '../graph'
import { accumulation } from './accumulation'
import { activations } from './activation'
import { comparisons } from './comparison'
import { controlFlow } from './control-flow'
import { convolutions } from './convolution'
import { einsum } from './einsum'
import { elementwise } from './elementwise'
import { indexing } from './indexing'
import { matrixProducts } from './matmul'
import { normalizations } from './normalization'
import { ordering } from './ordering'
import { poolings } from './pooling'
import { reductions } from './reduction'
import { resizes } from './resize'
import { shapes } from './shape'
import { softmaxes } from './softmax'

export interface InferContext {
  graph: Graph
  node: GraphNode
  inputs: (Value | null)[]
}

export interface GradientContext {
  graph: Graph
  node: GraphNode
  inputs: (Value | null)[]
  outputs: Value[]
  /** Gradient of the loss with respect to each output; null where the loss does not depend on it. */
  gradients: (Value | null)[]
  /** Which inputs need a gradient: rules may skip the others. */
  needed: boolean[]
}

/** What we know of one ONNX operator. */
export interface OperatorRule {
  infer(context: InferContext): InferredOutput[]
  /** Gradients with respect to the inputs, in order; null where there is none. Absent: not differentiable. */
  gradient?(context: GradientContext): (Value | null)[]
  /** The rule takes gradients that are smaller than the output and stand for their broadcast. */
  broadcastsGradient?: boolean
}

export type OperatorFamily = Record<string, OperatorRule>

const rules = new Map<string, OperatorRule>(
  [
    elementwise,
    activations,
    comparisons,
    matrixProducts,
    einsum,
    convolutions,
    poolings,
    normalizations,
    resizes,
    reductions,
    softmaxes,
    shapes,
    indexing,
    ordering,
    controlFlow,
    accumulation,
  ].flatMap((family) => Object.entries(family)),
)

/** The rule of an operator. A missing one is named, with the node that wants it: nothing is guessed. */
export function operatorRule(op: string, domain = '', node?: string): OperatorRule {
  const rule = rules.get(ruleName(op, domain))
  if (rule) return rule
  const place = node === undefined ? '' : ` at ${node}`
  throw new CuvetteError('unsupported', `The operator ${ruleName(op, domain)}${place} has no rule in this version.`, { where: node })
}

/** Every rule by its name: the operator, or "domain.operator" outside ai.onnx. */
export function operatorRules(): ReadonlyMap<string, OperatorRule> {
  return rules
}

/** Key of an operator's rule. */
export function ruleName(op: string, domain: string): string {
  return domain === '' || domain === 'ai.onnx' ? op : `${domain}.${op}`
}
