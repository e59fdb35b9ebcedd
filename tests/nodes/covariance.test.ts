import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFiniteMatrix, pseudoInverse, whitening } from '../../src/engine/nodes/covariance'
import { randomSource } from '../../src/engine/nodes/random'

function product(a: ArrayLike<number>, b: ArrayLike<number>, size: number): Float64Array {
  const result = new Float64Array(size * size)
  for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) for (let k = 0; k < size; k += 1) result[i * size + j] += a[i * size + k] * b[k * size + j]
  return result
}

/** A positive semi-definite matrix of the given rank. */
function covariance(size: number, rank: number, seed: number): Float64Array {
  const random = randomSource(seed)
  const root = Array.from({ length: rank }, () => Array.from({ length: size }, () => random.normal()))
  const result = new Float64Array(size * size)
  for (const row of root) for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) result[i * size + j] += row[i] * row[j]
  return result
}

function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, scale: number): void {
  for (let index = 0; index < expected.length; index += 1) expect(Math.abs(found[index] - expected[index])).toBeLessThanOrEqual(1e-9 * scale)
}

describe('factorisation of a covariance', () => {
  it('inverts what can be inverted', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.integer(), (size, seed) => {
      const matrix = covariance(size, size + 3, seed)
      const inverse = pseudoInverse(matrix, size)
      const unit = product(matrix, inverse, size)
      for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) expect(unit[i * size + j]).toBeCloseTo(i === j ? 1 : 0, 7)
    }), { numRuns: 50, seed: 4 })
  })

  it('is the pseudo-inverse where directions have no variance (the four conditions of Penrose)', () => {
    const size = 6
    const matrix = covariance(size, 3, 11)
    const inverse = pseudoInverse(matrix, size)
    const scale = Math.max(...matrix.map(Math.abs), ...inverse.map(Math.abs))
    expectNear(product(product(matrix, inverse, size), matrix, size), matrix, scale)
    expectNear(product(product(inverse, matrix, size), inverse, size), inverse, scale)
    const [left, right] = [product(matrix, inverse, size), product(inverse, matrix, size)]
    for (let i = 0; i < size; i += 1) {
      for (let j = 0; j < size; j += 1) {
        expect(left[i * size + j]).toBeCloseTo(left[j * size + i], 8)
        expect(right[i * size + j]).toBeCloseTo(right[j * size + i], 8)
      }
    }
  })

  it('gives a root of the inverse', () => {
    const size = 5
    const root = whitening(covariance(size, 9, 2), size)
    const squared = new Float64Array(size * size)
    for (let i = 0; i < size; i += 1) for (let j = 0; j < size; j += 1) for (let k = 0; k < size; k += 1) squared[i * size + j] += root[i * size + k] * root[j * size + k]
    expectNear(squared, pseudoInverse(covariance(size, 9, 2), size), 1)
  })

  it('of nothing is nothing', () => {
    expect([...pseudoInverse(new Float64Array(4), 2)]).toEqual([0, 0, 0, 0])
  })

  it('sees numbers that are not finite', () => {
    expect(isFiniteMatrix([1, 2])).toBe(true)
    expect(isFiniteMatrix([1, NaN])).toBe(false)
    expect(isFiniteMatrix([Infinity])).toBe(false)
  })
})
