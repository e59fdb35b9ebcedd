import { stat } from 'node:fs/promises'
import { CuvetteError } from '../../shared/problem'
import { cannotRead } from './bytes'
import { filesOf } from './open-file'

/** What tells whether the files of a cube are still those that were opened. */
export interface FileStamp {
  path: string
  size: bigint
  /** Nanoseconds. */
  modified: bigint
  /** Another file of the same name has another one. */
  node: bigint
}

/** Stamps of every file that a cube consists of. Throws as opening it does. */
export async function stampsOf(reference: string): Promise<FileStamp[]> {
  return await Promise.all((await filesOf(reference)).map(async (path) => {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true }).catch((error: unknown) => {
      throw cannotRead(path, error)
    })
    return { path, size, modified: mtimeNs, node: ino }
  }))
}

/**
 * Makes sure that what was read of a cube is of one state of its files. An open file can be read on after it was deleted,
 * and one that is overwritten gives a mixture without a word. Throws CuvetteError('bad-data').
 */
export async function requireUnchanged(stamps: readonly FileStamp[], work: string): Promise<void> {
  for (const { path, ...before } of stamps) {
    const now = await stat(path, { bigint: true }).catch(() => null)
    if (now && now.size === before.size && now.mtimeNs === before.modified && now.ino === before.node) continue
    const what = now ? 'was changed' : 'was deleted or cannot be reached any more'
    throw new CuvetteError('bad-data', `${path} ${what} while ${work} read it, so the results would be of no one state of it; ${now ? 'wait until it is complete' : 'put it back'} and start again.`, { path })
  }
}
