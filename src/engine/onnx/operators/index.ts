import { CuvetteError } from '../../../shared/problem'
import type { Graph, GraphNode, InferredOutput, Value } from '../graph'

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
}

export type OperatorFamily = Record<string, OperatorRule>

const rules = new Map<string, OperatorRule>()

/** The rule of an operator. A missing one is named: nothing is guessed. */
export function operatorRule(op: string, domain = ''): OperatorRule {
  const rule = rules.get(domain === '' ? op : `${domain}.${op}`)
  if (!rule) throw new CuvetteError('unsupported', `The operator ${domain === '' ? op : `${domain}.${op}`} has no rule in this version.`)
  return rule
}
