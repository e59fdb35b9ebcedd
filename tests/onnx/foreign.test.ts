import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel, inlineModel } from '../../src/engine/onnx/reading/decode'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'

const folder = join(import.meta.dirname, 'fixtures')

interface Expected {
  shape: number[]
  image: number[]
  weights: number[]
  scores: number[]
  anomaly_score: number[]
  gradient: number[]
}
const expected = JSON.parse(readFileSync(join(folder, 'exported-scorer.json'), 'utf8')) as Expected

function largestDifference(found: ArrayLike<number>, wanted: readonly number[]): number {
  expect(found.length).toBe(wanted.length)
  const scale = Math.max(...wanted.map(Math.abs))
  return wanted.reduce((largest, value, index) => Math.max(largest, Math.abs(found[index] - value)), 0) / scale
}

// Written by torch.onnx.export (see fixtures/export-scorer.py): 16 with decomposed normalisation, 17 with its own operator.
describe.each([16, 17])('a transformer exported by PyTorch at opset %i', (opset) => {
  const bytes = new Uint8Array(readFileSync(join(folder, `exported-scorer-${opset}.onnx`)))

  it('scores as PyTorch does, and its gradient is that of PyTorch', async () => {
    const graph = new Graph()
    const image = graph.input('image', 'float32', ['B', 3, 'H', 'W'])
    const weights = graph.input('weights', 'float32', ['B', 1, 'H', 'W'])
    const { anomaly_map: maps, anomaly_score: score } = inlineModel(graph, bytes, 'scorer.onnx', 'scorer', { image }, ['anomaly_map', 'anomaly_score'])
    const loss = graph.op('Add', [
      graph.op('ReduceSum', [graph.op('Mul', [maps, weights])], { keepdims: 0 }),
      graph.op('ReduceSum', [score], { keepdims: 0 }),
    ])
    const gradient = differentiate(graph, loss, [image]).get('image') as Value
    graph.output('scores', maps)
    graph.output('anomaly_score', score)
    graph.output('gradient', gradient)
    const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
    const [batch, , lines, samples] = expected.shape
    const found = await session.run({ image: float32(expected.shape, expected.image), weights: float32([batch, 1, lines, samples], expected.weights) })
    await session.release()
    expect(found.scores.shape).toEqual([batch, 1, lines, samples])
    expect(found.gradient.shape).toEqual(expected.shape)
    expect(largestDifference(found.scores.data as Float32Array, expected.scores)).toBeLessThan(1e-5)
    expect(largestDifference(found.anomaly_score.data as Float32Array, expected.anomaly_score)).toBeLessThan(1e-5)
    expect(largestDifference(found.gradient.data as Float32Array, expected.gradient)).toBeLessThan(1e-5)
  })

  it('reads into a graph that is written and read again', async () => {
    const { graph } = decodeModel(bytes, 'scorer.onnx')
    const again = encodeModel(decodeModel(encodeModel(graph), 'again.onnx').graph)
    const session = await openSession(again, 'cpu', { threads: 1 })
    const found = await session.run({ image: float32(expected.shape, expected.image) })
    await session.release()
    expect(largestDifference(found.anomaly_map.data as Float32Array, expected.scores)).toBeLessThan(1e-5)
  })
})
