import { CuvetteError } from '../../shared/problem'
import { expandTo, literal } from './operators/adjoint'
import { isFloat } from './operators/context'
import type { Graph, GraphNode, Value } from './graph'
import { operatorRule, operatorRules, ruleName } from './operators'

/** A sentence names so many operators; the others are counted. */
const MOST_NAMED = 12

/**
 * Reverse-mode differentiation: appends the gradients of `loss` with respect to `wrt` to the same graph, as standard
 * operators, and returns them by the name of the value. A value that the loss does not depend on is missing from the
 * result. `loss` has one element. Derivatives at kinks and ties are PyTorch's.
 *
 * Throws CuvetteError before anything is appended for nodes on the way that have no gradient rule ('unsupported',
 * all are named, `where` is the first), and for a loss with more than one element ('bad-argument').
 */
export function differentiate(graph: Graph, loss: Value, wrt: readonly Value[]): Map<string, Value> {
  if (!isFloat(loss.type) || loss.shape.some((size) => size !== 1)) {
    throw new CuvetteError('bad-argument', `The loss ${loss.name} is ${loss.type} [${loss.shape.join(', ')}]; one floating-point number is expected.`, { where: loss.name })
  }
  const moving = dependents(graph, wrt)
  const path = nodesBetween(graph, loss, moving)
  requireRules(path, moving)

  return graph.within('gradient', () => {
    const contributions = new Map<string, Value>([[loss.name, literal(graph, loss.type, 1)]])
    for (const node of path) {
      const gradients = node.outputs.map((output) => contributions.get(output) ?? null)
      if (gradients.every((gradient) => gradient === null)) continue
      const rule = operatorRule(node.op, node.domain, node.name)
      const inputs = node.inputs.map((name) => (name === '' ? null : graph.value(name)))
      const outputs = node.outputs.map((name) => (name === '' ? loss : graph.value(name)))
      const given = rule.broadcastsGradient ? gradients : gradients.map((gradient, index) => gradient && expandTo(graph, gradient, outputs[index]))
      const results = graph.within(node.name, () =>
        rule.gradient?.({ graph, node, inputs, outputs, gradients: given, needed: inputs.map((input) => input !== null && moving.has(input.name)) }),
      )
      results?.forEach((result, index) => {
        const name = node.inputs[index]
        if (!result || !moving.has(name)) return
        const before = contributions.get(name)
        contributions.set(name, before ? graph.op('Add', [before, result]) : result)
      })
    }
    const found = new Map<string, Value>()
    for (const value of wrt) {
      const gradient = contributions.get(value.name)
      if (gradient) found.set(value.name, expandTo(graph, gradient, value))
    }
    return found
  })
}

/** Names of the values that change with `wrt`. Truth values, integers and detached values end the way. */
function dependents(graph: Graph, wrt: readonly Value[]): Set<string> {
  const moving = new Set(wrt.map((value) => value.name))
  for (const node of graph.nodes) {
    if (!node.inputs.some((input) => moving.has(input))) continue
    for (const output of node.outputs) {
      if (output !== '' && isFloat(graph.value(output).type) && !graph.detached.has(output)) moving.add(output)
    }
  }
  return moving
}

/** Nodes on a way from `wrt` to the loss, last first. */
function nodesBetween(graph: Graph, loss: Value, moving: ReadonlySet<string>): GraphNode[] {
  const reached = new Set([loss.name])
  const path: GraphNode[] = []
  for (let index = graph.nodes.length - 1; index >= 0; index -= 1) {
    const node = graph.nodes[index]
    if (!node.outputs.some((output) => reached.has(output) && moving.has(output))) continue
    for (const input of node.inputs) {
      if (moving.has(input)) reached.add(input)
    }
    path.push(node)
  }
  return path
}

/** Every operator on the way must have a gradient. All that lack one are named at once, with where they sit. */
function requireRules(path: readonly GraphNode[], moving: ReadonlySet<string>): void {
  const lacking = path.filter((node) => !operatorRules().get(ruleName(node.op, node.domain))?.gradient).reverse()
  if (lacking.length === 0) return
  const named = lacking.slice(0, MOST_NAMED).map((node) => {
    const through = node.inputs.filter((input) => moving.has(input))
    return `${ruleName(node.op, node.domain)} at ${node.name} (with respect to ${[...new Set(through)].join(', ')})`
  })
  const more = lacking.length > MOST_NAMED ? `, and ${lacking.length - MOST_NAMED} more` : ''
  const subject = lacking.length === 1 ? 'One operator has' : `${lacking.length} operators have`
  throw new CuvetteError('unsupported', `${subject} no gradient in this version, and the training needs one through ${lacking.length === 1 ? 'it' : 'them'}: ${named.join('; ')}${more}.`, { where: lacking[0].name })
}
