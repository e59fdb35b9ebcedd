import type { TrainedRecord } from '../inference/trained-pipeline'
import { withoutDefaults } from '../onnx/messages/defaults'
import { decodeModelMessage } from '../onnx/messages/schema'
import type { Pipeline } from '../pipeline/pipeline'
import { stateKey } from '../pipeline/state'

/** README of exported training artifacts: what the files are, and how a training runtime uses them. `model`: the training model. */
export function artifactsReadme({ cuvette, epochs, checkpoints, seed, data }: TrainedRecord, pipeline: Pipeline, model: Uint8Array): string {
  const [{ shape: [, , bands] }] = data
  const trained = checkpoints?.restored ?? epochs.length
  return `# Training artifacts

Written by Cuvette ${cuvette} after ${trained} epoch${trained === 1 ? '' : 's'} with seed ${seed}, on cubes of ${bands} bands.

| file | what |
|---|---|
| training_model.onnx | forward pass, loss and gradients; parameters are inputs |
| eval_model.onnx | forward pass and loss; parameters are inputs, and the outputs are the same |
| optimizer_model.onnx | the optimizer, with its constants |
| checkpoint | parameters, moments and steps of the optimizer, and where the training stood |

The on-device training API of ONNX Runtime up to 1.19.2 loads all four files. Beside parameters and what belongs to the
accumulation of gradients, training_model.onnx takes these inputs; eval_model.onnx takes those of them that it names:

| input | type | meaning |
|---|---|---|
${inputsOf(pipeline, model, bands).map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

An input that may be left out has its default in the file. The training API takes the default and does not offer the
input; stock ONNX Runtime takes other values once the default is removed from the file.

Stock ONNX Runtime loads training_model.onnx and eval_model.onnx too: the gradients come out as
\`<parameter>_grad\`, and the optimizer is left to the caller. What moves without a gradient, such as a center, is an
input, and its next value is the output \`<name>.next\`. The settings \`<node>.alpha\` say how far it moves; 0 holds it still.
`
}

function inputsOf(pipeline: Pipeline, model: Uint8Array, bands: number): string[][] {
  const present = new Set(decodeModelMessage(model).graph?.input?.map(({ name }) => name))
  const { defaults } = withoutDefaults(model)
  const rows = [['cube', `float32 [B, H, W, ${bands}]`, 'the pixels as stored; loose pixels are [1, 1, n, C]']]
  if (present.has('targets')) rows.push(['targets', 'bool [B, H, W, 1]', 'whether a pixel is anomalous'])
  const scheduled = new Map(pipeline.nodes.flatMap(({ name, type, parameters }) => Object.entries(type.schedule?.(parameters, 0) ?? {}).map(([setting, value]) => [stateKey(name, setting), value] as const)))
  for (const [name, { data }] of defaults) {
    const first = scheduled.get(name)
    const follows = first === undefined ? '' : `; a setting that follows the epochs, ${first} in the first`
    rows.push([name, 'float32, one number', `optional: ${data[0]} when it is left out${follows}`])
  }
  for (const { name: node, type, parameters } of pipeline.nodes) {
    for (const { name, shape, draw } of type.noise?.(parameters) ?? []) {
      const meaning = draw === 'uniform' ? 'uniform noise from [0, 1)' : 'standard normal noise'
      if (present.has(stateKey(node, name))) rows.push([stateKey(node, name), `float32 [${shape.join(', ')}]`, `${meaning}, drawn anew for every batch`])
    }
  }
  return rows.map(([name, ...cells]) => [`\`${name}\``, ...cells])
}
