import { describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

// Behaviours of the peer's own tests of deciders for which there are no reference vectors.

async function decide(name: string, logits: Tensor, config: Record<string, unknown> = {}): Promise<Tensor> {
  const type = typeNamed(name)
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, config), inputs: { logits } })
  expect(outputs.decisions.type).toBe('bool')
  return outputs.decisions
}

const image = (values: number[], shape = [1, 1, values.length, 1]): Tensor => float32(shape, values)
const flagged = (decisions: Tensor): number[] => Array.from(decisions.data as Uint8Array)
const count = (decisions: Tensor): number => flagged(decisions).reduce((sum, value) => sum + value, 0)
const ramp = (size: number): number[] => Array.from({ length: size }, (_, at) => at / (size - 1))

describe('BinaryDecider', () => {
  it.each([[0.5, 1], [0.3, 1], [0.7, 0]])('at the threshold %f a logit of 0 is %i', async (threshold, expected) => {
    expect(flagged(await decide('BinaryDecider', image([0, 0, 0]), { threshold }))).toEqual([expected, expected, expected])
  })

  it('flags large logits, and no very negative ones', async () => {
    expect(flagged(await decide('BinaryDecider', image([100, 10, -10, -100])))).toEqual([1, 1, 0, 0])
  })

  it('keeps the shape of a batch', async () => {
    const decisions = await decide('BinaryDecider', image(new Array<number>(4 * 3 * 2).fill(1), [4, 3, 2, 1]))
    expect(decisions.shape).toEqual([4, 3, 2, 1])
    expect(count(decisions)).toBe(24)
  })
})

describe('QuantileBinaryDecider', () => {
  it('flags the largest score alone at a high quantile', async () => {
    const decisions = await decide('QuantileBinaryDecider', image(ramp(16), [1, 4, 4, 1]), { quantile: 0.95 })
    expect(flagged(decisions)).toEqual([...new Array<number>(15).fill(0), 1])
  })
})

describe('TwoStageBinaryDecider', () => {
  const pixels = (values: number[]): Tensor => image(values, [1, 10, 10, 1])

  it('passes an image whose score is the threshold', async () => {
    // The mean of the ten largest, exactly in float32.
    const scores = pixels([...new Array<number>(90).fill(0), ...new Array<number>(10).fill(0.5)])
    expect(count(await decide('TwoStageBinaryDecider', scores, { image_threshold: 0.5, top_k_fraction: 0.1, quantile: 0.9 }))).toBe(10)
    expect(count(await decide('TwoStageBinaryDecider', scores, { image_threshold: 0.500001, top_k_fraction: 0.1, quantile: 0.9 }))).toBe(0)
  })

  it('flags fewer pixels at a higher quantile', async () => {
    const settings = { image_threshold: 0.1, top_k_fraction: 0.1 }
    const [low, high] = [await decide('TwoStageBinaryDecider', pixels(ramp(100)), { ...settings, quantile: 0.9 }), await decide('TwoStageBinaryDecider', pixels(ramp(100)), { ...settings, quantile: 0.99 })]
    expect([count(low), count(high)]).toEqual([10, 1])
    flagged(high).forEach((value, at) => expect(value).toBeLessThanOrEqual(flagged(low)[at]))
  })

  it('lets an image pass by its few largest scores that does not by many', async () => {
    const scores = pixels([...new Array<number>(95).fill(0), ...new Array<number>(5).fill(1)])
    expect(count(await decide('TwoStageBinaryDecider', scores, { image_threshold: 0.5, top_k_fraction: 0.05, quantile: 0.95 }))).toBe(5)
    expect(count(await decide('TwoStageBinaryDecider', scores, { image_threshold: 0.5, top_k_fraction: 0.5, quantile: 0.95 }))).toBe(0)
  })

  it('flags every pixel of an image of ones', async () => {
    expect(count(await decide('TwoStageBinaryDecider', pixels(new Array<number>(100).fill(1))))).toBe(100)
  })
})
