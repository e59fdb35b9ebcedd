import { describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import { float32 } from '../../src/engine/onnx/tensor'
import { runWritten } from '../nodes/written'

describe('a detached value', () => {
  it('is the same number', async () => {
    const data = Float32Array.of(0, -0.1, 1 / 3, 1e-7, -3e-11, 12345.678, 1e20, NaN, Infinity, -Infinity)
    const { y } = await runWritten({ x: float32([10], data) }, (graph, { x }) => ({ y: graph.detach(x) }))
    expect(y.data).toEqual(data)
  })

  it('stays detached in a copy of the graph', () => {
    const graph = new Graph()
    const x = graph.input('x', 'float32', [2])
    const loss = graph.op('ReduceSum', [graph.op('Mul', [graph.detach(x), graph.detach(x)])], { keepdims: 0 })
    const copy = graph.copy()
    expect(differentiate(copy, copy.value(loss.name), [copy.value('x')]).size).toBe(0)
  })

  it('passes no gradient on', async () => {
    const { gradient } = await runWritten({ x: float32([2], [3, 4]) }, (graph, { x }) => {
      const loss = graph.op('ReduceSum', [graph.op('Mul', [x, graph.detach(x)])], { keepdims: 0 })
      return { gradient: differentiate(graph, loss, [x]).get('x') ?? x }
    })
    // d(x * stop(x)) / dx = x, not 2 x.
    expect([...gradient.data]).toEqual([3, 4])
  })
})
