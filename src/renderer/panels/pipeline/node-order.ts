import type { PipelineSummary } from '../../../shared/nodes'

type Node = PipelineSummary['nodes'][number]

/** Nodes so that each comes after those it hears from; the document's order where that leaves a choice. Cycles go last. */
export function inOrder(summary: PipelineSummary): Node[] {
  const waitsFor = new Map(summary.nodes.map((node) => [node.name, new Set<string>()]))
  for (const { from, to } of summary.connections) {
    const [source, target] = [nodeOf(from), nodeOf(to)]
    if (source !== target && waitsFor.has(source)) waitsFor.get(target)?.add(source)
  }
  const ordered: Node[] = []
  const left = [...summary.nodes]
  while (left.length > 0) {
    const done = new Set(ordered.map((node) => node.name))
    const next = left.findIndex((node) => [...(waitsFor.get(node.name) ?? [])].every((source) => done.has(source)))
    ordered.push(...left.splice(Math.max(0, next), 1))
  }
  return ordered
}

/** "encoder" of "encoder.projected". */
export function nodeOf(address: string): string {
  return address.split('.')[0]
}
