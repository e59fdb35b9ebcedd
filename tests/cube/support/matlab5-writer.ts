import { deflateSync } from 'node:zlib'

// A tiny writer of MATLAB 5 files, for tests.

const STORED = { int8: 1, uint8: 2, int16: 3, uint16: 4, int32: 5, uint32: 6, float32: 7, float64: 9, int64: 12, uint64: 13 } as const
export type StoredType = keyof typeof STORED
const CLASSES = { cell: 1, struct: 2, char: 4, sparse: 5, double: 6, single: 7, int8: 8, uint8: 9, int16: 10, uint16: 11, int32: 12, uint32: 13, int64: 14, uint64: 15 } as const

export interface MatlabArray {
  name: string
  /** MATLAB class; default double. */
  matlabClass?: keyof typeof CLASSES
  shape: number[]
  /** Type in which the numbers are stored; default float64. */
  stored?: StoredType
  /** Column-major. */
  values: number[]
  logical?: boolean
  complex?: boolean
  compressed?: boolean
  /** Of a struct; `shape` is then [1, 1] and `values` empty. */
  fields?: MatlabArray[]
}

export function matlab5Bytes(arrays: MatlabArray[], little = true): Buffer {
  const head = Buffer.alloc(128, 0x20)
  head.write('MATLAB 5.0 MAT-file, written by a test \xc4\xe3', 'latin1')
  head.fill(0, 116, 124)
  head.set(little ? [0x00, 0x01, 0x49, 0x4d] : [0x01, 0x00, 0x4d, 0x49], 124)
  return Buffer.concat([head, ...arrays.map((array) => topLevel(array, little))])
}

function topLevel(array: MatlabArray, little: boolean): Buffer {
  const matrix = element(14, matrixContent(array, little), little)
  if (!array.compressed) return matrix
  const packed = deflateSync(matrix)
  // Compressed elements are not padded.
  return Buffer.concat([tag(15, packed.length, little), packed])
}

function matrixContent({ name, matlabClass = 'double', shape, stored = 'float64', values, logical, complex, fields }: MatlabArray, little: boolean): Buffer {
  const flags = Buffer.alloc(8)
  put32(flags, 0, CLASSES[matlabClass] | (logical ? 0x200 : 0) | (complex ? 0x800 : 0), little)
  const dimensions = Buffer.alloc(4 * shape.length)
  shape.forEach((size, axis) => put32(dimensions, 4 * axis, size, little))
  const parts = [element(6, flags, little), element(5, dimensions, little), element(1, Buffer.from(name, 'latin1'), little)]
  if (fields) {
    const width = Buffer.alloc(4)
    put32(width, 0, 32, little)
    const names = Buffer.concat(fields.map((field) => Buffer.concat([Buffer.from(field.name), Buffer.alloc(32)]).subarray(0, 32)))
    // Fields have no names of their own.
    return Buffer.concat([...parts, element(5, width, little), element(1, names, little), ...fields.map((field) => element(14, matrixContent({ ...field, name: '' }, little), little))])
  }
  const numbers = element(STORED[stored], numbersOf(values, stored, little), little)
  return Buffer.concat([...parts, numbers, ...(complex ? [numbers] : [])])
}

function numbersOf(values: number[], stored: StoredType, little: boolean): Buffer {
  const width = { int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, float32: 4, float64: 8, int64: 8, uint64: 8 }[stored]
  const bytes = Buffer.alloc(values.length * width)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  values.forEach((value, n) => {
    const at = n * width
    if (stored === 'int8') view.setInt8(at, value)
    else if (stored === 'uint8') view.setUint8(at, value)
    else if (stored === 'int16') view.setInt16(at, value, little)
    else if (stored === 'uint16') view.setUint16(at, value, little)
    else if (stored === 'int32') view.setInt32(at, value, little)
    else if (stored === 'uint32') view.setUint32(at, value, little)
    else if (stored === 'float32') view.setFloat32(at, value, little)
    else if (stored === 'float64') view.setFloat64(at, value, little)
    else if (stored === 'int64') view.setBigInt64(at, BigInt(value), little)
    else view.setBigUint64(at, BigInt(value), little)
  })
  return bytes
}

/** Up to four bytes are packed into the tag; longer content is padded to eight. */
function element(type: number, content: Buffer, little: boolean): Buffer {
  if (content.length > 0 && content.length <= 4) {
    const small = Buffer.alloc(8)
    put32(small, 0, (content.length << 16) | type, little)
    content.copy(small, 4)
    return small
  }
  return Buffer.concat([tag(type, content.length, little), content, Buffer.alloc((8 - (content.length % 8)) % 8)])
}

function tag(type: number, length: number, little: boolean): Buffer {
  const bytes = Buffer.alloc(8)
  put32(bytes, 0, type, little)
  put32(bytes, 4, length, little)
  return bytes
}

function put32(bytes: Buffer, at: number, value: number, little: boolean): void {
  if (little) bytes.writeUInt32LE(value, at)
  else bytes.writeUInt32BE(value, at)
}

/** (line, sample, band) in column-major order. */
export function columnMajor(shape: readonly [number, number, number], value: (line: number, sample: number, band: number) => number): number[] {
  const [lines, samples, bands] = shape
  const values: number[] = []
  for (let band = 0; band < bands; band += 1) for (let sample = 0; sample < samples; sample += 1) for (let line = 0; line < lines; line += 1) values.push(value(line, sample, band))
  return values
}
