/** Element types that our graphs use. */
export type ElementType = 'float32' | 'float64' | 'int32' | 'int64' | 'uint8' | 'bool'

export interface TensorData {
  float32: Float32Array
  float64: Float64Array
  int32: Int32Array
  int64: BigInt64Array
  uint8: Uint8Array
  bool: Uint8Array
}

/** A concrete tensor, row-major. */
export interface Tensor<T extends ElementType = ElementType> {
  readonly type: T
  readonly shape: readonly number[]
  readonly data: TensorData[T]
}

export function float32(shape: readonly number[], data: ArrayLike<number>): Tensor<'float32'> {
  return { type: 'float32', shape, data: data instanceof Float32Array ? data : Float32Array.from(data) }
}

export function float64(shape: readonly number[], data: ArrayLike<number>): Tensor<'float64'> {
  return { type: 'float64', shape, data: data instanceof Float64Array ? data : Float64Array.from(data) }
}

export function int64(shape: readonly number[], data: readonly number[]): Tensor<'int64'> {
  return { type: 'int64', shape, data: BigInt64Array.from(data.map(BigInt)) }
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1)
}
