import { CuvetteError } from '../../../shared/problem'
import { onnxTypeName, onnxTypeOf, readAs } from '../element-types'
import type { ElementType, Tensor, TensorData } from '../tensor'
import { elementCount } from '../tensor'
import type { Integer, TensorMessage } from './schema'

// Tensors in ONNX files: dims, element type, little-endian bytes in row-major order.

export function tensorMessage(name: string, tensor: Tensor): TensorMessage {
  const { data } = tensor
  return {
    dims: [...tensor.shape],
    data_type: onnxTypeOf(tensor.type),
    name,
    raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }
}

/** Half precision becomes float32. Refuses data outside the file, element types that our graphs do not use, and wrong lengths. */
export function tensorFromMessage(message: TensorMessage, path: string): Tensor {
  const name = message.name ?? ''
  const refuse = (sentence: string): never => {
    throw new CuvetteError('bad-artifact', `The tensor ${name || '(unnamed)'} in the model ${sentence}.`, { path, where: name || undefined })
  }
  if (message.data_location === 1 || (message.external_data?.length ?? 0) > 0) {
    refuse('keeps its data in another file; save the model with all data inside')
  }
  const type = readAs(message.data_type ?? 0)
  if (!type) return refuse(`has the element type ${onnxTypeName(message.data_type ?? 0)}; float32, float16, bfloat16, float64, int32, int64, uint8 or bool is expected`)
  const shape = (message.dims ?? []).map(toNumber)
  const count = elementCount(shape)
  if (shape.some((size) => size < 0) || !Number.isSafeInteger(count)) refuse(`has the shape [${shape.join(', ')}]`)
  const data = dataOf(message, type)
  if (!data || data.length !== count) {
    refuse(`holds ${data ? `${data.length} numbers` : 'a broken number of bytes'}; its shape [${shape.join(', ')}] needs ${count}`)
  }
  return { type, shape, data: data as TensorData[ElementType] }
}

export function toNumber(integer: Integer): number {
  return typeof integer === 'number' ? integer : Number(integer.toString())
}

const arrays = { float32: Float32Array, float64: Float64Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, bool: Uint8Array }

function dataOf(message: TensorMessage, type: ElementType): TensorData[ElementType] | null {
  if (message.data_type === 10 || message.data_type === 16) return halves(message, message.data_type === 10 ? fromHalf : fromBrain)
  const raw = message.raw_data
  if (raw && raw.length > 0) {
    const Data = arrays[type]
    if (raw.length % Data.BYTES_PER_ELEMENT !== 0) return null
    // A copy: the bytes in the file lie at any offset.
    return new Data(new Uint8Array(raw).buffer)
  }
  switch (type) {
    case 'float32':
      return Float32Array.from(message.float_data ?? [])
    case 'float64':
      return Float64Array.from(message.double_data ?? [])
    case 'int64':
      return BigInt64Array.from((message.int64_data ?? []).map((integer) => BigInt(integer.toString())))
    case 'int32':
      return Int32Array.from(message.int32_data ?? [])
    default:
      return Uint8Array.from(message.int32_data ?? [])
  }
}

function halves(message: TensorMessage, convert: (bits: number) => number): Float32Array | null {
  const raw = message.raw_data
  if (!raw || raw.length === 0) return Float32Array.from(message.int32_data ?? [], convert)
  if (raw.length % 2 !== 0) return null
  const result = new Float32Array(raw.length / 2)
  for (let index = 0; index < result.length; index += 1) result[index] = convert(raw[2 * index] | (raw[2 * index + 1] << 8))
  return result
}

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const bits = new DataView(new ArrayBuffer(4))

/** bfloat16: the upper half of a float32. */
function fromBrain(upper: number): number {
  bits.setUint32(0, (upper & 0xffff) * 65536)
  return bits.getFloat32(0)
}
