import type { Tensor } from '../onnx/tensor'
import { elementCount, float32 } from '../onnx/tensor'
import type { RandomSource } from './random'

/** Numbers drawn evenly from [-bound, bound). */
export function uniform(random: RandomSource, shape: readonly number[], bound: number): Tensor<'float32'> {
  return drawn(shape, () => (2 * random.uniform() - 1) * bound)
}

/** Numbers drawn from a normal distribution around 0. */
export function normal(random: RandomSource, shape: readonly number[], deviation: number): Tensor<'float32'> {
  return drawn(shape, () => random.normal() * deviation)
}

/** Numbers drawn evenly from [0, below). */
export function phases(random: RandomSource, shape: readonly number[], below: number): Tensor<'float32'> {
  return drawn(shape, () => random.uniform() * below)
}

function drawn(shape: readonly number[], draw: () => number): Tensor<'float32'> {
  const data = new Float32Array(elementCount(shape))
  for (let index = 0; index < data.length; index += 1) data[index] = draw()
  return float32(shape, data)
}
