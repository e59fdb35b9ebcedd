import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topologicalOrder } from '../../src/engine/pipeline/order'

const edges = (...pairs: string[]) => pairs.map((pair) => ({ from: pair[0], to: pair[1] }))

describe('the order of running', () => {
  it('goes by generations, within one by the order of the document', () => {
    expect(topologicalOrder(['d', 'c', 'b', 'a'], edges('ac', 'ab', 'cd')).sorted).toEqual(['a', 'c', 'b', 'd'])
    expect(topologicalOrder(['a', 'b', 'c'], []).sorted).toEqual(['a', 'b', 'c'])
  })

  it('counts parallel connections', () => {
    expect(topologicalOrder(['a', 'b'], edges('ab', 'ab'))).toEqual({ sorted: ['a', 'b'], cycle: null })
  })

  it('names the nodes of a cycle in the direction of its connections', () => {
    const { sorted, cycle } = topologicalOrder(['in', 'a', 'b', 'c', 'out'], [...edges('ab', 'bc', 'ca'), { from: 'in', to: 'a' }, { from: 'c', to: 'out' }])
    expect(sorted).toEqual(['in'])
    const at = cycle?.indexOf('a') ?? -1
    expect([...(cycle ?? []).slice(at), ...(cycle ?? []).slice(0, at)]).toEqual(['a', 'b', 'c'])
    expect(topologicalOrder(['a'], edges('aa')).cycle).toEqual(['a'])
  })

  it('leaves edges to unknown nodes out', () => {
    expect(topologicalOrder(['a'], [{ from: 'a', to: 'x' }, { from: 'x', to: 'a' }])).toEqual({ sorted: ['a'], cycle: null })
  })

  it('puts every source before its targets, whatever the graph', () => {
    const graph = fc.integer({ min: 1, max: 12 }).chain((size) => fc.record({
      size: fc.constant(size),
      pairs: fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 25 }),
    }))
    fc.assert(fc.property(graph, ({ size, pairs }) => {
      const names = Array.from({ length: size }, (_, index) => `n${index}`)
      const acyclic = pairs.filter(([from, to]) => from < to).map(([from, to]) => ({ from: names[from], to: names[to] }))
      const { sorted, cycle } = topologicalOrder([...names].reverse(), acyclic)
      expect(cycle).toBeNull()
      expect([...sorted].sort()).toEqual([...names].sort())
      for (const { from, to } of acyclic) expect(sorted.indexOf(from)).toBeLessThan(sorted.indexOf(to))
      const all = pairs.map(([from, to]) => ({ from: names[from], to: names[to] }))
      const found = topologicalOrder(names, all).cycle
      found?.forEach((from, index) => expect(all).toContainEqual({ from, to: found[(index + 1) % found.length] }))
    }), { numRuns: 200, seed: 2 })
  })

  it('is quick for thousands of nodes in a row', () => {
    const names = Array.from({ length: 20_000 }, (_, index) => `n${index}`)
    const row = names.slice(1).map((to, index) => ({ from: names[index], to }))
    expect(topologicalOrder(names, row).sorted).toHaveLength(20_000)
    expect(topologicalOrder(names, [...row, { from: 'n19999', to: 'n0' }]).cycle).toHaveLength(20_000)
  })
})
