import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quantileBinaryDecider } from '../../src/engine/nodes/quantile-decider'
import { float32 } from '../../src/engine/onnx/tensor'
import { quantile } from '../../src/engine/inference/quantile'
import { runWritten } from './written'

async function decide(scores: Float32Array, shape: readonly number[], parameters: { quantile: number; reduce_dims?: number[] | null; nan_policy?: string }): Promise<number[]> {
  const { decisions } = await runWritten({ scores: float32(shape, scores) }, (graph, inputs) => quantileBinaryDecider.write?.({
    graph, parameters: { reduce_dims: null, nan_policy: 'omit', ...parameters }, inputs: { logits: inputs.scores }, rows: () => inputs.scores, judgedRows: () => inputs.scores, judged: () => null,
    state: {}, tensors: {}, scope: 'node', file: (name) => { throw new Error(name) }, isTrained: () => false, stage: 'inference', wavelengthsNm: null, setting: (_name, fallback) => graph.scalar(fallback), noise: (name) => { throw new Error(name) }, update: () => undefined,
  }) ?? {})
  return Array.from(decisions.data as Uint8Array)
}

describe('the quantile decider in the graph', () => {
  it('decides as the exact quantile over a whole scene does', async () => {
    const score = fc.oneof({ weight: 8, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }) }, { weight: 2, arbitrary: fc.constantFrom(1, 2, NaN, Infinity, -Infinity) })
    const image = fc.record({ scores: fc.array(score, { minLength: 1, maxLength: 60 }), q: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.995, 1)) })
    await fc.assert(fc.asyncProperty(image, async ({ scores, q }) => {
      const values = Float32Array.from(scores)
      const threshold = quantile(values, q)
      const expected = Array.from(values, (value) => (value >= threshold ? 1 : 0))
      expect(await decide(values, [1, 1, values.length, 1], { quantile: q })).toEqual(expected)
    }), { numRuns: 60, seed: 6 })
  })

  it('has a threshold for each image', async () => {
    expect(await decide(Float32Array.of(1, 2, 3, 10, 20, 30), [2, 1, 3, 1], { quantile: 1 })).toEqual([0, 0, 1, 0, 0, 1])
    expect(await decide(Float32Array.of(1, 2, 3, 10, 20, 30), [2, 1, 3, 1], { quantile: 1, reduce_dims: [0, 1, 2, 3] })).toEqual([0, 0, 0, 0, 0, 1])
  })

  it('leaves what is not finite out, each image for itself', async () => {
    expect(await decide(Float32Array.of(NaN, 2, 3, 10, 20, 30), [2, 1, 3, 1], { quantile: 0.5 })).toEqual([0, 0, 1, 0, 1, 1])
    expect(await decide(Float32Array.of(NaN, 2, 3, 10, 20, 30), [2, 1, 3, 1], { quantile: 0.5, nan_policy: 'propagate' })).toEqual([0, 0, 0, 0, 1, 1])
  })

  it('flags nothing where nothing has a score, and everything that is equal', async () => {
    expect(await decide(Float32Array.of(NaN, NaN), [1, 1, 2, 1], { quantile: 0.5 })).toEqual([0, 0])
    expect(await decide(Float32Array.of(7, 7, 7), [1, 1, 3, 1], { quantile: 0.9 })).toEqual([1, 1, 1])
  })
})
