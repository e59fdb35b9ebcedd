import { readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { filesOf, openCube } from '../cube'

/** Names of masks, which lie beside the cubes that they belong to. */
const MASK_NAME = /[_.-](mask|gt|groundtruth|ground_truth|labels)(\.[a-z0-9]+)+$/i

/**
 * References of cubes, in which a folder stands for every cube in it, sorted by name; masks and files that are no cubes
 * are passed over. Throws CuvetteError('bad-argument') for a folder without cubes, and as openCube for one that is damaged,
 * unless `damaged` asks to keep those.
 */
export async function withFoldersOpened(references: readonly string[], signal?: AbortSignal, damaged: 'refuse' | 'keep' = 'refuse'): Promise<string[]> {
  const found: string[] = []
  for (const reference of references) found.push(...((await isFolder(reference)) ? await cubesIn(reference, damaged, signal) : [reference]))
  return found
}

/** Whether a reference names a folder. */
export async function isFolder(reference: string): Promise<boolean> {
  return (await stat(reference).catch(() => null))?.isDirectory() ?? false
}

async function cubesIn(folder: string, damaged: 'refuse' | 'keep', signal?: AbortSignal): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.') && !MASK_NAME.test(name)).sort()
  const cubes: string[] = []
  const taken = new Set<string>()
  for (const name of names) {
    const path = resolve(join(folder, name))
    if (taken.has(path) || (await isFolder(path)) || !(await isCube(path, damaged, signal))) continue
    // Of a header and its pixels, one is enough.
    for (const file of [path, ...(await filesOf(path).catch(() => []))]) taken.add(resolve(file))
    cubes.push(path)
  }
  if (cubes.length === 0) throw new CuvetteError('bad-argument', `The folder ${folder} holds no cube that can be read; name cubes, or a folder of cubes.`, { path: folder })
  return cubes
}

async function isCube(path: string, damaged: 'refuse' | 'keep', signal?: AbortSignal): Promise<boolean> {
  try {
    await (await openCube(path, { mask: false, signal })).close()
    return true
  } catch (error) {
    if (error instanceof CuvetteError && ['not-a-cube', 'unsupported'].includes(error.code)) return false
    if (error instanceof CuvetteError && damaged === 'keep' && error.code !== 'cancelled') return true
    throw error
  }
}
