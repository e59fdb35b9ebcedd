import { EigenvalueDecomposition, Matrix } from 'ml-matrix'
import { CuvetteError } from '../../shared/problem'
import type { RunningStatistics } from './statistics'
import { requirePixels } from './statistics'

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

export interface PrincipalAxes {
  /** Variances, largest first [count]. */
  variances: Float64Array
  /** Directions as rows of length 1 [count, size]. */
  directions: Float64Array
}

/**
 * The directions of largest variance of a covariance [size, size], row-major; at most `size`. Of each direction the
 * element of largest magnitude is positive (of equal ones the first), so that the same pixels give the same signs.
 */
export function principalAxes(covariance: ArrayLike<number>, size: number, count: number): PrincipalAxes {
  const { vectors, values } = spectrum(covariance, size)
  const order = values.map((_, index) => index).sort((a, b) => values[b] - values[a]).slice(0, count)
  const directions = new Float64Array(order.length * size)
  order.forEach((from, row) => {
    const direction = Array.from({ length: size }, (_, at) => vectors.get(at, from))
    const leading = direction.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0)
    directions.set(direction.map((value) => (leading < 0 ? -value : value)), row * size)
  })
  return { variances: Float64Array.from(order, (index) => values[index]), directions }
}

/**
 * Covariance [size, size] with the divisor N - 1, in float64. What `ridge` makes of the mean variance is added to every
 * variance. Throws CuvetteError('bad-data') for fewer than two pixels, and where an entry is not finite.
 */
export function covarianceOf(node: string, { count: pixels, mean, scatter }: RunningStatistics, ridge: (variance: number) => number = () => 0): { covariance: Float64Array; size: number } {
  requirePixels(node, 2, pixels)
  const size = mean.length
  const covariance = scatter.map((sum) => sum / (pixels - 1))
  const added = ridge(mean.reduce((sum, _, band) => sum + covariance[band * (size + 1)], 0) / size)
  for (let band = 0; band < size; band += 1) covariance[band * (size + 1)] += added
  if (!isFiniteMatrix(covariance)) {
    const channel = mean.findIndex((value) => !Number.isFinite(value))
    throw new CuvetteError('bad-data', `The node ${node} cannot compute a covariance, because channel ${Math.max(channel, 0)} has pixels that are not finite numbers; mask them out or leave the channel out.`, { where: node })
  }
  return { covariance, size }
}

/** Whether every entry is a finite number: a factorisation needs that. */
export function isFiniteMatrix(matrix: ArrayLike<number>): boolean {
  for (let index = 0; index < matrix.length; index += 1) if (!Number.isFinite(matrix[index])) return false
  return true
}
