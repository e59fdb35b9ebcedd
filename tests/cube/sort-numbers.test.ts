import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sortNumbers } from '../../src/engine/cube/sort-numbers'

describe('sorting many numbers', () => {
  it('gives what comparing gives, infinities, zeros of both signs and tiny numbers included', () => {
    const special = [0, -0, Infinity, -Infinity, 1e-45, -1e-45, 3.4e38, -3.4e38, 1, 1]
    fc.assert(fc.property(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 1, max: 2 ** 31 - 1 }), (length, seed) => {
      let state = seed
      const next = (): number => (state = Math.imul(state, 1103515245) + 12345)
      const values = Float32Array.from({ length }, () => (next() % 5 === 0 ? special[Math.abs(next() >> 8) % special.length] : next() / (1 + Math.abs(next() >> 20))))
      const expected = values.slice().sort()
      expect(sortNumbers(values)).toBe(values)
      expect(values.every((value, at) => Object.is(value, expected[at]))).toBe(true)
    }), { numRuns: 3, seed: 1, examples: [[9000, 7]] })
  })

  it('touches only the part that it is given', () => {
    const values = Float32Array.from({ length: 6000 }, (_, at) => 6000 - at)
    sortNumbers(values.subarray(500, 5500))
    expect([values[0], values[499], values[500], values[5499], values[5500]]).toEqual([6000, 5501, 501, 5500, 500])
  })
})
