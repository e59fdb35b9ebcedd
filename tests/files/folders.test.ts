import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFolders } from '../../src/engine/files/folders'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cuvette-folders-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('making folders', () => {
  it('makes what is missing and names the topmost', async () => {
    expect(await makeFolders(join(folder, 'a', 'b', 'c'))).toBe(join(folder, 'a'))
    expect(existsSync(join(folder, 'a', 'b', 'c'))).toBe(true)
    expect(await makeFolders(join(folder, 'a', 'b', 'c'))).toBeUndefined()
  })

  it('refuses a path through a file', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(makeFolders(join(folder, 'file'))).rejects.toMatchObject({ code: 'ENOTDIR' })
    await expect(makeFolders(join(folder, 'file', 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  })

  // mkdir with recursive spins there for ever, because /proc says that a folder does not exist in one that does.
  it.skipIf(process.platform !== 'linux')('comes back from a file system that takes no new folders', async () => {
    await expect(makeFolders('/proc/cuvette/out')).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
