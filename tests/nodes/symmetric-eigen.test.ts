import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { symmetricEigen } from '../../src/engine/nodes/symmetric-eigen'
import { float64 } from '../../src/engine/onnx/tensor'
import { runWritten } from './written'

/** Eigenvalues and eigenvectors of matrices of one size. */
async function eigen(matrices: number[][], size: number): Promise<{ values: Float64Array; vectors: Float64Array }[]> {
  const stacked = float64([matrices.length, size, size], matrices.flat())
  const { values, vectors } = await runWritten({ matrices: stacked }, (graph, inputs) => symmetricEigen(graph, inputs.matrices, size))
  return matrices.map((_, index) => ({
    values: (values.data as Float64Array).slice(index * size, (index + 1) * size),
    vectors: (vectors.data as Float64Array).slice(index * size * size, (index + 1) * size * size),
  }))
}

/** A covariance of channels that go together, with eigenvalues over many orders of magnitude. */
function covariance(size: number, seed: number, pixels = size + 5): number[] {
  const random = randomSource(seed)
  const rows = Array.from({ length: pixels }, () => {
    let level = 0
    return Array.from({ length: size }, (_, band) => (level += random.normal() / (band + 1)))
  })
  return Array.from({ length: size * size }, (_, at) => rows.reduce((sum, row) => sum + row[Math.floor(at / size)] * row[at % size], 0) / pixels)
}

function largest(matrix: number[]): number {
  return matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
}

describe('eigenvectors as a graph', () => {
  it.each([1, 2, 3, 4, 5, 7, 16, 61])('are those of a factorisation on the host, %i channels', async (size) => {
    const matrices = [covariance(size, 1), covariance(size, 2)]
    const found = await eigen(matrices, size)
    found.forEach(({ values, vectors }, index) => {
      const scale = largest(matrices[index]) * size
      const expected = new EigenvalueDecomposition(new Matrix(Array.from({ length: size }, (_, row) => matrices[index].slice(row * size, (row + 1) * size))), { assumeSymmetric: true }).realEigenvalues
      expect(expected.sort((a, b) => b - a).every((value, at) => Math.abs(value - values[at]) <= 1e-13 * scale)).toBe(true)
      let worst = 0
      for (let k = 0; k < size; k += 1) {
        const vector = vectors.subarray(k * size, (k + 1) * size)
        for (let row = 0; row < size; row += 1) {
          const product = vector.reduce((sum, value, column) => sum + matrices[index][row * size + column] * value, 0)
          worst = Math.max(worst, Math.abs(product - values[k] * vector[row]) / scale)
        }
        for (let other = 0; other <= k; other += 1) {
          const product = vector.reduce((sum, value, at) => sum + value * vectors[other * size + at], 0)
          worst = Math.max(worst, Math.abs(product - (other === k ? 1 : 0)))
        }
        const leading = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
        expect(leading).toBeGreaterThan(0)
      }
      expect(worst).toBeLessThan(1e-13)
    })
  })

  it('settle equal, zero and negative eigenvalues', async () => {
    const cases = [[2, 0, 0, 0, 2, 0, 0, 0, 2], [0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1, 1], [-5, 0, 0, 0, 0, 3, 0, 3, 0]]
    const found = await eigen(cases, 3)
    const expected = [[2, 2, 2], [0, 0, 0], [3, 0, 0], [3, -3, -5]]
    found.forEach(({ values, vectors }, index) => {
      values.forEach((value, at) => { expect(value).toBeCloseTo(expected[index][at], 13) })
      expect(vectors.every(Number.isFinite)).toBe(true)
    })
  })

  it('end with numbers that are not finite, and spoil no other matrix', async () => {
    const [alone] = await eigen([covariance(8, 4)], 8)
    const [bad, good] = await eigen([covariance(8, 4).with(1, NaN), covariance(8, 4)], 8)
    expect(bad.values.some(Number.isNaN)).toBe(true)
    expect(good).toEqual(alone)
  })

  it('come out the same on every run', async () => {
    const [first] = await eigen([covariance(9, 3)], 9)
    const [second] = await eigen([covariance(9, 3)], 9)
    expect(first).toEqual(second)
  })
})
