import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { store } from '../../cube/support/envi-files'
import type { CubeDataType } from '../../../src/shared/cube'
import { recipe } from './recipe'
import { packing, zipBytes } from './zip'

const array = v.strictObject({
  descr: v.optional(v.string(), '<u2'),
  shape: v.optional(v.array(v.number()), [3, 4, 5]),
  fortran: v.optional(v.boolean(), false),
  version: v.optional(v.number(), 1),
  /** The header text, when it is not what NumPy would write. */
  header: v.optional(v.string()),
  /** Header text length that is claimed. */
  headerBytes: v.optional(v.number()),
  /** All numbers, in the order of the file; otherwise 100 line + 10 sample + band. */
  values: v.optional(v.array(v.number())),
  /** So many numbers are written; default all. */
  count: v.optional(v.number()),
})

const types: Record<string, [CubeDataType, number]> = {
  b1: ['uint8', 1], u1: ['uint8', 1], i1: ['int8', 1], u2: ['uint16', 2], i2: ['int16', 2], u4: ['uint32', 4], i4: ['int32', 4], u8: ['uint64', 8], i8: ['int64', 8],
  f2: ['uint16', 2], f4: ['float32', 4], f8: ['float64', 8], c8: ['complex64', 8], c16: ['complex128', 16],
}

/** The bytes of a .npy file. (NumPy enhancement proposal 1) */
function npyBytes({ descr, shape, fortran, version, header, headerBytes, values, count }: v.InferOutput<typeof array>): Buffer {
  const text = header ?? `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`
  const prefix = version === 1 ? 10 : 12
  const padded = Buffer.from(text.padEnd(Math.ceil((prefix + text.length + 1) / 64) * 64 - prefix - 1) + '\n', version === 3 ? 'utf8' : 'latin1')
  const head = Buffer.alloc(prefix)
  head.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0])
  if (version === 1) head.writeUInt16LE(headerBytes ?? padded.length, 8)
  else head.writeUInt32LE(headerBytes ?? padded.length, 8)
  const [dtype, width] = types[descr.replace(/^[<>|=]/, '')] ?? ['uint8', 1]
  const all = values ?? numbersOf(shape, fortran)
  const wanted = all.slice(0, count ?? all.length)
  const data = Buffer.alloc(wanted.length * width)
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const halves = /f2$/.test(descr)
  wanted.forEach((value, n) => store(view, n * width, dtype, halves ? halfBits(value) : value, !descr.startsWith('>')))
  return Buffer.concat([head, padded, data])
}

/** 100 line + 10 sample + band, with the first axis slowest, or fastest in Fortran order. */
function numbersOf(shape: number[], fortran: boolean): number[] {
  const total = shape.reduce((product, size) => product * size, 1)
  const axes = fortran ? shape.map((_, axis) => axis) : shape.map((_, axis) => shape.length - 1 - axis)
  return Array.from({ length: total > 1e6 ? 0 : total }, (_, n) => {
    let rest = n
    const index: number[] = []
    for (const axis of axes) {
      index[axis] = rest % shape[axis]
      rest = Math.floor(rest / shape[axis])
    }
    return 100 * index[0] + 10 * (index[1] ?? 0) + (index[2] ?? 0)
  })
}

/** Bits of a half-precision number from 2^-14 to 65504, or 0. */
function halfBits(value: number): number {
  if (value === 0) return 0
  const exponent = Math.floor(Math.log2(Math.abs(value)))
  return (value < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | Math.round((Math.abs(value) / 2 ** exponent - 1) * 1024)
}

const member = v.strictObject({ name: v.string(), ...array.entries, ...packing, /** Instead of an array. */ text: v.optional(v.string()) })

/** NumPy files. */
export const numpy = {
  npy: recipe(v.strictObject({ file: v.optional(v.string(), 'cube.npy'), ...array.entries, extraBytes: v.optional(v.number(), 0) }), (folder, { file, extraBytes, ...settings }) => {
    writeFileSync(join(folder, file), Buffer.concat([npyBytes(settings), Buffer.alloc(extraBytes)]))
    return file
  }),
  npz: recipe(
    v.strictObject({ file: v.optional(v.string(), 'cube.npz'), members: v.array(member), comment: v.optional(v.string()), end64: v.optional(v.boolean()), count: v.optional(v.number()) }),
    (folder, { file, members, ...rest }) => {
      const packed = members.map(({ name, deflate, zip64, claim, text, ...settings }) => ({ name, deflate, zip64, claim, content: text === undefined ? npyBytes(settings) : Buffer.from(text) }))
      writeFileSync(join(folder, file), zipBytes(packed, rest))
      return file
    },
  ),
}
