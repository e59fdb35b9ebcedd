import type { Noise } from '../nodes/node'
import { randomSource } from '../nodes/random'
import type { RandomSource } from '../nodes/random'
import { elementCount, float32 } from '../onnx/tensor'
import type { Tensor } from '../onnx/tensor'
import type { Pipeline } from '../pipeline/pipeline'
import { stateKey } from '../pipeline/state'

// What the training model takes beside pixels and state. Both depend on the seed, the epoch and the batch alone, so that
// a resumed training goes on as if it had never been interrupted.

/** Values of the settings that follow the epochs, such as a temperature, by "<node>.<setting>". `epoch` counts from 1. */
export function scheduledSettings(pipeline: Pipeline, epoch: number): Record<string, number> {
  const values: Record<string, number> = {}
  for (const { name, type, parameters } of pipeline.nodes) {
    for (const [setting, value] of Object.entries(type.schedule?.(parameters, epoch - 1) ?? {})) values[stateKey(name, setting)] = value
  }
  return values
}

/** Inputs of the training model for one batch: the scheduled settings and fresh noise. `epoch` counts from 1, `batch` from 0. */
export function stepInputs(pipeline: Pipeline, seed: number, epoch: number, batch: number): Record<string, Tensor<'float32'>> {
  const inputs: Record<string, Tensor<'float32'>> = {}
  for (const [key, value] of Object.entries(scheduledSettings(pipeline, epoch))) inputs[key] = float32([], [value])
  for (const { name, type, parameters } of pipeline.nodes) {
    for (const noise of type.noise?.(parameters) ?? []) {
      const key = stateKey(name, noise.name)
      inputs[key] = drawn(noise, randomSource(seed, `noise ${key} of batch ${batch} in epoch ${epoch}`))
    }
  }
  return inputs
}

/** Random numbers of one batch. */
export function drawn({ shape, draw }: Noise, random: RandomSource): Tensor<'float32'> {
  // 24 bits are all that float32 holds below 1; rounding more of them could give 1 itself.
  const one = draw === 'normal' ? () => random.normal() : () => Math.floor(random.uniform() * 2 ** 24) / 2 ** 24
  return float32(shape, Float32Array.from({ length: elementCount(shape) }, one))
}
