import type { TrainedRecord } from '../inference/trained-pipeline'

/** README of exported training artifacts: what the files are, and how a training runtime uses them. */
export function artifactsReadme({ cuvette, epochs, seed, data }: TrainedRecord): string {
  const [{ shape: [, , bands] }] = data
  return `# Training artifacts

Written by Cuvette ${cuvette} after ${epochs.length} epoch${epochs.length === 1 ? '' : 's'} with seed ${seed}, on cubes of ${bands} bands.

| file | what |
|---|---|
| training_model.onnx | forward pass, loss and gradients; parameters are inputs |
| eval_model.onnx | forward pass and loss, with the same inputs and outputs |
| optimizer_model.onnx | the optimizer, with its constants |
| checkpoint | parameters, moments and steps of the optimizer, and where the training stood |

The on-device training API of ONNX Runtime up to 1.19.2 loads all four files. The input \`cube\` is float32
[B, H, W, ${bands}]; loose pixels are [1, 1, n, ${bands}].

Stock ONNX Runtime loads training_model.onnx and eval_model.onnx too: the gradients come out as
\`<parameter>_grad\`, and the optimizer is left to the caller. What moves without a gradient, such as a center, is an
input, and its next value is the output \`<name>.next\`. The settings \`<node>.alpha\` say how far it moves; 0 holds it still.
`
}
