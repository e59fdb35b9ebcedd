import * as nodeFs from 'node:fs/promises'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AtomicFileHandle, AtomicFileSystem } from '../../src/engine/files/atomic'
import { openAtomic, removeLeftovers, writeFileAtomic } from '../../src/engine/files/atomic'
import { CuvetteError } from '../../src/shared/problem'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cuvette-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const at = (name: string) => join(folder, name)
const fails = (code: string) => Object.assign(new Error(code), { code })

async function problemOf(call: Promise<unknown>): Promise<CuvetteError> {
  const error = await call.then(() => null, (thrown: unknown) => thrown)
  if (!(error instanceof CuvetteError)) throw new Error(`expected a CuvetteError, got ${String(error)}`)
  return error
}

/** The real file system, with some operations of the temporary file replaced. */
function withHandle(change: (handle: AtomicFileHandle) => Partial<AtomicFileHandle>): AtomicFileSystem {
  return {
    ...nodeFs,
    async open(path, flags) {
      const handle: AtomicFileHandle = await nodeFs.open(path, flags)
      const real: AtomicFileHandle = {
        write: (buffer, offset, length, position) => handle.write(buffer, offset, length, position),
        sync: () => handle.sync(),
        close: () => handle.close(),
      }
      return { ...real, ...change(real) }
    },
  }
}

/** A disk with room for so many bytes. */
function diskOf(room: number): AtomicFileSystem {
  let left = room
  return withHandle((handle) => ({
    write(buffer, offset, length, position) {
      if (left === 0) return Promise.reject(fails('ENOSPC'))
      const fits = Math.min(length, left)
      left -= fits
      return handle.write(buffer, offset, fits, position)
    },
  }))
}

describe('writing a file atomically', () => {
  it('writes text and bytes, and replaces what was there', async () => {
    await writeFileAtomic(at('a.txt'), 'grüße')
    expect(readFileSync(at('a.txt'), 'utf8')).toBe('grüße')
    await writeFileAtomic(at('a.txt'), Uint8Array.of(1, 2, 3))
    expect([...readFileSync(at('a.txt'))]).toEqual([1, 2, 3])
    expect(readdirSync(folder)).toEqual(['a.txt'])
  })

  it('streams, also to places further on', async () => {
    const file = await openAtomic(at('b'))
    await file.write('abc')
    await file.write(Uint8Array.of(120), 5)
    await file.write('!')
    expect(readdirSync(folder).every((name) => name !== 'b')).toBe(true)
    await file.commit()
    await file.abort()
    expect(readFileSync(at('b'), 'latin1')).toBe('abc\0\0x!')
    expect(readdirSync(folder)).toEqual(['b'])
  })

  it('leaves the old file when it is given up', async () => {
    writeFileSync(at('c'), 'old')
    const file = await openAtomic(at('c'))
    await file.write('new')
    await file.abort()
    await file.abort()
    expect(readFileSync(at('c'), 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['c'])
    expect((await problemOf(file.write('more'))).message).toBe(`Cannot write ${at('c')}: writing it was already finished or given up.`)
  })

  it('writes through a link', async () => {
    writeFileSync(at('real'), 'old')
    symlinkSync(at('real'), at('link'))
    await writeFileAtomic(at('link'), 'new')
    expect(readlinkSync(at('link'))).toBe(at('real'))
    expect(readFileSync(at('real'), 'utf8')).toBe('new')
  })

  it('goes on after a short write', async () => {
    const slow = withHandle((handle) => ({ write: (buffer, offset, length, position) => handle.write(buffer, offset, Math.min(length, 3), position) }))
    await writeFileAtomic(at('d'), 'eleven byte', slow)
    expect(readFileSync(at('d'), 'utf8')).toBe('eleven byte')
  })

  it('makes bytes durable before the name, and the name after', async () => {
    const steps: string[] = []
    const fs: AtomicFileSystem = {
      ...withHandle((handle) => ({ sync: () => { steps.push('sync'); return handle.sync() }, close: () => { steps.push('close'); return handle.close() } })),
      async rename(from, to) {
        steps.push('rename')
        await nodeFs.rename(from, to)
      },
    }
    await writeFileAtomic(at('e'), 'x', fs)
    expect(steps).toEqual(['sync', 'close', 'rename', 'sync', 'close'])
  })
})

describe('what a killed process left', () => {
  it('is removed, and nothing else', async () => {
    const target = join(folder, 'state.safetensors')
    await writeFileAtomic(target, 'whole')
    await openAtomic(target).then((file) => file.write('half'))
    for (const other of ['.state.safetensors.notes.tmp', '.other.tmp', 'state.safetensors.tmp']) writeFileSync(join(folder, other), '')
    expect(readdirSync(folder)).toHaveLength(5)
    await removeLeftovers(target)
    expect(readdirSync(folder).sort()).toEqual(['.other.tmp', '.state.safetensors.notes.tmp', 'state.safetensors', 'state.safetensors.tmp'])
    await removeLeftovers(join(folder, 'nowhere', 'file'))
  })
})

describe('a file that cannot be written', () => {
  it('on a full disk: one sentence, the old file stands, nothing else is left', async () => {
    writeFileSync(at('model.onnx'), 'old')
    const error = await problemOf(writeFileAtomic(at('model.onnx'), new Uint8Array(100), diskOf(60)))
    expect(error).toMatchObject({ code: 'cannot-write', path: at('model.onnx'), message: `Cannot write ${at('model.onnx')}: the disk is full; free some space and try again.` })
    expect(readFileSync(at('model.onnx'), 'utf8')).toBe('old')
    expect(readdirSync(folder)).toEqual(['model.onnx'])
  })

  it('on a disk that fills up while streaming, or takes nothing without an error', async () => {
    const file = await openAtomic(at('f'), diskOf(10))
    await file.write('0123456789')
    expect((await problemOf(file.write('x'))).message).toBe(`Cannot write ${at('f')}: the disk is full; free some space and try again.`)
    const silent = withHandle(() => ({ write: async () => ({ bytesWritten: 0 }) }))
    expect((await problemOf(writeFileAtomic(at('f'), 'x', silent))).message).toBe(`Cannot write ${at('f')}: the disk is full; free some space and try again.`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('when fsync, close or rename fails', async () => {
    const cases: AtomicFileSystem[] = [
      withHandle(() => ({ sync: () => Promise.reject(fails('EIO')) })),
      { ...nodeFs, rename: () => Promise.reject(fails('EIO')) },
    ]
    for (const fs of cases) {
      expect((await problemOf(writeFileAtomic(at('g'), 'x', fs))).message).toBe(`Cannot write ${at('g')}: the disk reported an error; check the disk or choose another.`)
      expect(readdirSync(folder)).toEqual([])
    }
  })

  it.each([
    ['EACCES', 'you may not write there; choose another folder or change its permissions'],
    ['EROFS', 'the disk is read-only; choose another folder'],
    ['EDQUOT', 'the disk quota is used up; free some space and try again'],
    ['EWHATEVER', 'the system refused it (EWHATEVER); choose another folder'],
  ])('%s', async (code, reason) => {
    const fs: AtomicFileSystem = { ...nodeFs, open: () => Promise.reject(fails(code)) }
    expect((await problemOf(writeFileAtomic(at('h'), 'x', fs))).message).toBe(`Cannot write ${at('h')}: ${reason}.`)
  })

  it('in a folder that is not there, or not a folder, or under the name of a folder', async () => {
    writeFileSync(at('file'), '')
    mkdirSync(at('taken/inside'), { recursive: true })
    expect((await problemOf(writeFileAtomic(at('none/x'), 'x'))).message).toBe(`Cannot write ${at('none/x')}: its folder does not exist; create the folder or choose another.`)
    expect((await problemOf(writeFileAtomic(at('file/x'), 'x'))).message).toBe(`Cannot write ${at('file/x')}: a part of that path is a file, not a folder; choose another folder.`)
    expect((await problemOf(writeFileAtomic(at('taken'), 'x'))).message).toBe(`Cannot write ${at('taken')}: a folder of that name is in the way; choose another name.`)
    expect(readdirSync(folder).sort()).toEqual(['file', 'taken'])
  })
})
