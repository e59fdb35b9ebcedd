import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import { isWithin } from '../engine/files/within'
import { CorrectionsSchema } from '../engine/cube/corrected-cube'
import { ClassesSchema } from '../engine/cube/named-mask'
import type { ProjectEntry } from '../shared/contract'
import type { ClassCorrection, CubeCorrections } from '../shared/cube'
import type { Problem } from '../shared/problem'
import { toProblem } from '../shared/problem'
import { makeFolder } from './folders'
import { readJsonFile, writeJsonFile } from './json-file'
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
}

export interface ProjectContent {
  name: string
  isSample: boolean
  cubes: SavedCube[]
  /** Ids; each run has its own file in runs/. */
  runs: string[]
}

/** runs/<id> becomes a path, so an id is never more than this. */
export const IdSchema = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/))

const FileSchema = v.object({
  cuvetteProject: v.literal(1),
  name: v.string(),
  isSample: v.optional(v.boolean(), false),
  cubes: v.array(v.object({ id: IdSchema, reference: v.string(), mask: v.nullable(v.string()), corrections: v.optional(v.nullable(CorrectionsSchema)), maskClasses: v.optional(v.nullable(ClassesSchema)) })),
  runs: v.array(IdSchema),
})

const FILE_NAME = 'project.json'
const RESOURCES = 'resources:'
const SAVE_AFTER_MS = 300

/** A folder with project.json, saved by itself a moment after every change, and left as it was found when reopened. */
export class Project {
  readonly problems: Problem[] = []
  /** Called when a problem was noted. */
  onProblem: () => void = () => undefined
  private timer: NodeJS.Timeout | null = null
  private saving: Promise<void> = Promise.resolve()

  private constructor(
    readonly folder: string,
    private readonly resources: string,
    readonly content: ProjectContent,
    private readonly lock: ProjectLock,
  ) {}

  /** Opens the folder's project. Where there is none, one begins with `fresh`. */
  static async open(folder: string, resources: string, fresh: ProjectContent): Promise<Project> {
    const root = resolve(folder)
    await makeFolder(root)
    const lock = await ProjectLock.take(root)
    try {
      const path = join(root, FILE_NAME)
      const file = await readJsonFile(path, (value) => v.parse(FileSchema, value))
      const content = file.found === 'value' ? absolute(file.value, root, resources) : structuredClone(fresh)
      const project = new Project(root, resources, content, lock)
      if (file.found === 'damage') {
        project.problems.push({
          code: 'bad-data',
          message: `The project file could not be read (${file.reason}); it was kept as ${basename(file.setAside)} and the project begins anew.`,
          path,
        })
      }
      if (file.found !== 'value') await project.save()
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
    const write = this.saving.then(() => writeJsonFile(join(this.folder, FILE_NAME), value))
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

  /** Keeps a problem for the page to show, once. */
  note(error: unknown): void {
    const problem = toProblem(error)
    if (this.problems.some((other) => other.message === problem.message)) return
    this.problems.push(problem)
    this.onProblem()
  }
}

/** Inside the project: relative with forward slashes. In the resources: marked, as they move with the installation. */
function portable(content: ProjectContent, folder: string, resources: string): v.InferInput<typeof FileSchema> {
  const shorten = (path: string) => {
    if (isWithin(folder, path)) return relative(folder, path).split(sep).join('/')
    if (isWithin(resources, path)) return RESOURCES + relative(resources, path).split(sep).join('/')
    return path
  }
  return {
    cuvetteProject: 1,
    name: content.name,
    isSample: content.isSample,
    cubes: content.cubes.map(({ id, reference, mask, corrections, maskClasses }) => ({ id, reference: shorten(reference), mask: mask === null ? null : shorten(mask), ...(corrections && { corrections }), ...(maskClasses && { maskClasses }) })),
    runs: content.runs,
  }
}

function absolute(file: v.InferOutput<typeof FileSchema>, folder: string, resources: string): ProjectContent {
  const extend = (path: string) => {
    if (path.startsWith(RESOURCES)) return resolve(resources, path.slice(RESOURCES.length))
    return isAbsolute(path) ? path : resolve(folder, path)
  }
  return {
    name: file.name,
    isSample: file.isSample,
    cubes: file.cubes.map(({ id, reference, mask, corrections, maskClasses }) => ({ id, reference: extend(reference), mask: mask === null ? null : extend(mask), ...(corrections && { corrections }), ...(maskClasses && { maskClasses }) })),
    runs: file.runs,
  }
}
