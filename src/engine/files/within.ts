import { readlink, realpath } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { CuvetteError } from '../../shared/problem'

/** Whether `path` is `root` or lies below it. Both absolute, links already followed. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** Whether `path`, links followed, is one of `roots` or lies below one. The links of the roots were followed when they were granted. */
export async function isWithinAny(roots: readonly string[], path: string): Promise<boolean> {
  const real = await realPathOf(path)
  return roots.some((root) => isWithin(root, real))
}

/** More links than this in a row is a loop. */
const LINK_LIMIT = 40

/** The path with its links followed, also those that lead to nothing yet; missing parts are kept as they are. */
export async function realPathOf(path: string, links = 0): Promise<string> {
  const absolute = resolve(path)
  if (links > LINK_LIMIT) throw new CuvetteError('missing-file', `${absolute} is a loop of links.`, { path: absolute })
  try {
    return await realpath(absolute)
  } catch {
    const parent = dirname(absolute)
    if (parent === absolute) return absolute
    const target = await readlink(absolute).catch(() => null)
    if (target !== null) return await realPathOf(resolve(parent, target), links + 1)
    return join(await realPathOf(parent, links), basename(absolute))
  }
}
