import type { TrainedRecord } from '../inference/trained-pipeline'
import type { TrainingGuide, TrainingInput } from './training-inputs'

/** Longest list of numbers that stands in the README; the others are in inputs.json alone. */
const SHORT = 8

/** README of exported training artifacts: what the files are, and how a training runtime uses them. */
export function artifactsReadme({ cuvette, seed, data }: TrainedRecord, guide: TrainingGuide): string {
  const [{ shape: [, , bands] }] = data
  const { inputs, images, epochsDone, epochs, batch, accumulate, gradientClip, learningRates } = guide
  const moving = inputs.filter(({ next }) => next !== undefined)
  const scheduled = inputs.filter(({ byEpoch }) => byEpoch !== undefined)
  const rows = [
    ['batch', batch],
    ['gradients', `${accumulate === 1 ? 'of each batch' : `added up over ${accumulate} batches`}${gradientClip ? `, held back by their ${gradientClip.kind} at ${gradientClip.limit}` : ''}`],
    ['learning rate', learningRates ? byEpochWords(learningRates) : 'follows the validation, see pipeline.yaml of the trained pipeline'],
    ...scheduled.map(({ name, byEpoch }) => [`\`${name}\``, byEpochWords(byEpoch ?? [])]),
  ]
  return `# Training artifacts

Written by Cuvette ${cuvette} after ${epochsDone} epoch${epochsDone === 1 ? '' : 's'} with seed ${seed}, on cubes of ${bands} bands.

| file | what |
|---|---|
| training_model.onnx | forward pass, loss and gradients; parameters are inputs |
| eval_model.onnx | forward pass and loss; parameters are inputs, and the outputs are the same |
| optimizer_model.onnx | the optimizer, with its constants |
| checkpoint | parameters, moments and steps of the optimizer, and where the training stood |
| inputs.json | the two tables below, with every number |

The on-device training API of ONNX Runtime up to 1.19.2 loads the first four. Beside parameters and what belongs to the
accumulation of gradients, training_model.onnx takes these inputs; eval_model.onnx takes those of them that it names:

| input | type | meaning |
|---|---|---|
${table(inputs.map((input) => [`\`${input.name}\``, typeWords(input), meaningOf(input)]))}

An input that may be left out has its default in the file. The training API takes the default and does not offer the
input; stock ONNX Runtime takes other values once the default is removed from the file.
${moving.length === 0 ? '' : `
What moves without a gradient is not among the parameters. Feed the values of inputs.json in the first step, and in each
further one the output \`<name>.next\` of the step before, also within an accumulation; feed the last values to
eval_model.onnx. Fed the same values again and again, it stands still.
`}
## Suggested schedule

The document trains ${epochs} epoch${epochs === 1 ? '' : 's'}. This checkpoint goes on with epoch ${epochsDone + 1}; from the last epoch on, keep its values.

| what | value |
|---|---|
${table(rows)}

The training API adds gradients up, whereas the app takes their mean; AdamW makes the same step of both, but for its
epsilon. In JavaScript the training API steps with a learning rate of 0.001; another one is a factor in front of the
optimizer inside optimizer_model.onnx.

Stock ONNX Runtime loads training_model.onnx and eval_model.onnx too: the gradients come out as
\`<parameter>_grad\`, and the optimizer is left to the caller. ${images ? 'The models look at images, so training goes on in the folder of the pipeline, with `cuvette fit --resume`.' : '`cuvette fit --artifacts` trains on from this folder.'}
`
}

function meaningOf({ meaning, default: fallback, byEpoch, next, first }: TrainingInput): string {
  const parts = [meaning.replaceAll('|', '\\|').replace(/\.$/, '')]
  if (fallback !== undefined) parts.push(`optional, ${Number(fallback.toPrecision(7))} when it is left out`)
  if (byEpoch) parts.push('see the schedule below')
  if (next !== undefined) parts.push(`next value: output \`${next}\``)
  if (first && first.length <= SHORT) parts.push(`first value: ${first.map((value) => Number(value.toPrecision(6))).join(', ')}`)
  return parts.join('; ')
}

function typeWords({ type, shape }: TrainingInput): string {
  return shape.length === 0 ? `${type}, one number` : `${type} [${shape.join(', ')}]`
}

/** Numbers of the epochs from the first on. */
function byEpochWords(values: readonly number[]): string {
  const figures = values.map((value) => Number(value.toPrecision(4)))
  if (new Set(figures).size === 1) return String(figures[0])
  if (figures.length <= SHORT) return figures.join(', ')
  return `${figures.slice(0, 4).join(', ')}, ... ${figures[figures.length - 1]}`
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
