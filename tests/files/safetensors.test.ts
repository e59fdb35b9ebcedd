import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SafeTensor } from '../../src/engine/files/safetensors'
import { decodeSafetensors, encodeSafetensors } from '../../src/engine/files/safetensors'
import { CuvetteError } from '../../src/shared/problem'

const tensors: Record<string, SafeTensor> = {
  'svdd.center': { type: 'float32', shape: [2], data: Float32Array.of(1.5, -2) },
  flags: { type: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
  'rx.covariance': { type: 'float64', shape: [1, 2], data: Float64Array.of(Math.PI, 1e-300) },
  count: { type: 'int64', shape: [], data: BigInt64Array.of(-5n) },
  steps: { type: 'int32', shape: [1], data: Int32Array.of(-7) },
  bytes: { type: 'uint8', shape: [2], data: Uint8Array.of(255, 0) },
  nothing: { type: 'float32', shape: [0, 4], data: new Float32Array(0) },
}

/** A file with any header text and as many data bytes. */
function fileOf(header: unknown, dataBytes = 0, stated?: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(stated ?? json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}

function sentence(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, 'state.safetensors')
  } catch (error) {
    if (error instanceof CuvetteError && error.code === 'bad-artifact' && error.path === 'state.safetensors') return error.message
    throw error
  }
  throw new Error('The file was accepted.')
}

function expectRefused(bytes: Uint8Array, what: string): void {
  expect(sentence(bytes)).toBe(`state.safetensors is not a usable safetensors file: ${what}; restore the file or fit the pipeline again.`)
}

describe('safetensors', () => {
  it('reads back what it wrote, with metadata', () => {
    const bytes = encodeSafetensors(tensors, { format: 'cuvette' })
    const read = decodeSafetensors(bytes, 'state.safetensors')
    expect(read.tensors).toEqual(tensors)
    expect(read.metadata).toEqual({ format: 'cuvette' })
  })

  it('gives equal bytes for equal contents, whatever their order, with an aligned header', () => {
    const turned = Object.fromEntries(Object.entries(tensors).reverse())
    const bytes = encodeSafetensors(tensors)
    expect(Buffer.from(encodeSafetensors(turned)).equals(bytes)).toBe(true)
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0)
  })

  it('writes exactly the published format', () => {
    const bytes = encodeSafetensors({ b: { type: 'uint8', shape: [1], data: Uint8Array.of(9) }, a: { type: 'float32', shape: [1], data: Float32Array.of(1) } })
    const json = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}'
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8)
    expect(Buffer.from(bytes).equals(Buffer.concat([Buffer.from([padded.length, 0, 0, 0, 0, 0, 0, 0]), Buffer.from(padded), Buffer.from([0, 0, 0x80, 0x3f, 9])]))).toBe(true)
  })

  it('keeps any names and numbers', () => {
    const name = fc.string({ minLength: 1 }).filter((text) => text !== '__metadata__')
    fc.assert(
      fc.property(fc.dictionary(name, fc.array(fc.double())), (record) => {
        const file = Object.fromEntries(Object.entries(record).map(([key, values]): [string, SafeTensor] => [key, { type: 'float64', shape: [values.length], data: Float64Array.from(values) }]))
        const read = decodeSafetensors(encodeSafetensors(file), 'x').tensors
        expect(Object.keys(read).sort()).toEqual(Object.keys(file).sort())
        for (const key of Object.keys(file)) expect(read[key]).toEqual(file[key])
      }),
      { seed: 20261123, numRuns: 100 },
    )
  })

  it('reads a file that starts anywhere in a buffer', () => {
    const bytes = encodeSafetensors(tensors)
    const shifted = new Uint8Array(bytes.length + 3)
    shifted.set(bytes, 3)
    expect(decodeSafetensors(shifted.subarray(3), 'x').tensors).toEqual(tensors)
  })

  it('reads a Buffer, whose slices are views', () => {
    const tensors = { a: { type: 'float32' as const, shape: [2], data: Float32Array.of(1, 2) }, b: { type: 'float32' as const, shape: [1], data: Float32Array.of(3) } }
    expect(decodeSafetensors(Buffer.from(encodeSafetensors(tensors)), 'buffer').tensors).toEqual(tensors)
  })

  it('refuses to write what does not fit together', () => {
    expect(() => encodeSafetensors({ a: { type: 'float32', shape: [3], data: new Float32Array(2) } })).toThrow('The tensor "a" of type float32 and shape [3] cannot be stored with 2 numbers.')
    expect(() => encodeSafetensors({ a: { type: 'float32', shape: [2], data: new Float64Array(2) } })).toThrow('cannot be stored')
  })
})

describe('safetensors files that are refused', () => {
  const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets })

  it('for their header', () => {
    expectRefused(new Uint8Array(3), 'it holds 3 bytes, fewer than the 8 of its length field')
    expectRefused(fileOf('{}', 0, 3), 'its header claims 3 bytes, but only 2 follow')
    expectRefused(fileOf('{}', 0, 2 ** 60), `its header claims ${2n ** 60n} bytes, but only 2 follow`)
    expectRefused(fileOf('{"a":'), 'its header is not JSON')
    expectRefused(fileOf('[1]'), 'its header is not a JSON object')
    expectRefused(fileOf(' {}'), 'its header is not a JSON object')
    expectRefused(fileOf({ __metadata__: { a: 1 } }), 'its "__metadata__" is not a list of texts')
    expectRefused(fileOf('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1), 'its header names "a" twice')
  })

  it('for one tensor', () => {
    expectRefused(fileOf({ a: 5 }), 'its entry "a" is not an object')
    expectRefused(fileOf({ a: entry('F16', [1], [0, 2]) }, 2), 'the tensor "a" has the type "F16", expected one of F32, F64, I64, I32, U8, BOOL')
    expectRefused(fileOf({ a: entry('toString', [1], [0, 2]) }, 2), 'the tensor "a" has the type "toString", expected one of F32, F64, I64, I32, U8, BOOL')
    expectRefused(fileOf({ a: entry('U8', [-1], [0, 1]) }, 1), 'the shape of the tensor "a" is not a list of whole numbers')
    expectRefused(fileOf({ a: entry('U8', [2 ** 40, 2 ** 40], [0, 1]) }, 1), 'the shape of the tensor "a" is not a list of whole numbers')
    expectRefused(fileOf({ a: entry('U8', [1], [1, 0]) }, 1), 'the offsets of the tensor "a" are not two ascending whole numbers')
    expectRefused(fileOf({ a: entry('U8', [1], [0]) }, 1), 'the offsets of the tensor "a" are not two ascending whole numbers')
    expectRefused(fileOf({ a: entry('F32', [2], [0, 8]) }, 4), 'the tensor "a" ends at byte 8 of the data, which has 4 bytes')
    expectRefused(fileOf({ a: entry('F32', [2], [0, 4]) }, 4), 'the tensor "a" takes 4 bytes, but F32 of shape [2] takes 8')
  })

  it('for tensors that overlap or leave gaps', () => {
    expectRefused(fileOf({ a: entry('U8', [4], [0, 4]), b: entry('U8', [4], [2, 6]) }, 6), 'the tensor "b" begins at byte 2 of the data, inside the one before, which ends at 4')
    expectRefused(fileOf({ a: entry('U8', [2], [0, 2]), b: entry('U8', [2], [3, 5]) }, 5), 'bytes 2 to 3 of the data before the tensor "b" belong to no tensor')
    expectRefused(fileOf({ a: entry('U8', [2], [0, 2]) }, 5), 'bytes 2 to 5 of the data belong to no tensor')
  })

  it('with a sentence for any wrong byte, never a defect', () => {
    const good = encodeSafetensors(tensors, { format: 'cuvette' })
    for (let at = 0; at < good.length; at += 1) {
      for (const wrong of [0x00, 0x22, 0x5c, 0x7b, 0xff]) {
        const bytes = Uint8Array.from(good)
        bytes[at] = wrong
        try {
          decodeSafetensors(bytes, 'x')
        } catch (error) {
          expect(error, `byte ${at} = ${wrong}`).toBeInstanceOf(CuvetteError)
        }
      }
    }
    for (let length = 0; length < good.length; length += 1) expect(() => decodeSafetensors(good.subarray(0, length), 'x')).toThrow(CuvetteError)
  })
})
