import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { canHold, inflatedBytes } from '../../src/engine/cube/inflated-bytes'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const content = Buffer.from(Array.from({ length: 5000 }, (_, n) => (Math.imul(n, 2654435761) >>> 24) & 0xff))
const packed = deflateSync(content)
const path = folder.file('packed', Buffer.concat([Buffer.from('front'), packed, Buffer.from('behind')]))
const deflated = { path, subject: `The data of ${path}`, start: 5, length: packed.length, kind: 'zlib' as const, inflatedLength: content.length }

afterEach(() => vi.unstubAllEnvs())

describe('decompressed data', () => {
  it.each([['in memory', 5000], ['in a temporary file', 4999]])('reads anywhere, also several at once: %s', async (_where, budget) => {
    const source = inflatedBytes(deflated, budget)
    const parts = [new Uint8Array(10), new Uint8Array(4000), new Uint8Array(1)]
    await Promise.all([source.read(0, parts[0]), source.read(1000, parts[1]), source.read(4999, parts[2])])
    expect(parts.map((part) => Buffer.from(part))).toEqual([content.subarray(0, 10), content.subarray(1000, 5000), content.subarray(4999)])
    await source.close()
  })

  it('leaves no temporary file, not even while it is in use', async () => {
    mkdirSync(folder.file('scratch'))
    vi.stubEnv('TMPDIR', folder.file('scratch'))
    const source = inflatedBytes(deflated, 0)
    await source.read(0, new Uint8Array(1))
    if (process.platform !== 'win32') expect(readdirSync(folder.file('scratch'))).toEqual([])
    await source.close()
    expect(readdirSync(folder.file('scratch'))).toEqual([])
  })

  it('says where there is no room for the temporary file, and tries again at the next read', async () => {
    vi.stubEnv('TMPDIR', folder.file('gone'))
    const source = inflatedBytes(deflated, 0)
    expect(await problemOf(() => source.read(0, new Uint8Array(1)))).toMatchObject({
      code: 'cannot-write', message: `Cannot write ${folder.file('gone')}: its folder does not exist; create the folder or choose another.`,
    })
    expect(existsSync(folder.file('gone'))).toBe(false)
    vi.unstubAllEnvs()
    const one = new Uint8Array(1)
    await source.read(7, one)
    expect(one[0]).toBe(content[7])
    await source.close()
  })

  it('stops when it is cancelled', async () => {
    const source = inflatedBytes(deflated, 5000, AbortSignal.abort())
    expect(await problemOf(() => source.read(0, new Uint8Array(1)))).toMatchObject({ code: 'cancelled' })
    await source.close()
  })

  it('knows what so few bytes cannot hold', () => {
    expect(canHold({ ...deflated, length: 1000, inflatedLength: 1_032_000 })).toBe(true)
    expect(canHold({ ...deflated, length: 1000, inflatedLength: 1_032_001 })).toBe(false)
  })
})
