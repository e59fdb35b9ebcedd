import { rmdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'
import { cannotWrite, openAtomic } from '../files/atomic'
import { makeFolders } from '../files/folders'

/**
 * Creates a folder and makes sure that files can be written there. Returns what takes back the folders that had to be
 * created, as far as they are empty. Throws CuvetteError('cannot-write'); then nothing was created.
 */
export async function createFolder(folder: string): Promise<() => Promise<void>> {
  const created = await makeFolders(folder).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  const undo = async (): Promise<void> => {
    for (let place = folder; created !== undefined; place = dirname(place)) {
      const removed = await rmdir(place).then(() => true, () => false)
      if (!removed || place === created) break
    }
  }
  const trial = await openAtomic(join(folder, 'trial')).catch(async (error: unknown) => {
    await undo()
    throw error instanceof CuvetteError ? new CuvetteError(error.code, error.message.replace(join(folder, 'trial'), folder), { path: folder, cause: error }) : error
  })
  await trial.abort()
  return undo
}

/** One name per cube for its output files: the file's name without its ending, made unique by a number. */
export function outputNames(cubes: readonly Cube[]): string[] {
  const taken = new Set<string>()
  return cubes.map(({ description: { path } }) => {
    const name = basename(path)
    const stem = name.slice(0, name.length - extname(name).length) || name
    let unique = stem
    for (let number = 2; taken.has(unique.toLowerCase()); number += 1) unique = `${stem}-${number}`
    taken.add(unique.toLowerCase())
    return unique
  })
}
