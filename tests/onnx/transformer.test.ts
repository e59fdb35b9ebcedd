import { describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel, inlineModel } from '../../src/engine/onnx/reading/decode'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { agreesWithDifferences, scattered } from './finite-differences'
import { scorerFile, writeScorer } from './transformer-scorer'
import type { ScorerShape } from './transformer-scorer'

const tiny: ScorerShape = { channels: 2, size: 4, patch: 2, width: 4, heads: 2, seed: 3 }

/** float32 kernels of Conv, Erf and Resize limit the differences; the steps are large and the tolerance is theirs. */
describe('a transformer scorer', () => {
  it('has the gradients that differences of its scores show', async () => {
    await agreesWithDifferences({
      name: 'scorer',
      shapes: [[2, 2, 4, 4]],
      type: 'float32',
      fixedSizes: true,
      build: (graph, [image]) => writeScorer(graph, image, tiny),
    })
  })

  it('comes back from its file, and into another graph, with the same numbers', async () => {
    const bytes = scorerFile(tiny)
    const image = float32([3, 2, 4, 4], Array.from({ length: 96 }, (_, index) => scattered(0)(index)))
    const run = async (model: Uint8Array): Promise<number[]> => {
      const session = await openSession(model, 'cpu', { threads: 1 })
      const { scores } = await session.run({ image })
      await session.release()
      return Array.from(scores.data as Float32Array)
    }
    const wanted = await run(bytes)
    expect(new Set(wanted).size).toBeGreaterThan(40)
    expect(await run(encodeModel(decodeModel(bytes, 'scorer.onnx').graph))).toEqual(wanted)
    const graph = new Graph()
    const given = graph.input('image', 'float32', ['B', 2, 4, 4])
    graph.output('scores', inlineModel(graph, bytes, 'scorer.onnx', 'node', { image: given }, ['scores']).scores)
    expect(await run(encodeModel(graph))).toEqual(wanted)
    expect([...graph.initializers.keys()].filter((name) => name.startsWith('node/embed'))).toEqual(['node/embed.weight', 'node/embed.bias'])
  })

  it('costs no needless work in attention: as many products backwards as twice the products forwards', () => {
    const graph = new Graph()
    const image = graph.input('image', 'float32', ['B', 2, 4, 4])
    const scores = writeScorer(graph, image, tiny)
    const products = (): number => graph.nodes.filter(({ op }) => op === 'MatMul' || op === 'Gemm').length
    const forward = products()
    const loss = graph.op('ReduceMean', [scores], { keepdims: 0 })
    const from = graph.nodes.length
    const gradient = differentiate(graph, loss, [image]).get('image') as Value
    expect(gradient.shape).toEqual(image.shape)
    const written = graph.nodes.slice(from)
    // Frozen weights need one product each, the two products of attention two each, the resize one per axis.
    expect(products() - forward).toBe(forward + 2 * 2 + 2)
    // The mean alone is spread, once.
    expect(written.filter(({ op }) => op === 'Expand').length).toBeLessThanOrEqual(1)
  })
})
