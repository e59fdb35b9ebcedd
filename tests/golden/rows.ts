import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'

/** Rows [K, N] with the signs of the expected ones: eigenvectors are given up to their sign. */
export function alignedRows(found: Tensor, expected: Tensor): Tensor<'float32'> {
  const [rows, columns] = found.shape
  const data = Float32Array.from(found.data as Float32Array)
  for (let row = 0; row < rows; row += 1) {
    let product = 0
    for (let column = 0; column < columns; column += 1) product += data[row * columns + column] * Number(expected.data[row * columns + column])
    if (product < 0) for (let column = 0; column < columns; column += 1) data[row * columns + column] *= -1
  }
  return float32(found.shape, data)
}
