import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanOfLargest, meanOfLargestOf, quantile, quantileOf } from '../../src/engine/inference/quantile'
import { answer, answerOver } from '../../src/engine/inference/walks'

/** The plain way: sort, then interpolate in float32 as torch.quantile and torch.lerp do. */
function bySorting(values: Float32Array, q: number): number {
  const sorted = values.filter(Number.isFinite).sort()
  const rank = Math.fround(Math.fround(q) * (sorted.length - 1))
  const lower = sorted[Math.floor(rank)]
  const upper = sorted[Math.ceil(rank)]
  const weight = Math.fround(rank - Math.floor(rank))
  const span = Math.fround(upper - lower)
  return weight < 0.5 ? Math.fround(lower + Math.fround(weight * span)) : Math.fround(upper - Math.fround(span * Math.fround(1 - weight)))
}

describe('quantile', () => {
  it('takes the ends and the middle', () => {
    const values = Float32Array.of(4, 1, 3, 2)
    expect(quantile(values, 0)).toBe(1)
    expect(quantile(values, 1)).toBe(4)
    expect(quantile(values, 0.5)).toBe(2.5)
  })

  it('leaves out what is not finite, and says so when nothing is', () => {
    expect(quantile(Float32Array.of(Number.NaN, 5, Infinity, 7, -Infinity), 0.5)).toBe(6)
    expect(quantile(Float32Array.of(Number.NaN), 0.5)).toBeNaN()
    expect(quantile(new Float32Array(0), 0.5)).toBeNaN()
  })

  it('is the same as sorting, for any numbers', () => {
    const numbers = fc.array(fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, 1, -1, 3e38, -3e38, 1e-45)), { minLength: 1, maxLength: 60 })
    fc.assert(fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
      const values = Float32Array.from(list)
      if (!values.some(Number.isFinite)) return
      expect(quantile(values, q) + 0).toBe(bySorting(values, q) + 0)
    }), { seed: 7, numRuns: 400 })
  })

  it('is the same in blocks cut anywhere, and so is the mean of the largest', async () => {
    const numbers = fc.array(fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, 1, 2)), { minLength: 1, maxLength: 80 })
    await fc.assert(fc.asyncProperty(numbers, fc.double({ min: 0.01, max: 1, noNaN: true }), fc.integer({ min: 1, max: 30 }), async (list, q, size) => {
      const values = Float32Array.from(list)
      const blocks = async function* () { for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size) }
      expect(await answerOver(quantileOf(q), blocks)).toBe(quantile(values, q))
      expect(await answerOver(meanOfLargestOf(q), blocks)).toEqual(meanOfLargest(values, q))
    }), { seed: 3, numRuns: 60 })
    let walks = 0
    answer((function* () { for (const question = quantileOf(0.5); ; walks += 1) { const step = question.next(); if (step.done) return step.value; yield step.value } })(), Float32Array.of(3, 1, 2))
    expect(walks).toBe(2)
  })

  it('refuses a quantile outside 0 to 1', () => {
    expect(() => quantile(Float32Array.of(1), 1.5)).toThrow('The quantile 1.5 is outside 0 to 1.')
  })
})
