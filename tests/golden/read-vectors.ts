import { expect } from 'vitest'
import type { Tensor } from '../../src/engine/onnx/tensor'
import * as files from './vector-files'

// Vectors computed by the reference implementation on PyTorch. float32 numbers are shortest decimals: they are
// rounded to float32 after parsing. NaN and infinities are texts.

export { vectorFiles, vectorFolder } from './vector-files'

export interface StoredTensor {
  shape: number[]
  dtype: string
  data: (number | string | boolean)[]
}

/** What the cases of node files have in common. */
export interface NodeCase {
  name: string
  hparams?: Record<string, unknown>
  inputs?: Record<string, StoredTensor>
  init_stream?: StoredTensor[]
  init_state?: Record<string, StoredTensor>
  trainable?: string[]
  context?: { stage: string } | null
  outputs?: Record<string, StoredTensor>
  outputs_f64?: Record<string, StoredTensor>
  probe?: { G: Record<string, StoredTensor> }
  probe_loss?: number
  grads?: { params: Record<string, StoredTensor>; inputs: Record<string, StoredTensor> }
  grads_f64?: { params: Record<string, StoredTensor>; inputs: Record<string, StoredTensor> }
  errors?: Record<string, { raised?: boolean; message?: string } & Record<string, unknown>>
}

/** The cases of a file. */
export function goldenCases<T = NodeCase>(file: string): T[] {
  return files.goldenCases<T>(file)
}

/** A stored tensor in the element type that our graphs use for it. */
export function tensor({ shape, dtype, data }: StoredTensor): Tensor {
  switch (dtype) {
    case 'float32':
      return { type: 'float32', shape, data: Float32Array.from(data, Number) }
    case 'float64':
      return { type: 'float64', shape, data: Float64Array.from(data, Number) }
    case 'int32':
      return { type: 'int32', shape, data: Int32Array.from(data, Number) }
    case 'bool':
      return { type: 'bool', shape, data: Uint8Array.from(data, Number) }
    default:
      throw new Error(`A vector has the element type ${dtype}.`)
  }
}

export function tensors(stored: Readonly<Record<string, StoredTensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(stored).map(([name, value]) => [name, tensor(value)]))
}

/** Elements in their own precision. */
export function numbers(stored: Tensor | StoredTensor): number[] {
  return Array.from(('dtype' in stored ? tensor(stored) : stored).data as ArrayLike<number | bigint>, Number)
}

/**
 * Every number within `relative` of the expected one, or within `relative` of a share of the largest expected one: what is
 * nearly cancelled cannot be relatively exact in float32. Against float32 numbers, which the same operations rounded in
 * much the same way, that share is `cancelled`, a hundredth by default; against float64 numbers it is one. NaN must meet NaN.
 */
export function expectClose(found: Tensor | StoredTensor, expected: Tensor | StoredTensor, relative: number, what = '', cancelled?: number): void {
  const share = ('dtype' in expected ? expected.dtype : expected.type) === 'float64' ? 1 : (cancelled ?? 0.01)
  expect(found.shape, `shape ${what}`).toEqual(expected.shape)
  const [a, b] = [numbers(found), numbers(expected)]
  const largest = b.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0)
  const wrong = b.findIndex((value, index) => {
    if (!Number.isFinite(value)) return !Object.is(value, a[index])
    return !(Math.abs(a[index] - value) <= relative * Math.max(Math.abs(value), largest * share))
  })
  expect(wrong < 0 ? null : { at: wrong, found: a[wrong], expected: b[wrong] }, what).toBeNull()
}
