import type { Problem } from '../../shared/problem'
import { nodeType } from '../nodes/registry'
import type { DocumentConnection, DocumentNode, Place } from './document'
import type { YamlSource } from './yaml-source'
import { place, shown } from './yaml-source'

// What the readers of both dialects share.

/** Collects problems with their places while a document is read. */
export class Complaints {
  readonly problems: Problem[]
  /** Parts that are understood, and not followed. */
  readonly warnings: Problem[] = []

  constructor(private readonly path: string, readonly source: YamlSource) {
    this.problems = [...source.problems]
  }

  add(message: string, key: string): void {
    this.problems.push({ code: 'bad-pipeline', message, path: this.path, where: place(key, this.source.lineOf(key)) })
  }

  warn(message: string, key: string): void {
    this.warnings.push({ code: 'bad-pipeline', message, path: this.path, where: place(key, this.source.lineOf(key)) })
  }

  placeOf(key: string): Place {
    return { key, line: this.source.lineOf(key) }
  }

  /** A text, or the fallback with a complaint. */
  text(value: unknown, key: string, fallback: string): string {
    if (value === undefined || value === null) return fallback
    if (typeof value === 'string') return value
    if (typeof value === 'number') return String(value)
    this.add(`The ${key} is ${shown(value)}; a text is expected.`, key)
    return fallback
  }
}

/** Everything of `values` but the keys that were read. */
export function rest(values: Readonly<Record<string, unknown>>, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => !known.includes(key)))
}

/** Connections with ports by their proper names, where the types of the nodes are known. */
export function withProperPorts(connections: readonly DocumentConnection[], nodes: readonly DocumentNode[]): DocumentConnection[] {
  const types = new Map(nodes.map((node) => [node.name, nodeType(node.type)?.description]))
  const proper = (end: { node: string; port: string }, side: 'inputs' | 'outputs'): { node: string; port: string } => {
    const ports = types.get(end.node)?.[side] ?? []
    const port = ports.find(({ name }) => name === end.port) ?? ports.find(({ aliases }) => aliases.includes(end.port))
    return { node: end.node, port: port?.name ?? end.port }
  }
  return connections.map(({ from, to, place: at }) => ({ from: proper(from, 'outputs'), to: proper(to, 'inputs'), place: at }))
}
