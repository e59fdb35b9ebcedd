import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bitsOf, isFiniteBits, numberAt, orderOf, sortedOrders } from '../../src/shared/ordered-bits'

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
