import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { BYTES_PER_ELEMENT } from '../numbers'

/** What the header of a NumPy array says. (NumPy enhancement proposal 1, and its versions 2 and 3.) */
export interface NpyHeader {
  /** As written: "<f4"; a structured type as "structured". */
  descr: string
  /** null for what is no plain number: text, objects, structures, dates. */
  dtype: CubeDataType | null
  littleEndian: boolean
  fortran: boolean
  shape: number[]
  /** Bytes before the numbers. */
  dataStart: number
  /** Bytes of the numbers. */
  dataBytes: number
}

/** Far more than any header of plain numbers needs. */
export const LARGEST_NPY_HEADER = 64 * 1024

const kinds: Record<string, CubeDataType> = {
  b1: 'uint8', i1: 'int8', u1: 'uint8', i2: 'int16', u2: 'uint16', i4: 'int32', u4: 'uint32', i8: 'int64', u8: 'uint64',
  f2: 'float16', f4: 'float32', f8: 'float64', c8: 'complex64', c16: 'complex128',
}

/** Whether bytes begin as a NumPy array does. */
export function isNpy(head: Uint8Array): boolean {
  return [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59].every((byte, at) => head[at] === byte)
}

/**
 * Reads a header from the first bytes of an array. `subject` begins the sentences ("/x/a.npy").
 * Throws CuvetteError: 'bad-header', 'unsupported', or 'truncated' when the header does not end within `head`.
 */
export function parseNpyHeader(head: Uint8Array, subject: string, path: string): NpyHeader {
  const bad = (problem: string): CuvetteError => new CuvetteError('bad-header', `${subject} has a NumPy header that cannot be read: ${problem}; save the array again with numpy.save.`, { path, where: 'header' })
  if (!isNpy(head)) throw bad('it does not begin with the mark of a NumPy array')
  const cutOff = new CuvetteError('truncated', `${subject} ends inside its NumPy header; copy or save it again.`, { path, where: 'header' })
  if (head.length < 12) throw cutOff
  const version = head[6]
  if (version < 1 || version > 3) throw new CuvetteError('unsupported', `${subject} is a NumPy array of version ${version}.${head[7]}; versions 1 to 3 are read, so save it again with numpy.save.`, { path, where: 'header' })
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const textStart = version === 1 ? 10 : 12
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (length > LARGEST_NPY_HEADER) throw bad(`it claims ${length} bytes`)
  if (head.length < textStart + length) throw cutOff
  const text = new TextDecoder(version === 3 ? 'utf-8' : 'latin1').decode(head.subarray(textStart, textStart + length))
  if (!/^\s*\{[^]*\}\s*$/.test(text)) throw bad('it is no dictionary')
  const valueOf = (key: string, pattern: string): string => {
    const given = [...text.matchAll(new RegExp(`['"]${key}['"]\\s*:\\s*`, 'g'))]
    if (given.length !== 1) throw bad(given.length === 0 ? `"${key}" is missing` : `"${key}" is given twice`)
    const value = new RegExp(`^${pattern}`).exec(text.slice(given[0].index + given[0][0].length))
    if (!value) throw bad(`"${key}" is not what NumPy writes`)
    return value[1]
  }
  const descr = valueOf('descr', `(\\[|'[^']*'|"[^"]*")`).replace(/['"]/g, '')
  const fortran = valueOf('fortran_order', '(True|False)') === 'True'
  const shape = shapeOf(valueOf('shape', '\\(([^)]*)\\)'))
  if (!shape) throw bad('"shape" is not a list of whole numbers from 0')
  const plain = /^([<>|=]?)([a-z]\d+)$/.exec(descr)
  const dtype = (plain && kinds[plain[2]]) ?? null
  const width = dtype ? BYTES_PER_ELEMENT[dtype] : 0
  const dataBytes = shape.reduce((product, size) => product * size, width)
  if (!Number.isSafeInteger(dataBytes)) throw bad(`an array of ${shape.join(' x ')} is larger than any file`)
  return { descr: descr === '[' ? 'structured' : descr, dtype, littleEndian: plain?.[1] !== '>', fortran, shape, dataStart: textStart + length, dataBytes }
}

/** Python 2 wrote an L behind large numbers. null when it is no tuple of sizes. */
function shapeOf(text: string): number[] | null {
  const parts = text.split(',').map((part) => part.trim())
  if (parts[parts.length - 1] === '') parts.pop()
  if (!parts.every((part) => /^\d+L?$/.test(part))) return null
  const sizes = parts.map((part) => Number(part.replace('L', '')))
  return sizes.every(Number.isSafeInteger) ? sizes : null
}

/** The type as lists of variables state it: "float32", "bool", and what is not read as written ("<U12"). */
export function npyTypeName({ descr, dtype }: NpyHeader): string {
  return /b1$/.test(descr) ? 'bool' : (dtype ?? descr)
}
