/** Edges of a graph by names of its nodes. */
export interface Edge {
  from: string
  to: string
}

export interface Order {
  /** Names in the order of running; without those on a cycle or behind one. */
  sorted: string[]
  /** The nodes of one cycle, in the direction of its connections; null when there is none. */
  cycle: string[] | null
}

/** Kahn's algorithm by generations; within a generation, the order of `names`. Edges to or from other names are left out. */
export function topologicalOrder(names: readonly string[], edges: readonly Edge[]): Order {
  const places = new Map(names.map((name, index) => [name, index]))
  const inner = edges.filter(({ from, to }) => places.has(from) && places.has(to))
  const followers = new Map<string, string[]>()
  const waiting = new Map<string, number>()
  for (const { from, to } of inner) {
    followers.set(from, [...(followers.get(from) ?? []), to])
    waiting.set(to, (waiting.get(to) ?? 0) + 1)
  }
  const sorted: string[] = []
  let generation = [...places.keys()].filter((name) => !waiting.has(name))
  while (generation.length > 0) {
    sorted.push(...generation)
    const next: string[] = []
    for (const to of generation.flatMap((name) => followers.get(name) ?? [])) {
      const left = (waiting.get(to) ?? 0) - 1
      waiting.set(to, left)
      if (left === 0) next.push(to)
    }
    generation = next.sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0))
  }
  const left = new Set(places.keys())
  for (const name of sorted) left.delete(name)
  return { sorted, cycle: left.size === 0 ? null : cycleAmong(left, inner) }
}

/** Every node that is left has a predecessor that is left: walking back must come round. */
function cycleAmong(left: ReadonlySet<string>, edges: readonly Edge[]): string[] {
  const before = new Map(edges.filter(({ from }) => left.has(from)).map(({ from, to }) => [to, from]))
  const seen = new Set<string>()
  let [name] = left
  while (!seen.has(name)) {
    seen.add(name)
    name = before.get(name) ?? name
  }
  const way = [...seen]
  const cycle = way.slice(way.indexOf(name)).reverse()
  // Told from its first node in the document.
  const members = new Set(cycle)
  const first = cycle.indexOf([...left].find((member) => members.has(member)) ?? name)
  return [...cycle.slice(first), ...cycle.slice(0, first)]
}
