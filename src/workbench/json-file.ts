import { readFile, rename } from 'node:fs/promises'
import { CuvetteError } from '../shared/problem'
import { writeFileAtomic } from '../engine/files/atomic'

export type JsonFile<T> = { found: 'value'; value: T } | { found: 'nothing' } | { found: 'damage'; setAside: string; reason: string }

/**
 * Reads one of the workbench's own files. A file that cannot be understood is renamed, never
 * overwritten: what is in it may still be worth something to its owner. `parse` throws on a wrong shape;
 * a CuvetteError that it throws is passed on, and the file stays: it is in order, but not for us.
 */
export async function readJsonFile<T>(path: string, parse: (value: unknown) => T): Promise<JsonFile<T>> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return { found: 'nothing' }
    throw new CuvetteError('missing-file', `${path} cannot be read: ${reasonOf(error)}`, { path, cause: error })
  }
  try {
    return { found: 'value', value: parse(JSON.parse(text)) }
  } catch (error) {
    if (error instanceof CuvetteError) throw error
    const setAside = `${path}.damaged-${new Date().toISOString().replace(/[:.]/g, '-')}`
    await rename(path, setAside)
    return { found: 'damage', setAside, reason: reasonOf(error) }
  }
}

export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
