import { CuvetteError } from '../../../shared/problem'
import { onnxTypeName, readAs } from '../element-types'
import type { Attribute, Dimension, GraphNode, Value } from '../graph'
import type { AttributeMessage, NodeMessage, ValueInfoMessage } from '../messages/schema'
import { tensorFromMessage, toNumber } from '../messages/tensor'
import type { Tensor } from '../tensor'

// The parts of a model file in our words.

/** What the file says of a value. Half precision is read as float32. */
export function valueOf(info: ValueInfoMessage, path: string): Value {
  const name = info.name ?? ''
  const tensor = info.type?.tensor_type
  if (!tensor) throw new CuvetteError('unsupported', `The value ${name} of the model is not a tensor.`, { path, where: name })
  const type = readAs(tensor.elem_type ?? 0)
  if (!type) {
    throw new CuvetteError('bad-artifact', `The value ${name} of the model has the element type ${onnxTypeName(tensor.elem_type ?? 0)}; float32, float16, bfloat16, float64, int32, int64, uint8 or bool is expected.`, { path, where: name })
  }
  if (!tensor.shape) throw new CuvetteError('unsupported', `The value ${name} of the model has no stated number of axes.`, { path, where: name })
  const shape = (tensor.shape.dim ?? []).map((dim, axis): Dimension => (Object.hasOwn(dim, 'dim_value') ? toNumber(dim.dim_value ?? 0) : dim.dim_param || `${name}.${axis}`))
  return { name, type, shape }
}

/** A node as the file states it. Subgraphs are refused, naming the operator. */
export function nodeOf(message: NodeMessage, index: number, path: string): GraphNode {
  const op = message.op_type ?? ''
  const name = message.name || `${op}_${index}`
  return {
    op,
    domain: message.domain === 'ai.onnx' ? '' : (message.domain ?? ''),
    name,
    inputs: message.input ?? [],
    outputs: message.output ?? [],
    attributes: Object.fromEntries((message.attribute ?? []).map((attribute) => [attribute.name ?? '', attributeOf(attribute, op, name, path)])),
  }
}

function attributeOf(message: AttributeMessage, op: string, node: string, path: string): Attribute {
  switch (message.type) {
    case 1:
      return { kind: 'float', value: message.f ?? 0 }
    case 2:
      return { kind: 'int', value: toNumber(message.i ?? 0) }
    case 3:
      return { kind: 'string', value: new TextDecoder().decode(message.s ?? new Uint8Array()) }
    case 4:
      return { kind: 'tensor', value: tensorFromMessage(message.t ?? {}, path) }
    case 6:
      return { kind: 'floats', value: [...(message.floats ?? [])] }
    case 7:
      return { kind: 'ints', value: (message.ints ?? []).map(toNumber) }
    default:
      throw new CuvetteError('unsupported', `The operator ${op} at ${node} has an attribute ${message.name ?? ''} of a kind that is not supported (control flow that depends on data, or a list of texts).`, { path, where: node })
  }
}

/** What a Constant holds. */
export function literalOf(node: GraphNode, path: string): Tensor {
  const { value, value_float: number, value_floats: numbers, value_int: integer, value_ints: integerList } = node.attributes
  if (value?.kind === 'tensor') return value.value
  if (number?.kind === 'float') return { type: 'float32', shape: [], data: Float32Array.of(number.value) }
  if (numbers?.kind === 'floats') return { type: 'float32', shape: [numbers.value.length], data: Float32Array.from(numbers.value) }
  if (integer?.kind === 'int') return { type: 'int64', shape: [], data: BigInt64Array.of(BigInt(integer.value)) }
  if (integerList?.kind === 'ints') return { type: 'int64', shape: [integerList.value.length], data: BigInt64Array.from(integerList.value, BigInt) }
  throw new CuvetteError('unsupported', `The constant at ${node.name} holds texts or sparse numbers, which are not supported.`, { path, where: node.name })
}
