import { EigenvalueDecomposition, Matrix } from 'ml-matrix'

/** Eigenvalues at or below this share of the largest one count as zero, times the size of the matrix. */
const ZERO_SHARE = Number.EPSILON

/** A symmetric matrix [size, size], row-major, as eigenvectors (columns) and eigenvalues. Zero eigenvalues are dropped. */
function spectrum(matrix: ArrayLike<number>, size: number): { vectors: Matrix; values: number[]; kept: number[] } {
  const rows = new Matrix(size, size)
  for (let row = 0, at = 0; row < size; row += 1) for (let column = 0; column < size; column += 1, at += 1) rows.set(row, column, matrix[at])
  const { eigenvectorMatrix, realEigenvalues } = new EigenvalueDecomposition(rows, { assumeSymmetric: true })
  const largest = realEigenvalues.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const kept = realEigenvalues.flatMap((value, index) => (value > largest * size * ZERO_SHARE ? [index] : []))
  return { vectors: eigenvectorMatrix, values: realEigenvalues, kept }
}

/**
 * W [size, size] with W W' = the pseudo-inverse of a positive semi-definite matrix, so that ||(x - mean) W||^2 is the
 * squared Mahalanobis distance. Columns of directions without variance are zero.
 */
export function whitening(matrix: ArrayLike<number>, size: number): Float64Array {
  const { vectors, values, kept } = spectrum(matrix, size)
  const result = new Float64Array(size * size)
  kept.forEach((from, column) => {
    const factor = 1 / Math.sqrt(values[from])
    for (let row = 0; row < size; row += 1) result[row * size + column] = vectors.get(row, from) * factor
  })
  return result
}

/** The pseudo-inverse of a positive semi-definite matrix [size, size], row-major. */
export function pseudoInverse(matrix: ArrayLike<number>, size: number): Float64Array {
  const root = whitening(matrix, size)
  const result = new Float64Array(size * size)
  for (let row = 0; row < size; row += 1) {
    for (let column = row; column < size; column += 1) {
      let sum = 0
      for (let k = 0; k < size; k += 1) sum += root[row * size + k] * root[column * size + k]
      result[row * size + column] = sum
      result[column * size + row] = sum
    }
  }
  return result
}

/** Whether every entry is a finite number: a factorisation needs that. */
export function isFiniteMatrix(matrix: ArrayLike<number>): boolean {
  for (let index = 0; index < matrix.length; index += 1) if (!Number.isFinite(matrix[index])) return false
  return true
}
