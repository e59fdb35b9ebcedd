import { join, resolve } from 'node:path'
import type { ProjectEntry } from '../shared/contract'
import type { ClassCorrection, CubeCorrections, Fingerprint } from '../shared/cube'
import type { Problem } from '../shared/problem'
import { toProblem } from '../shared/problem'
import { makeFolder } from './folders'
import type { PortableProject } from './project-file'
import { portable, readProjectFile, writeProjectFile } from './project-file'
import { ProjectLock } from './project-lock'

/** A cube of the project as project.json keeps it. Paths are absolute here and portable in the file. */
export interface SavedCube {
  id: string
  /** Path, optionally with #variable. */
  reference: string
  /** null: no mask is attached. */
  mask: string | null
  /** What was said of the cube instead of its file; null: nothing. */
  corrections?: CubeCorrections | null
  /** What was said of the classes of the mask; null: nothing. */
  maskClasses?: ClassCorrection[] | null
  /** Of its files as they were last seen; absent before that was found out. */
  fingerprint?: Fingerprint
}

/** A spectral library of the project. The path is absolute here and portable in the file. */
export interface SavedLibrary {
  id: string
  path: string
}

export interface ProjectContent {
  name: string
  isSample: boolean
  cubes: SavedCube[]
  libraries?: SavedLibrary[]
  /** Ids; each run has its own file in runs/. */
  runs: string[]
}

const SAVE_AFTER_MS = 300

/** A folder with project.json, saved by itself a moment after every change, and left as it was found when reopened. */
export class Project {
  readonly problems: Problem[] = []
  /** Called when a problem was noted or settled. */
  onProblem: () => void = () => undefined
  private timer: NodeJS.Timeout | null = null
  private saving: Promise<void> = Promise.resolve()
  /** What project.json holds; null as long as nothing good is there. */
  private written: PortableProject | null = null

  private constructor(
    readonly folder: string,
    private readonly resources: string,
    readonly content: ProjectContent,
    private readonly lock: ProjectLock,
  ) {}

  /**
   * Opens the folder's project. Where there is none, one begins with `fresh`. Throws CuvetteError:
   * 'cannot-write' when it is open elsewhere, 'unsupported' when a later version saved it.
   */
  static async open(folder: string, resources: string, fresh: ProjectContent): Promise<Project> {
    const root = resolve(folder)
    await makeFolder(root)
    const lock = await ProjectLock.take(root)
    try {
      const file = await readProjectFile(root, resources)
      const content = file?.content ?? structuredClone(fresh)
      content.runs = [...new Set([...content.runs, ...(file?.foundRuns ?? [])])]
      const project = new Project(root, resources, content, lock)
      if (file && !file.problem) project.written = portable(project.content, root, resources)
      if (file?.problem) project.problems.push(file.problem)
      if (file === null || file.problem) await project.save()
      return project
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  get entry(): ProjectEntry {
    return { name: this.content.name, folder: this.folder, isSample: this.content.isSample, problems: [...this.problems] }
  }

  get runsFolder(): string {
    return join(this.folder, 'runs')
  }

  /** Files that say of cubes and masks what theirs do not. */
  get correctionsFolder(): string {
    return join(this.folder, 'corrections')
  }

  /** Where dropped files land. */
  get dataFolder(): string {
    return join(this.folder, 'data')
  }

  /** Saves a moment from now; changes in quick succession are written once. */
  changed(): void {
    if (this.timer) return
    this.timer = setTimeout(() => void this.save().catch((error: unknown) => this.note(error)), SAVE_AFTER_MS)
  }

  /** Writes project.json now. */
  async save(): Promise<void> {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    const value = portable(this.content, this.folder, this.resources)
    const write = this.saving.then(async () => {
      await writeProjectFile(this.folder, value, this.written)
      this.written = value
    })
    this.saving = write.catch(() => undefined)
    await write
  }

  async close(): Promise<void> {
    try {
      if (this.timer) await this.save()
      await this.saving
    } finally {
      await this.lock.release()
    }
  }

  /** A problem that is none any more. */
  settle(message: string): void {
    const at = this.problems.findIndex((problem) => problem.message === message)
    if (at < 0) return
    this.problems.splice(at, 1)
    this.onProblem()
  }

  /** Keeps a problem for the page to show, once. */
  note(error: unknown): void {
    const problem = toProblem(error)
    if (this.problems.some((other) => other.message === problem.message)) return
    this.problems.push(problem)
    this.onProblem()
  }
}
