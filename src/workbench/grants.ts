import { readlink, realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import { CuvetteError } from '../shared/problem'
import { makeFolder } from './folders'
import { readJsonFile, writeJsonFile } from './json-file'

const RECENT_LIMIT = 200
const Recent = v.object({ paths: v.array(v.string()) })

/**
 * Which files the page may make Cuvette touch: granted folders with everything below them, and single
 * granted files. Links are followed on both sides before comparing, so none leads out.
 */
export class Grants {
  private readonly granted = new Set<string>()
  private recent: string[] = []

  /** `recentFile`: where files are remembered between sessions; null to forget them. */
  constructor(
    private readonly confirm: (path: string) => Promise<boolean>,
    private readonly recentFile: string | null,
  ) {}

  /** Grants what was granted in earlier sessions. A damaged list is set aside and starts anew. */
  async boot(): Promise<void> {
    if (!this.recentFile) return
    const file = await readJsonFile(this.recentFile, (value) => v.parse(Recent, value))
    if (file.found !== 'value') return
    this.recent = file.value.paths.slice(0, RECENT_LIMIT)
    for (const path of this.recent) this.granted.add(await realPathOf(path))
  }

  /** Grants a file, or a folder with everything in it, for this session. */
  async grant(path: string): Promise<void> {
    this.granted.add(await realPathOf(path))
  }

  /** Whether the path lies in what was granted. */
  async allows(path: string): Promise<boolean> {
    const real = await realPathOf(path)
    for (const root of this.granted) if (isWithin(root, real)) return true
    return false
  }

  /** The absolute path, if it is granted or the person allows it now; else throws 'not-granted'. */
  async require(path: string): Promise<string> {
    const absolute = resolve(requireFullPath(path))
    if (await this.allows(absolute)) return absolute
    if (!(await this.confirm(absolute))) {
      throw new CuvetteError('not-granted', `Cuvette may not use ${absolute}: open it by dialog, drag and drop or from the command line.`, { path: absolute })
    }
    await this.grant(absolute)
    return absolute
  }

  /** Grants a granted file in later sessions, too. Only for files that turned out to be data: never a folder. */
  async remember(path: string): Promise<void> {
    if (!this.recentFile || this.recent[0] === path) return
    this.recent = [path, ...this.recent.filter((other) => other !== path)].slice(0, RECENT_LIMIT)
    await makeFolder(dirname(this.recentFile))
    await writeJsonFile(this.recentFile, { paths: this.recent })
  }
}

/** A relative path would mean another file in every process; "~" is the user's home. */
export function requireFullPath(path: string): string {
  const full = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path
  if (isAbsolute(full)) return full
  throw new CuvetteError('bad-argument', `"${path}" is not a full path: begin with the root folder or the drive.`, { path })
}

/** Whether `path` is `root` or lies below it. Both absolute, links already followed. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
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
