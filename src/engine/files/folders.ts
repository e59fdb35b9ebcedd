import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and the folders above it that are missing. Returns the topmost one that was made; undefined when the
 * folder was there. Throws what the file system says.
 *
 * Not mkdir's own `recursive`: on a file system that refuses new entries with ENOENT (/proc) it never comes back.
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = []
  for (let place = path; !(await exists(place)); place = dirname(place)) missing.unshift(place)
  for (const place of missing) {
    await mkdir(place).catch((error: NodeJS.ErrnoException) => {
      // Somebody else made it in the meantime.
      if (error.code !== 'EEXIST') throw error
    })
  }
  if (!(await stat(path)).isDirectory()) throw Object.assign(new Error(`${path} is not a folder`), { code: 'ENOTDIR' })
  return missing[0]
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )
}
