import { mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fingerprintOf } from '../../src/engine/cube/fingerprint'

let folder: string
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'cuvette-print-'))))
afterAll(() => rm(folder, { recursive: true, force: true }))

async function cube(name: string, data: Uint8Array, samples = 4): Promise<string> {
  const header = join(folder, `${name}.hdr`)
  await writeFile(header, `ENVI\nsamples = ${samples}\nlines = ${data.length / samples}\nbands = 1\ndata type = 1\ninterleave = bsq\nbyte order = 0\n`)
  await writeFile(join(folder, `${name}.img`), data)
  return header
}

describe('a fingerprint', () => {
  it('is the same wherever the files lie, and covers header and data', async () => {
    const data = Uint8Array.from({ length: 64 }, (_, index) => index)
    const first = await fingerprintOf(await cube('one', data))
    expect(first).toEqual(await fingerprintOf(await cube('two', data)))
    expect(first.bytes).toBeGreaterThan(64)
    expect((await fingerprintOf(await cube('three', data, 8))).sha256).not.toBe(first.sha256)
    expect((await fingerprintOf(await cube('four', data.with(63, 0)))).sha256).not.toBe(first.sha256)
  })

  it('sees a change at the beginning, in the middle and at the end of a large file', async () => {
    const size = 8 << 20
    const header = await cube('large', new Uint8Array(size), 1024)
    const prints = new Set([(await fingerprintOf(header)).sha256])
    const file = await open(join(folder, 'large.img'), 'r+')
    for (const place of [0, size / 2, size - 1]) {
      await file.write(Uint8Array.of(7), 0, 1, place)
      prints.add((await fingerprintOf(header)).sha256)
    }
    await file.close()
    expect(prints.size).toBe(4)
  })

  it('says when there is no such file', async () => {
    await expect(fingerprintOf(join(folder, 'none.hdr'))).rejects.toMatchObject({ code: 'missing-file' })
  })
})
