import { CuvetteError } from '../../shared/problem'
import type { ValueInfoMessage } from '../onnx/messages/schema'
import { readModel } from '../onnx/model'

// A model repository of Triton Inference Server: <name>/config.pbtxt and <name>/1/model.onnx. (Triton documentation,
// "Model Repository" and "Model Configuration".)

/** Inside the folder of the model: its only version so far. */
export const TRITON_FILES = { config: 'config.pbtxt', model: '1/model.onnx' } as const

/** Requests of the same size are run together up to this many images. */
const LARGEST_BATCH = 8
/** How long a request waits for others, in microseconds. */
const QUEUE_DELAY_US = 500

/** ONNX element types as Triton names them. */
const TYPES: Readonly<Record<number, string>> = { 1: 'TYPE_FP32', 2: 'TYPE_UINT8', 3: 'TYPE_INT8', 4: 'TYPE_UINT16', 5: 'TYPE_INT16', 6: 'TYPE_INT32', 7: 'TYPE_INT64', 9: 'TYPE_BOOL', 10: 'TYPE_FP16', 11: 'TYPE_FP64' }

/**
 * The configuration of a model. `batching`: the images of a batch do not influence one another, so Triton may put requests
 * together; it then counts the first axis by itself, and `dims` are those of one image. Otherwise `dims` hold all axes and
 * nothing is put together. Settings of the model with a default (the quantile of a decider) are no inputs here: ONNX
 * Runtime's backend knows required inputs only.
 */
export function tritonConfig(model: Uint8Array, name: string, batching: boolean): string {
  const { graph } = readModel(model, name)
  const settings = new Set(graph?.initializer?.map((initializer) => initializer.name))
  const inputs = (graph?.input ?? []).filter((input) => !settings.has(input.name))
  const outputs = graph?.output ?? []
  const tensor = (value: ValueInfoMessage): string => {
    const { elem_type: type = 0, shape } = value.type?.tensor_type ?? {}
    const axes = (shape?.dim ?? []).map(({ dim_value: size }) => (size === undefined || Number(size) === 0 ? -1 : Number(size)))
    if (!(type in TYPES) || axes.length === 0) throw new CuvetteError('unsupported', `The model ${name} has ${value.name ?? 'a value'} of a type or rank that Triton does not serve; export it with --to onnx.`, { where: value.name })
    // An output without a batch, such as weights, cannot be shared out among requests.
    if (batching && (axes[0] !== -1 || axes.length === 1)) throw new CuvetteError('unsupported', `The model ${name} has ${value.name ?? 'a value'} without an axis for the images of a batch; name other ports.`, { where: value.name })
    return `  {\n    name: ${quoted(value.name ?? '')}\n    data_type: ${TYPES[type]}\n    dims: [ ${(batching ? axes.slice(1) : axes).join(', ')} ]\n  }`
  }
  return [
    `name: ${quoted(name)}`,
    'backend: "onnxruntime"',
    'default_model_filename: "model.onnx"',
    `max_batch_size: ${batching ? LARGEST_BATCH : 0}`,
    ...(batching ? [`dynamic_batching {\n  max_queue_delay_microseconds: ${QUEUE_DELAY_US}\n}`] : []),
    `input [\n${inputs.map(tensor).join(',\n')}\n]`,
    `output [\n${outputs.map(tensor).join(',\n')}\n]`,
  ].join('\n') + '\n'
}

/** A folder name that Triton takes for the name of a model. */
export function tritonName(pipeline: string): string {
  return pipeline.normalize('NFKD').replace(/[^A-Za-z0-9._-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '') || 'pipeline'
}

/** Text of the protobuf text format: quotes, backslashes and control characters escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/[\u0000-\u001f]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)}"`
}
