import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { CuvetteError } from '../../shared/problem'

/** Random access to the bytes of an open file, or of what was decompressed from one. */
export interface ByteSource {
  readonly path: string
  /** Fills `into` from a byte position, or throws CuvetteError('truncated'). */
  read(position: number, into: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** Opens a file for windowed reads. Throws CuvetteError('missing-file'). */
export async function openBytes(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  return { path, read: (position, into) => readFully(handle, path, position, into), close: () => handle.close() }
}

/** Reads until `into` is full. */
export async function readFully(handle: FileHandle, path: string, position: number, into: Uint8Array): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, position + done).catch((error: unknown) => {
      throw cannotRead(path, error)
    })
    if (bytesRead === 0) {
      const end = position + done
      throw new CuvetteError('truncated', `${path} ends at byte ${end}, but bytes up to ${position + into.length} were expected; it is incomplete or was changed while it was open.`, { path })
    }
    done += bytesRead
  }
}

/** The first bytes of a file, at most `length`. */
export async function readHead(path: string, length: number): Promise<Uint8Array> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  try {
    const buffer = new Uint8Array(length)
    const { bytesRead } = await handle.read(buffer, 0, length, 0).catch((error: unknown) => {
      throw cannotRead(path, error)
    })
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Size in bytes. Throws CuvetteError('missing-file'). */
export async function fileSize(path: string): Promise<number> {
  const status = await stat(path).catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  return status.size
}

export function cannotRead(path: string, error: unknown): CuvetteError {
  if (error instanceof CuvetteError) return error
  const code = (error as NodeJS.ErrnoException | null)?.code ?? String(error)
  const message =
    code === 'ENOENT' || code === 'ENOTDIR' ? `There is no file ${path}; check the path.`
    : code === 'EACCES' || code === 'EPERM' ? `${path} may not be read; change its permissions or choose another file.`
    : `${path} cannot be read (${code}); check the disk or choose another file.`
  return new CuvetteError('missing-file', message, { path, cause: error })
}

export function throwIfCancelled(path: string, ...signals: (AbortSignal | undefined)[]): void {
  if (signals.some((signal) => signal?.aborted)) throw new CuvetteError('cancelled', `Reading ${path} was cancelled.`, { path })
}
