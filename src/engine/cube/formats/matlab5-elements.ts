import { constants, inflateSync } from 'node:zlib'
import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { BYTES_PER_ELEMENT } from '../numbers'
import type { Variable } from './variables'

// The MATLAB 5 file: a header of 128 bytes, then data elements, each a tag (type, byte count) and its
// bytes. An array is a "matrix" element made of smaller elements, or a compressed element that holds one.
// (MathWorks, "MAT-File Format", chapter 1.)

export const HEADER_BYTES = 128

/** Bytes in the file; flags, dimensions and a name need far less. Compressed ones may grow by 1032. */
const LARGEST_ARRAY_HEADER = 256 * 1024
const LARGEST_PACKED_HEADER = 16 * 1024
/** Names of the fields of a struct. */
const LARGEST_NAMES = 1024 * 1024

const MATRIX = 14
const COMPRESSED = 15

/** Types of data elements that hold numbers. */
const STORED_TYPES: Record<number, CubeDataType> = {
  1: 'int8', 2: 'uint8', 3: 'int16', 4: 'uint16', 5: 'int32', 6: 'uint32', 7: 'float32', 9: 'float64', 12: 'int64', 13: 'uint64',
}

/** Array classes. The numeric ones are 6 to 15; their numbers may be stored in a smaller type. */
const CLASSES: Record<number, string> = {
  1: 'cell', 2: 'struct', 3: 'object', 4: 'char', 5: 'sparse', 6: 'float64', 7: 'float32', 8: 'int8', 9: 'uint8',
  10: 'int16', 11: 'uint16', 12: 'int32', 13: 'uint32', 14: 'int64', 15: 'uint64', 16: 'function', 17: 'object',
}

const COMPLEX_FLAG = 0x08
const LOGICAL_FLAG = 0x02

/** A top-level element. */
interface Element {
  type: number
  /** Byte position and length of its content in the file. */
  start: number
  length: number
}

/** An array of a MATLAB 5 file and where its numbers lie. */
export interface Matlab5Variable extends Variable {
  /** Type of the stored numbers (of a complex array: of the real parts); null for cells, structs, text and sparse arrays. */
  stored: CubeDataType | null
  /** Where the imaginary parts of a complex array are, as an element of their own, counted like `dataStart`; otherwise null. */
  imaginary: number | null
  /** Bytes of the whole array when it is decompressed; 0 where it is not compressed. */
  inflatedLength: number
  /** Whether `element` is compressed; then `dataStart` counts in the decompressed bytes. */
  compressed: boolean
  element: Element
  dataStart: number
  dataBytes: number
}

export interface Matlab5File {
  littleEndian: boolean
  variables: Matlab5Variable[]
}

/** Whether the first 128 bytes are a MATLAB 5 header: version 1 and the endian mark. */
export function isMatlab5(head: Uint8Array): boolean {
  if (head.length < HEADER_BYTES) return false
  const mark = String.fromCharCode(head[126], head[127])
  return (mark === 'IM' && head[125] === 1) || (mark === 'MI' && head[124] === 1)
}

/**
 * Lists the arrays of a file, and those in its structs one level deep ("data.cube"); reads tags and array headers only.
 * `inflate` opens the decompressed bytes of a struct; null where they are too many to look through.
 * Throws CuvetteError('truncated' | 'bad-data').
 */
export async function listMatlab5(source: ByteSource, size: number, inflate: (struct: Matlab5Variable) => ByteSource | null): Promise<Matlab5File> {
  const head = new Uint8Array(HEADER_BYTES)
  await source.read(0, head)
  const littleEndian = head[126] === 0x49
  const variables: Matlab5Variable[] = []
  for (let position = HEADER_BYTES; position < size; ) {
    if (size - position < 8) throw truncated(source.path, position + 8, size)
    const tag = new Uint8Array(8)
    await source.read(position, tag)
    const view = new DataView(tag.buffer)
    const element: Element = { type: view.getUint32(0, littleEndian), start: position + 8, length: view.getUint32(4, littleEndian) }
    if (element.type > 18 && element.type >>> 16 === 0) throw damaged(source.path, `an element of unknown type ${element.type} at byte ${position}`)
    if (element.start + element.length > size) throw truncated(source.path, element.start + element.length, size)
    if (element.type === MATRIX || element.type === COMPRESSED) {
      const variable = await readVariable(source, element, littleEndian)
      if (variable) variables.push(variable)
      if (variable?.dtype === 'struct' && variable.shape.every((extent) => extent === 1)) variables.push(...await fieldsOf(source, variable, littleEndian, inflate))
    }
    position = element.start + element.length
  }
  return { littleEndian, variables }
}

async function readVariable(source: ByteSource, element: Element, littleEndian: boolean): Promise<Matlab5Variable | null> {
  // The array's own header is short, but its dimensions and name have no fixed size.
  for (let limit = 1024; ; limit *= 16) {
    const taken = Math.min(limit, element.length)
    const bytes = new Uint8Array(taken)
    await source.read(element.start, bytes)
    const parsed = element.type === MATRIX ? parseMatrix(bytes, 0, element, littleEndian, source.path) : parseCompressed(bytes, element, littleEndian, source.path)
    if (parsed !== 'more') return parsed
    if (taken === element.length || limit >= (element.type === MATRIX ? LARGEST_ARRAY_HEADER : LARGEST_PACKED_HEADER)) throw damaged(source.path, `an array whose header is cut off at byte ${element.start}`)
  }
}

async function fieldsOf(file: ByteSource, struct: Matlab5Variable, littleEndian: boolean, inflate: (struct: Matlab5Variable) => ByteSource | null): Promise<Matlab5Variable[]> {
  if (!struct.compressed) return structFields(file, struct, struct.element.start, struct.element.start + struct.element.length, littleEndian)
  const source = inflate(struct)
  if (!source) return []
  try {
    return await structFields(source, struct, 8, struct.inflatedLength, littleEndian)
  } finally {
    await source.close()
  }
}

/** After flags, dimensions and name: the length of a field name, all names, and one matrix a field. */
async function structFields(source: ByteSource, struct: Matlab5Variable, start: number, end: number, littleEndian: boolean): Promise<Matlab5Variable[]> {
  let position = start
  async function next(): Promise<Element> {
    if (position + 8 > end) throw damaged(source.path, `the struct "${struct.name}" that is cut off`)
    const tag = new DataView((await bytesAt(source, position, 8)).buffer)
    const word = tag.getUint32(0, littleEndian)
    const small = word >>> 16
    const element = small > 0
      ? { type: word & 0xffff, start: position + 4, length: Math.min(small, 4) }
      : { type: word, start: position + 8, length: tag.getUint32(4, littleEndian) }
    if (element.start + element.length > end) throw damaged(source.path, `a field of the struct "${struct.name}" that is longer than the struct`)
    position = small > 0 ? position + 8 : element.start + Math.ceil(element.length / 8) * 8
    return element
  }

  await next()
  await next()
  await next()
  const width = await next()
  const names = await next()
  const nameBytes = width.length === 4 ? new DataView((await bytesAt(source, width.start, 4)).buffer).getInt32(0, littleEndian) : 0
  if (nameBytes < 1 || names.length % nameBytes !== 0 || names.length > LARGEST_NAMES) throw damaged(source.path, `names of fields that are not understood in the struct "${struct.name}"`)
  const text = new TextDecoder('latin1').decode(await bytesAt(source, names.start, names.length))
  const fields: Matlab5Variable[] = []
  for (let field = 0; field < names.length / nameBytes; field += 1) {
    const element = await next()
    if (element.type !== MATRIX) throw damaged(source.path, `a field of type ${element.type} in the struct "${struct.name}"`)
    const variable = await readVariable(source, element, littleEndian)
    const name = `${struct.name}.${text.slice(field * nameBytes, (field + 1) * nameBytes).replace(/\0[^]*$/, '')}`
    if (variable) fields.push({ ...variable, name, compressed: struct.compressed, inflatedLength: struct.inflatedLength, element: struct.compressed ? struct.element : element })
  }
  return fields
}

/** Type and place of the imaginary parts of a complex array. Throws CuvetteError('bad-data'). */
export async function imaginaryPart(source: ByteSource, { name, shape, imaginary }: Matlab5Variable, littleEndian: boolean): Promise<{ dtype: CubeDataType; start: number }> {
  const position = imaginary ?? 0
  const tag = new DataView((await bytesAt(source, position, 8)).buffer)
  const word = tag.getUint32(0, littleEndian)
  const small = word >>> 16
  const dtype = STORED_TYPES[small > 0 ? word & 0xffff : word]
  const length = small > 0 ? small : tag.getUint32(4, littleEndian)
  const elements = shape.reduce((product, size) => product * size, 1)
  if (!dtype || length !== elements * BYTES_PER_ELEMENT[dtype]) throw damaged(source.path, `imaginary parts of ${length} bytes in the variable "${name}", where ${shape.join(' x ')} numbers are expected`)
  return { dtype, start: position + (small > 0 ? 4 : 8) }
}

async function bytesAt(source: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await source.read(position, bytes)
  return bytes
}

function parseCompressed(bytes: Uint8Array, element: Element, littleEndian: boolean, path: string): Matlab5Variable | null | 'more' {
  let inflated: Uint8Array
  try {
    inflated = inflateSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (error) {
    throw damaged(path, `compressed data at byte ${element.start} that cannot be decompressed`, error)
  }
  if (inflated.length < 8) return 'more'
  const view = new DataView(inflated.buffer, inflated.byteOffset, inflated.length)
  if (view.getUint32(0, littleEndian) !== MATRIX) return null
  const parsed = parseMatrix(inflated, 8, element, littleEndian, path)
  return parsed && parsed !== 'more' ? { ...parsed, inflatedLength: 8 + view.getUint32(4, littleEndian) } : parsed
}

/** Reads flags, dimensions, name and the tag of the numbers; 'more' when `bytes` ends before. */
function parseMatrix(bytes: Uint8Array, start: number, element: Element, littleEndian: boolean, path: string): Matlab5Variable | null | 'more' {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let position = start
  function next(): { type: number; content: number; length: number } | null {
    if (position + 8 > bytes.length) return null
    const word = view.getUint32(position, littleEndian)
    // Up to four bytes are packed into the tag itself.
    const small = word >>> 16
    const tag = small > 0
      ? { type: word & 0xffff, content: position + 4, length: small }
      : { type: word, content: position + 8, length: view.getUint32(position + 4, littleEndian) }
    if (small > 4) throw damaged(path, `a small element of ${small} bytes in the array at byte ${element.start}`)
    position = small > 0 ? position + 8 : tag.content + Math.ceil(tag.length / 8) * 8
    return tag
  }

  if (element.length === 0) return null
  const flags = next()
  const dimensions = next()
  const name = dimensions && next()
  if (!flags || !dimensions || !name || name.content + name.length > bytes.length) return 'more'
  const word = view.getUint32(flags.content, littleEndian)
  const className = CLASSES[word & 0xff]
  if (!className || dimensions.type !== 5 || dimensions.length % 4 !== 0) {
    throw damaged(path, `an array header that is not understood at byte ${element.start}`)
  }
  const shape = Array.from({ length: dimensions.length / 4 }, (_, axis) => view.getInt32(dimensions.content + 4 * axis, littleEndian))
  if (shape.some((size) => size < 0)) throw damaged(path, `an array of ${shape.join(' x ')} at byte ${element.start}`)
  const text = new TextDecoder('latin1').decode(bytes.subarray(name.content, name.content + name.length))
  const compressed = element.type === COMPRESSED
  const flagBits = (word >>> 8) & 0xff
  const classNumber = word & 0xff
  const plain = { name: text, shape, numeric: false, stored: null, imaginary: null, inflatedLength: 0, compressed, element, dataStart: 0, dataBytes: 0 }
  if (classNumber < 6 || classNumber > 15) return { ...plain, dtype: className }
  const complex = (flagBits & COMPLEX_FLAG) !== 0

  const data = next()
  if (!data) return 'more'
  const stored = STORED_TYPES[data.type]
  if (!stored) throw damaged(path, `numbers of unknown type ${data.type} in the variable "${text}"`)
  const expected = shape.reduce((product, size) => product * size, 1) * BYTES_PER_ELEMENT[stored]
  if (data.length !== expected) {
    throw damaged(path, `${data.length} bytes of numbers in the variable "${text}", where ${shape.join(' x ')} of ${stored} take ${expected}`)
  }
  if (!compressed && data.content + data.length > element.length) throw damaged(path, `the variable "${text}" longer than its element`)
  const dataStart = compressed ? data.content : element.start + data.content
  const imaginary = complex ? (compressed ? position : element.start + position) : null
  const dtype = complex ? `complex ${className}` : flagBits & LOGICAL_FLAG ? 'logical' : stored
  return { name: text, shape, dtype, numeric: true, stored, imaginary, inflatedLength: 0, compressed, element, dataStart, dataBytes: data.length }
}

function truncated(path: string, expected: number, found: number): CuvetteError {
  return new CuvetteError('truncated', `${path} holds ${found} bytes, but its contents need ${expected}; it is incomplete, so copy or export it again.`, { path })
}

function damaged(path: string, what: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-data', `${path} is damaged: it holds ${what}; copy or export it again.`, { path, cause })
}
