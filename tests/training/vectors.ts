import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'

/** A tensor as the reference vectors write it; numbers that JSON cannot say are text. */
export interface Stored {
  shape: number[]
  dtype: string
  data: (number | string | boolean)[]
}

const folder = process.env.CUVETTE_GOLDEN_DIR ?? resolve(import.meta.dirname, '../golden/vectors')

/** The cases of one file of reference vectors. */
export function goldenCases<T>(file: string): T[] {
  return (JSON.parse(readFileSync(join(folder, `${file}.json`), 'utf8')) as { cases: T[] }).cases
}

/** A stored float32 tensor; Number() reads "NaN" and "Infinity" too. */
export function stored({ shape, data }: Stored): Tensor<'float32'> {
  return float32(shape, data.map(Number))
}

/** Largest difference, relative to the larger of the two numbers or to `floor` where both are smaller. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>, floor = 1): number {
  if (found.length !== expected.length) return Infinity
  let largest = 0
  for (let index = 0; index < found.length; index += 1) {
    const scale = Math.max(Math.abs(found[index]), Math.abs(expected[index]), floor)
    const difference = Math.abs(found[index] - expected[index]) / scale
    largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference)
  }
  return largest
}
