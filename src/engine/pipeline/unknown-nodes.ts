import { catalogue } from '../nodes/registry'
import type { AnalysedNode } from './analysis'
import type { PipelineDocument } from './document'
import { isScorePort } from './ports'
import { didYouMean } from './suggest'

/** A sentence about a node. */
export interface Remark {
  node: AnalysedNode
  message: string
}

export interface Judgement {
  /** Without these nothing can run. */
  problems: Remark[]
  warnings: Remark[]
  /** Of unknown types, or behind one: what is asked for does without them. Empty while there are problems. */
  skipped: ReadonlySet<AnalysedNode>
}

/**
 * Which nodes of unknown types matter. Deciders, losses and metrics are asked for, and without a decider whatever makes
 * scores: a node of an unknown type that leads to one of them is a problem, any other is left out with what stands behind it.
 */
export function judgeUnknownNodes(nodes: readonly AnalysedNode[], { connections, dialect }: PipelineDocument): Judgement {
  const unknown = nodes.filter(({ type, written }) => !type && written.type !== '')
  if (unknown.length === 0) return { problems: [], warnings: [], skipped: new Set() }
  const behind = reachedFrom(unknown.map(({ written }) => written.name), connections)
  const known = nodes.filter(({ type }) => type)
  const hasDecider = known.some(({ type }) => type?.description.role === 'decider')
  const isAsked = (node: AnalysedNode): boolean => ['decider', 'loss', 'metric'].includes(node.type?.description.role ?? '') || (!hasDecider && makesScores(node))
  const touched = new Set([...behind.values()].flatMap((names) => [...names]))
  const nothingScored = !known.some((node) => !touched.has(node.written.name) && makesScores(node))
  const problems: Remark[] = []
  const warnings: Remark[] = []
  for (const node of unknown) {
    const { name, type } = node.written
    const start = `The node ${name} has the type ${type}, which this version does not know`
    const hint = didYouMean(type, catalogue().map((one) => one.type))
    // A name that is nearly one of ours is a slip of whoever wrote the document.
    const slip = hint !== '' && dialect === 'short' && !type.includes('.')
    const needs = known.filter((other) => behind.get(name)?.has(other.written.name) && isAsked(other)).map((other) => other.written.name)
    if (needs.length > 0 || nothingScored || slip) {
      const why = needs.length > 0 ? `, and ${needs.join(', ')} ${needs.length === 1 ? 'needs' : 'need'} it` : ''
      problems.push({ node, message: `${start}${why}${hint || '; run "cuvette nodes" for those it knows.'}` })
    } else {
      warnings.push({ node, message: `${start}; it is left out, because nothing that is scored, trained or measured needs it.` })
    }
  }
  if (problems.length > 0) return { problems, warnings, skipped: new Set() }
  const skipped = nodes.filter(({ written }) => touched.has(written.name))
  for (const node of skipped.filter(({ type }) => type)) warnings.push({ node, message: `The node ${node.written.name} (${node.written.type}) is left out with the node before it, whose type is not known.` })
  return { problems, warnings, skipped: new Set(skipped) }
}

function makesScores({ type }: AnalysedNode): boolean {
  return type?.description.outputs.some(isScorePort) === true
}

/** Each of the named nodes and everything that its outputs lead to. */
function reachedFrom(names: readonly string[], connections: PipelineDocument['connections']): Map<string, Set<string>> {
  const followers = new Map<string, string[]>()
  for (const { from, to } of connections) {
    const list = followers.get(from.node)
    if (list) list.push(to.node)
    else followers.set(from.node, [to.node])
  }
  return new Map(names.map((name) => {
    const reached = new Set([name])
    for (const one of reached) for (const next of followers.get(one) ?? []) reached.add(next)
    return [name, reached]
  }))
}
