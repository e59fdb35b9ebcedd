import type { SafeTensor, SafeTensorType } from './safetensors'

/** How the numbers of a storage are stored, and what they become. */
export interface StorageType {
  /** As PyTorch names it. */
  dtype: string
  type: SafeTensorType
  /** Bytes of an element. */
  width: number
  decode(bytes: Uint8Array, bigEndian: boolean): SafeTensor['data']
}

/** By the name of the storage class in front of "Storage". */
export const storageTypes: Readonly<Record<string, StorageType>> = {
  Float: { dtype: 'float32', type: 'float32', width: 4, decode: (bytes, big) => new Float32Array(native(bytes, 4, big)) },
  Double: { dtype: 'float64', type: 'float64', width: 8, decode: (bytes, big) => new Float64Array(native(bytes, 8, big)) },
  Half: { dtype: 'float16', type: 'float32', width: 2, decode: (bytes, big) => Float32Array.from(new Uint16Array(native(bytes, 2, big)), halfToFloat) },
  BFloat16: { dtype: 'bfloat16', type: 'float32', width: 2, decode: (bytes, big) => new Float32Array(Uint32Array.from(new Uint16Array(native(bytes, 2, big)), (bits) => bits << 16).buffer) },
  Long: { dtype: 'int64', type: 'int64', width: 8, decode: (bytes, big) => new BigInt64Array(native(bytes, 8, big)) },
  Int: { dtype: 'int32', type: 'int32', width: 4, decode: (bytes, big) => new Int32Array(native(bytes, 4, big)) },
  Short: { dtype: 'int16', type: 'int32', width: 2, decode: (bytes, big) => Int32Array.from(new Int16Array(native(bytes, 2, big))) },
  Char: { dtype: 'int8', type: 'int32', width: 1, decode: (bytes) => Int32Array.from(new Int8Array(bytes)) },
  Byte: { dtype: 'uint8', type: 'uint8', width: 1, decode: (bytes) => Uint8Array.from(bytes) },
  Bool: { dtype: 'bool', type: 'bool', width: 1, decode: (bytes) => Uint8Array.from(bytes, (byte) => (byte === 0 ? 0 : 1)) },
}

/** A copy of the bytes, elements turned round where the file is big-endian. Every machine that Electron runs on is little-endian. */
function native(bytes: Uint8Array, width: number, bigEndian: boolean): ArrayBuffer {
  const copy = Uint8Array.from(bytes)
  if (bigEndian) for (let at = 0; at + width <= copy.length; at += width) copy.subarray(at, at + width).reverse()
  return copy.buffer
}

/** IEEE 754 binary16. */
function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
