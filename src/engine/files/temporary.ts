import type { FileHandle } from 'node:fs/promises'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite } from './atomic'

/** Bytes on the disk that nobody else sees and that are gone after `close`, also when the process is killed. */
export interface TemporaryFile {
  /** Throws CuvetteError('cannot-write'). */
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Fills `into` with what was written there. Throws CuvetteError('cannot-write'). */
  read(position: number, into: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Opens a temporary file in a folder that exists. Throws CuvetteError('cannot-write'). */
export async function openTemporary(folder: string): Promise<TemporaryFile> {
  const own = await mkdtemp(join(folder, 'cuvette-')).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  const path = join(own, 'temporary')
  const handle: FileHandle = await open(path, 'wx+').catch(async (error: unknown) => {
    await rm(own, { recursive: true, force: true })
    throw cannotWrite(path, error)
  })
  // Without a name it cannot outlive the process. Where an open file keeps its name, close removes it.
  await rm(own, { recursive: true, force: true }).catch(() => undefined)

  async function throughout(length: number, step: (done: number) => Promise<number>): Promise<void> {
    for (let done = 0; done < length; ) {
      const moved = await step(done).catch((error: unknown) => {
        throw cannotWrite(path, error)
      })
      if (moved === 0) throw cannotWrite(path, Object.assign(new Error('no byte was moved'), { code: 'EIO' }))
      done += moved
    }
  }

  return {
    write: (bytes, position) => throughout(bytes.length, async (done) => (await handle.write(bytes, done, bytes.length - done, position + done)).bytesWritten),
    read: (position, into) => throughout(into.length, async (done) => (await handle.read(into, done, into.length - done, position + done)).bytesRead),
    async close() {
      await handle.close().catch(() => undefined)
      await rm(own, { recursive: true, force: true }).catch(() => undefined)
    },
  }
}
