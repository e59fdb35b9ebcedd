import { createHash, randomUUID } from 'node:crypto'
import { rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { openAtomic } from '../engine/files/atomic'
import { sha256File } from '../engine/files/sha256'
import { CuvetteError } from '../shared/problem'
import { makeFolder } from './folders'

/** Larger files are opened by their path; copying them would only fill the disk twice. */
const DROP_LIMIT = 16 * 1024 ** 3

/**
 * Streams a dropped file into the project's data folder and answers its path. The same content under the
 * same name is kept once; another content goes into a numbered folder, so that a header and its data,
 * which are dropped one after the other, stay together under their own names.
 */
export async function receiveDrop(folder: string, name: string, request: Request): Promise<string> {
  requireFileName(name)
  const stated = Number(request.headers.get('content-length') ?? 0)
  if (stated > DROP_LIMIT) throw tooLarge(name)
  if (!request.body) throw new CuvetteError('bad-argument', `The dropped file "${name}" came without content.`)
  // Under its own name only at the end: until then nobody knows whether it is new.
  const staged = join(folder, '.incoming', randomUUID())
  await makeFolder(dirname(staged))
  const incoming = await openAtomic(staged)
  try {
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of request.body) {
      bytes += chunk.byteLength
      if (bytes > DROP_LIMIT) throw tooLarge(name)
      hash.update(chunk)
      await incoming.write(chunk)
    }
    if (stated > 0 && bytes !== stated) throw new CuvetteError('truncated', `Of the dropped file "${name}" ${bytes} of ${stated} bytes arrived: drop it again.`)
    await incoming.commit()
    const placed = placing.then(() => place(staged, folder, name, bytes, hash.digest('hex')))
    placing = placed.catch(() => undefined)
    return await placed
  } finally {
    await incoming.abort()
    await rm(staged, { force: true })
  }
}

/** One after the other: two drops of the same name must not find the same place free. */
let placing: Promise<unknown> = Promise.resolve()

async function place(staged: string, folder: string, name: string, bytes: number, sha256: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = number === 1 ? join(folder, name) : join(folder, String(number), name)
    const found = await stat(path).catch(() => null)
    if (!found) {
      await makeFolder(dirname(path))
      await rename(staged, path)
      return path
    }
    if (found.isFile() && found.size === bytes && (await sha256File(path)) === sha256) return path
  }
}

/** A plain name that every system can hold; never a path. */
function requireFileName(name: string): void {
  const forbidden = /[\\/:*?"<>|\u0000-\u001f]/
  const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i
  if (name.length > 0 && name.length <= 200 && !forbidden.test(name) && !name.startsWith('.') && !/[. ]$/.test(name) && !reserved.test(name)) return
  throw new CuvetteError('bad-argument', `"${name.slice(0, 100)}" cannot be the name of a dropped file: rename it to plain letters and digits first.`)
}

function tooLarge(name: string): CuvetteError {
  return new CuvetteError('bad-argument', `"${name}" is larger than ${DROP_LIMIT / 1024 ** 3} GB: open it by its path instead of dropping it.`)
}
