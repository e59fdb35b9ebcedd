import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bitsOf, isFiniteBits, numberAt, orderOf, sortedOrders, sortNumbers } from '../../src/shared/ordered-bits'

describe('order of float32 numbers', () => {
  it('is the order of their places, which give the numbers back', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (a, b) => {
        const [first, second] = bitsOf(Float32Array.of(a, b))
        if (a !== b) expect(orderOf(first) < orderOf(second)).toBe(a < b)
        // -0 counts as 0.
        expect(numberAt(orderOf(first))).toBe(a + 0)
        expect(isFiniteBits(first)).toBe(Number.isFinite(a))
      }),
      { seed: 20261125, numRuns: 500 },
    )
    expect(isFiniteBits(bitsOf(Float32Array.of(NaN))[0])).toBe(false)
  })

  it('is found for few and for many as by a comparison', () => {
    // Odd constants, so that every digit varies.
    for (const count of [0, 1, 511, 512, 5000]) {
      const orders = Uint32Array.from({ length: count }, (_, index) => Math.imul(index + 1, 2654435761) ^ Math.imul(index, index))
      expect(sortedOrders(orders.slice())).toEqual(orders.slice().sort())
    }
  })
})

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
