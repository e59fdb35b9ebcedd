import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { sha256File } from '../../src/engine/files/sha256'

const folder = mkdtempSync(join(tmpdir(), 'cuvette-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('SHA-256 of a file', () => {
  // FIPS 180-4 examples, and a million times "a".
  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('is the known one', async (content, expected) => {
    writeFileSync(join(folder, 'x'), content)
    expect(await sha256File(join(folder, 'x'))).toBe(expected)
  })

  it('names a file that cannot be read, and stops when cancelled', async () => {
    await expect(sha256File(join(folder, 'gone'))).rejects.toMatchObject({
      code: 'missing-file', message: `Cannot read ${join(folder, 'gone')} (ENOENT); check that the file exists and may be read.`,
    })
    await expect(sha256File(join(folder, 'x'), AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
  })
})
