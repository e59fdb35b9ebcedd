import { endianness } from 'node:os'
import type { CubeDataType } from '../../shared/cube'

/** Bytes of one element. */
export const BYTES_PER_ELEMENT: Record<CubeDataType, number> = {
  uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, uint64: 8, int64: 8,
  float16: 2, float32: 4, float64: 8, complex64: 8, complex128: 16,
}

/**
 * Converts `count` stored elements to float32. `bytes` starts on a multiple of 8 in its buffer, those of
 * float32 on one of 4, and is changed in place when the byte order is foreign. The bytes of float32 may be those of `out`.
 */
export type Decode = (bytes: Uint8Array, count: number, out: Float32Array) => void

const hostIsLittle = endianness() === 'LE'

/**
 * The decoder of a type. No-data is compared in the type of the file, before the conversion (for complex
 * values: the real part), and becomes NaN. 64-bit integers are rounded to float64 first.
 */
export function decoder(dtype: CubeDataType, littleEndian: boolean, noData: number | null): Decode {
  const convert = converter(dtype, noData)
  const width = dtype === 'complex64' ? 4 : dtype === 'complex128' ? 8 : BYTES_PER_ELEMENT[dtype]
  if (width === 1 || littleEndian === hostIsLittle) return convert
  return (bytes, count, out) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, count * BYTES_PER_ELEMENT[dtype])
    if (width === 2) buffer.swap16()
    else if (width === 4) buffer.swap32()
    else buffer.swap64()
    convert(bytes, count, out)
  }
}

function converter(dtype: CubeDataType, noData: number | null): Decode {
  switch (dtype) {
    // float32 holds these exactly, so no-data can be compared afterwards.
    case 'uint8':
      return thenBlank(noData, (bytes, count, out) => out.set(bytes.subarray(0, count)))
    case 'int8':
      return thenBlank(noData, (bytes, count, out) => out.set(new Int8Array(bytes.buffer, bytes.byteOffset, count)))
    case 'uint16':
      return thenBlank(noData, (bytes, count, out) => out.set(new Uint16Array(bytes.buffer, bytes.byteOffset, count)))
    case 'int16':
      return thenBlank(noData, (bytes, count, out) => out.set(new Int16Array(bytes.buffer, bytes.byteOffset, count)))
    case 'float16':
      return thenBlank(noData, (bytes, count, out) => {
        const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, count)
        for (let i = 0; i < count; i += 1) out[i] = half(halves[i])
      })
    case 'float32':
      return thenBlank(noData, (bytes, count, out) => {
        if (bytes.buffer !== out.buffer || bytes.byteOffset !== out.byteOffset) out.set(new Float32Array(bytes.buffer, bytes.byteOffset, count))
      })
    case 'uint32':
      return alsoBlank(noData, (bytes, count) => new Uint32Array(bytes.buffer, bytes.byteOffset, count))
    case 'int32':
      return alsoBlank(noData, (bytes, count) => new Int32Array(bytes.buffer, bytes.byteOffset, count))
    case 'float64':
      return alsoBlank(noData, (bytes, count) => new Float64Array(bytes.buffer, bytes.byteOffset, count))
    case 'uint64':
      return words(noData, (bytes, count) => new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * count))
    case 'int64':
      return words(noData, (bytes, count) => new Int32Array(bytes.buffer, bytes.byteOffset, 2 * count))
    case 'complex64':
      return magnitude(noData, (bytes, count) => new Float32Array(bytes.buffer, bytes.byteOffset, 2 * count))
    case 'complex128':
      return magnitude(noData, (bytes, count) => new Float64Array(bytes.buffer, bytes.byteOffset, 2 * count))
  }
}

/** Stored real numbers, all of them and as exact as float64 holds them: for short lists such as wavelengths. */
export function exactNumbers(bytes: Uint8Array, dtype: CubeDataType, littleEndian: boolean): number[] {
  const width = BYTES_PER_ELEMENT[dtype]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const numberAt: Partial<Record<CubeDataType, (at: number) => number>> = {
    uint8: (at) => view.getUint8(at), int8: (at) => view.getInt8(at),
    uint16: (at) => view.getUint16(at, littleEndian), int16: (at) => view.getInt16(at, littleEndian),
    uint32: (at) => view.getUint32(at, littleEndian), int32: (at) => view.getInt32(at, littleEndian),
    uint64: (at) => Number(view.getBigUint64(at, littleEndian)), int64: (at) => Number(view.getBigInt64(at, littleEndian)),
    float16: (at) => half(view.getUint16(at, littleEndian)),
    float32: (at) => view.getFloat32(at, littleEndian), float64: (at) => view.getFloat64(at, littleEndian),
  }
  const read = numberAt[dtype] ?? (() => NaN)
  return Array.from({ length: Math.floor(bytes.length / width) }, (_, n) => read(n * width))
}

/** IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 0x1f ? (fraction === 0 ? Infinity : NaN) : (1024 + fraction) * 2 ** (exponent - 25)
  return bits & 0x8000 ? -size : size
}

function thenBlank(noData: number | null, convert: Decode): Decode {
  if (noData === null || Number.isNaN(noData)) return convert
  const marker = Math.fround(noData)
  return (bytes, count, out) => {
    convert(bytes, count, out)
    for (let i = 0; i < count; i += 1) if (out[i] === marker) out[i] = NaN
  }
}

type View = Uint32Array | Int32Array | Float32Array | Float64Array

function alsoBlank(noData: number | null, view: (bytes: Uint8Array, count: number) => View): Decode {
  return (bytes, count, out) => {
    const values = view(bytes, count)
    out.set(values)
    if (noData === null) return
    for (let i = 0; i < count; i += 1) if (values[i] === noData) out[i] = NaN
  }
}

/** 64-bit integers as two words: the upper one carries the sign. */
function words(noData: number | null, view: (bytes: Uint8Array, count: number) => Uint32Array | Int32Array): Decode {
  const low = hostIsLittle ? 0 : 1
  const high = 1 - low
  return (bytes, count, out) => {
    const signed = view(bytes, count)
    const unsigned = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * count)
    for (let i = 0; i < count; i += 1) {
      const value = signed[2 * i + high] * 4294967296 + unsigned[2 * i + low]
      out[i] = value === noData ? NaN : value
    }
  }
}

function magnitude(noData: number | null, view: (bytes: Uint8Array, count: number) => Float32Array | Float64Array): Decode {
  return (bytes, count, out) => {
    const parts = view(bytes, count)
    const marker = noData !== null && parts instanceof Float32Array ? Math.fround(noData) : noData
    for (let i = 0; i < count; i += 1) out[i] = parts[2 * i] === marker ? NaN : Math.hypot(parts[2 * i], parts[2 * i + 1])
  }
}
