import fc from 'fast-check'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { looksLikeZip, readZip, writeZip } from '../../src/engine/files/zip'
import { CuvetteError } from '../../src/shared/problem'

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const sample = (): Uint8Array => writeZip([{ name: 'a/data.pkl', content: text('hello') }, { name: 'a/data/0', content: Uint8Array.from({ length: 200 }, (_, at) => at) }, { name: 'ä', content: new Uint8Array(0) }])

/** The content of every entry, or the sentence why not. */
function contents(bytes: Uint8Array): Record<string, number[]> | string {
  try {
    return Object.fromEntries([...readZip(bytes, 'x.zip')].map(([name, entry]) => [name, [...entry.read()]]))
  } catch (error) {
    if (error instanceof CuvetteError) return error.message
    throw error
  }
}

/** One deflated entry that the directory says inflates to `size` bytes. */
function deflated(content: Uint8Array, size = content.length, method = 8): Uint8Array {
  const packed = deflateRawSync(content)
  const bytes = writeZip([{ name: 'z', content: new Uint8Array(packed) }])
  const reference = writeZip([{ name: 'z', content }])
  const view = new DataView(bytes.buffer)
  const central = view.getUint32(bytes.length - 6, true)
  const checksum = new DataView(reference.buffer).getUint32(14, true)
  view.setUint16(central + 10, method, true)
  view.setUint32(central + 16, checksum, true)
  view.setUint32(central + 24, size, true)
  return bytes
}

describe('archives', () => {
  it('hold what was written, aligned, the same bytes each time', () => {
    const bytes = sample()
    expect(looksLikeZip(bytes)).toBe(true)
    expect(contents(bytes)).toEqual({ 'a/data.pkl': [...text('hello')], 'a/data/0': Array.from({ length: 200 }, (_, at) => at), ä: [] })
    expect(Buffer.from(bytes).indexOf('hello') % 64).toBe(0)
    expect(sample()).toEqual(bytes)
  })

  it('may have deflated entries', () => {
    expect(contents(deflated(text('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')))).toEqual({ z: [...text('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')] })
  })

  it('may state sizes and places in 64 bits', () => {
    const plain = writeZip([{ name: 'z', content: text('hello') }])
    const view = new DataView(plain.buffer)
    const central = view.getUint32(plain.length - 6, true)
    const entry = new Uint8Array(47 + 28)
    entry.set(plain.subarray(central, central + 47))
    const wide = new DataView(entry.buffer)
    wide.setUint16(30, 28, true)
    for (const at of [20, 24, 42]) wide.setUint32(at, 0xffffffff, true)
    wide.setUint16(47, 1, true)
    wide.setUint16(49, 24, true)
    for (const [at, value] of [[51, 5], [59, 5], [67, 0]]) wide.setBigUint64(at, BigInt(value), true)
    const tail = new DataView(new ArrayBuffer(56 + 20 + 22))
    tail.setUint32(0, 0x06064b50, true)
    tail.setBigUint64(24, 1n, true)
    tail.setBigUint64(32, 1n, true)
    tail.setBigUint64(48, BigInt(central), true)
    tail.setUint32(56, 0x07064b50, true)
    tail.setBigUint64(64, BigInt(central + entry.length), true)
    tail.setUint32(76, 0x06054b50, true)
    for (const at of [84, 86]) tail.setUint16(at, 0xffff, true)
    tail.setUint32(92, 0xffffffff, true)
    expect(contents(Buffer.concat([plain.subarray(0, central), entry, new Uint8Array(tail.buffer)]))).toEqual({ z: [...text('hello')] })
  })

  it.each([
    ['nothing', new Uint8Array(0), /no directory at its end/],
    ['a cut archive', sample().subarray(0, 300), /no directory at its end/],
    ['an entry that inflates to more than stated', deflated(new Uint8Array(10_000), 100), /"z" in it cannot be inflated to its 100 bytes/],
    ['an entry that states what no stream can hold', deflated(new Uint8Array(10), 4_000_000_000), /cannot hold 4000000000 bytes in/],
    ['another compression', deflated(text('aaaa'), 4, 12), /compressed by method 12/],
    ['a damaged entry', damaged(), /"a\/data.pkl" in it is damaged/],
    ['two entries of one name', writeZip([{ name: 'a', content: text('1') }, { name: 'a', content: text('2') }]), /holds "a" twice/],
  ])('%s: one sentence', (_what, bytes, message) => {
    expect(contents(bytes)).toMatch(message)
  })

  it('never crash on changed or random bytes', () => {
    const bytes = sample()
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
      const changed = Uint8Array.from(bytes)
      for (const [at, value] of changes) changed[at] = value
      contents(changed)
    }), { seed: 1, numRuns: 500 })
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (random) => typeof contents(random) === 'string'), { seed: 1, numRuns: 200 })
  })
})

function damaged(): Uint8Array {
  const bytes = sample()
  bytes[Buffer.from(bytes).indexOf('hello')] = 0x48
  return bytes
}
