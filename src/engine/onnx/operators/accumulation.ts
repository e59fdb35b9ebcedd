import type { OperatorFamily } from './index'

// What the training runtime adds to the standard. Gradients accumulate into a buffer in place; the output is a flag.

export const accumulation: OperatorFamily = {
  'com.microsoft.InPlaceAccumulatorV2': { infer: () => [{ type: 'bool', shape: [1] }] },
}
