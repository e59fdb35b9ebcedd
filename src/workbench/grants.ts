import { homedir } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import * as v from 'valibot'
import { isWithinAny, realPathOf } from '../engine/files/within'
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

  /** Everything that was granted, links followed: for engines that read what a document names. */
  get roots(): string[] {
    return [...this.granted]
  }

  /** Whether the path lies in what was granted. */
  async allows(path: string): Promise<boolean> {
    return await isWithinAny(this.roots, path)
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

  /** Throws 'not-granted' for a path of the project that was not granted, without asking: at the start nobody has done anything yet that a question could be about. */
  async requireAtStart(path: string): Promise<void> {
    if (await this.allows(path)) return
    throw new CuvetteError('not-granted', `${path} belongs to this project but lies outside it: open the file once to allow it.`, { path })
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
