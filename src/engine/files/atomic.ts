import { randomUUID } from 'node:crypto'
import * as nodeFs from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'

/** The part of a file handle that an atomic write uses. */
export interface AtomicFileHandle {
  write(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>
  sync(): Promise<void>
  close(): Promise<void>
}

/** The file operations of an atomic write. Tests put a full disk here. */
export interface AtomicFileSystem {
  open(path: string, flags: string): Promise<AtomicFileHandle>
  rename(from: string, to: string): Promise<void>
  rm(path: string, options: { force: boolean }): Promise<void>
  realpath(path: string): Promise<string>
}

/** A file that comes into being whole at `commit`, or not at all. */
export interface AtomicFile {
  /** Appends, or writes at a byte position. Calls are awaited one after the other. */
  write(chunk: Uint8Array | string, position?: number): Promise<void>
  /** Makes the bytes durable and puts them in the place of the target. */
  commit(): Promise<void>
  /** Drops everything written; the old file stands. Safe after an error or a commit. */
  abort(): Promise<void>
}

/**
 * Opens a streaming atomic writer: a temporary file beside `path`, then fsync, rename and fsync of the folder.
 * After any error the temporary file is gone and the old file stands. Throws CuvetteError('cannot-write').
 */
export async function openAtomic(path: string, fs: AtomicFileSystem = nodeFs): Promise<AtomicFile> {
  // A link stays a link: what it points to is replaced.
  const target = await fs.realpath(path).catch(() => path)
  const temporary = join(dirname(target), `${temporaryStem(target)}${randomUUID()}.tmp`)
  let handle: AtomicFileHandle | null = await fs.open(temporary, 'wx').catch((error: unknown) => {
    throw cannotWrite(path, error)
  })
  let end = 0
  let pending = true

  async function abort(): Promise<void> {
    if (!pending) return
    pending = false
    await handle?.close().catch(() => undefined)
    handle = null
    await fs.rm(temporary, { force: true }).catch(() => undefined)
  }

  async function attempt(step: (open: AtomicFileHandle) => Promise<void>): Promise<void> {
    if (!pending || !handle) throw new CuvetteError('cannot-write', `Cannot write ${path}: writing it was already finished or given up.`, { path })
    try {
      await step(handle)
    } catch (error) {
      await abort()
      throw cannotWrite(path, error)
    }
  }

  return {
    write: (chunk, position) =>
      attempt(async (open) => {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
        const start = position ?? end
        for (let done = 0; done < bytes.length; ) {
          const { bytesWritten } = await open.write(bytes, done, bytes.length - done, start + done)
          if (bytesWritten === 0) throw Object.assign(new Error('nothing was written'), { code: 'ENOSPC' })
          done += bytesWritten
        }
        end = Math.max(end, start + bytes.length)
      }),
    commit: () =>
      attempt(async (open) => {
        await open.sync()
        await open.close()
        handle = null
        await fs.rename(temporary, target)
        pending = false
        await syncFolder(dirname(target), fs)
      }),
    abort,
  }
}

/** Writes a whole file atomically. Throws CuvetteError('cannot-write'); then the old file, if any, stands. */
export async function writeFileAtomic(path: string, content: Uint8Array | string, fs: AtomicFileSystem = nodeFs): Promise<void> {
  const file = await openAtomic(path, fs)
  await file.write(content)
  await file.commit()
}

/** The rename itself becomes durable. Some systems cannot open a folder; there the rename stands anyway. */
async function syncFolder(folder: string, fs: AtomicFileSystem): Promise<void> {
  const handle = await fs.open(folder, 'r').catch(() => null)
  if (!handle) return
  await handle.sync().catch(() => undefined)
  await handle.close().catch(() => undefined)
}

/** Turns an error of the file system into one sentence that names the path and what to do. */
export function cannotWrite(path: string, error: unknown): CuvetteError {
  if (error instanceof CuvetteError) return error
  const code = (error as NodeJS.ErrnoException | null)?.code ?? ''
  const reason = reasons[code] ?? `the system refused it (${code || String(error)}); choose another folder`
  return new CuvetteError('cannot-write', `Cannot write ${path}: ${reason}.`, { path, cause: error })
}

const reasons: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space and try again',
  EDQUOT: 'the disk quota is used up; free some space and try again',
  EFBIG: 'the file system cannot hold a file of that size; choose another disk',
  EACCES: 'you may not write there; choose another folder or change its permissions',
  EPERM: 'you may not write there; choose another folder or change its permissions',
  EROFS: 'the disk is read-only; choose another folder',
  ENOENT: 'its folder does not exist; create the folder or choose another',
  ENOTDIR: 'a part of that path is a file, not a folder; choose another folder',
  EISDIR: 'a folder of that name is in the way; choose another name',
  EEXIST: 'a file or folder of that name is in the way; choose another name',
  ENOTEMPTY: 'a folder of that name is in the way; choose another name',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  EBUSY: 'another program holds it; close that program and try again',
  EIO: 'the disk reported an error; check the disk or choose another',
  EMFILE: 'too many files are open; close some and try again',
}

/** Removes what processes that were killed while they wrote `target` left beside it. Not while somebody writes it. */
export async function removeLeftovers(target: string): Promise<void> {
  const folder = dirname(target)
  const stem = temporaryStem(target)
  for (const name of await nodeFs.readdir(folder).catch(() => [])) {
    if (name.startsWith(stem) && UUID_TMP.test(name.slice(stem.length))) await nodeFs.rm(join(folder, name), { force: true })
  }
}

const UUID_TMP = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/

function temporaryStem(target: string): string {
  return `.${basename(target).slice(0, 100)}.`
}
