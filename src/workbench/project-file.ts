import { readdir, stat } from 'node:fs/promises'
import { basename, isAbsolute, join, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import { CorrectionsSchema } from '../engine/cube/corrected-cube'
import { ClassesSchema } from '../engine/cube/named-mask'
import { isWithin } from '../engine/files/within'
import type { Problem } from '../shared/problem'
import { CuvetteError } from '../shared/problem'
import { readJsonFile, writeJsonFile } from './json-file'
import type { ProjectContent, SavedCube } from './project'

/** runs/<id> becomes a path, so an id is never more than this. */
export const IdSchema = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/))

/** What this version reads and writes. A file of a later one is refused and left alone. */
const VERSION = 1

const FileSchema = v.object({
  cuvetteProject: v.literal(VERSION),
  name: v.string(),
  isSample: v.optional(v.boolean(), false),
  cubes: v.array(v.object({
    id: IdSchema,
    reference: v.string(),
    mask: v.nullable(v.string()),
    corrections: v.optional(v.nullable(CorrectionsSchema)),
    maskClasses: v.optional(v.nullable(ClassesSchema)),
    fingerprint: v.optional(v.object({ bytes: v.number(), sha256: v.string() })),
  })),
  libraries: v.optional(v.array(v.object({ id: IdSchema, path: v.string() }))),
  runs: v.array(IdSchema),
})

const PROJECT_FILE = 'project.json'
/** The project as it was one change ago, for the day when project.json is damaged. */
const BACKUP_FILE = 'project.backup.json'
const RESOURCES = 'resources:'

/** A project that was read. */
export interface ReadProject {
  /** null: nothing of it could be read but the runs in its folder. */
  content: ProjectContent | null
  /** Runs that lie in the folder, of a project whose file is damaged. */
  foundRuns: string[]
  /** What was wrong with its file, and what was done about it. */
  problem: Problem | null
}

/**
 * Reads project.json; where it is damaged or gone, its backup, with the runs that lie in the folder. A
 * damaged file is renamed, never overwritten. null where there is no project yet. Throws
 * CuvetteError('unsupported') for a project of a later version, which is left as it is.
 */
export async function readProjectFile(folder: string, resources: string): Promise<ReadProject | null> {
  const path = join(folder, PROJECT_FILE)
  const parse = (value: unknown) => {
    refuseLater(value, path)
    return v.parse(FileSchema, value)
  }
  const file = await readJsonFile(path, parse)
  if (file.found === 'value') return { content: absolute(file.value, folder, resources), foundRuns: [], problem: null }

  const backupPath = join(folder, BACKUP_FILE)
  const saved = await stat(backupPath).catch(() => null)
  const backup = await readJsonFile(backupPath, parse)
  if (file.found === 'nothing' && backup.found === 'nothing') return null
  const what = file.found === 'nothing' ? 'The project file is missing' : `The project file could not be read (${file.reason}) and was kept as ${basename(file.setAside)}`
  const foundRuns = await runsIn(folder)
  if (backup.found !== 'value') {
    const rest = foundRuns.length > 0 ? `, with the ${foundRuns.length} ${foundRuns.length === 1 ? 'run' : 'runs'} found in its folder: open its cubes again` : ''
    return { content: null, foundRuns, problem: { code: 'bad-data', message: `${what}; there is no backup, so the project begins anew${rest}.`, path } }
  }
  const when = saved ? ` of ${saved.mtime.toISOString().slice(0, 16).replace('T', ' ')} UTC` : ''
  return { content: absolute(backup.value, folder, resources), foundRuns, problem: { code: 'bad-data', message: `${what}; the project was recovered from its backup${when}. Only the last change before it may be missing.`, path } }
}

/** Writes project.json; `before` is what it held, which becomes the backup. */
export async function writeProjectFile(folder: string, value: PortableProject, before: PortableProject | null): Promise<void> {
  if (before) await writeJsonFile(join(folder, BACKUP_FILE), before)
  await writeJsonFile(join(folder, PROJECT_FILE), value)
}

export type PortableProject = v.InferInput<typeof FileSchema>

/** Inside the project: relative with forward slashes. In the resources: marked, as they move with the installation. */
export function portable(content: ProjectContent, folder: string, resources: string): PortableProject {
  const shorten = (path: string) => {
    if (isWithin(folder, path)) return relative(folder, path).split(sep).join('/')
    if (isWithin(resources, path)) return RESOURCES + relative(resources, path).split(sep).join('/')
    return path
  }
  return {
    cuvetteProject: VERSION,
    name: content.name,
    isSample: content.isSample,
    cubes: content.cubes.map((cube) => withPaths(cube, shorten)),
    ...(content.libraries && { libraries: content.libraries.map(({ id, path }) => ({ id, path: shorten(path) })) }),
    runs: [...content.runs],
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
    cubes: file.cubes.map((cube) => withPaths(cube, extend)),
    ...(file.libraries && { libraries: file.libraries.map(({ id, path }) => ({ id, path: extend(path) })) }),
    runs: file.runs,
  }
}

function withPaths({ id, reference, mask, corrections, maskClasses, fingerprint }: SavedCube, path: (of: string) => string): SavedCube {
  return {
    id, reference: path(reference), mask: mask === null ? null : path(mask),
    ...(corrections && { corrections }), ...(maskClasses && { maskClasses }), ...(fingerprint && { fingerprint }),
  }
}

function refuseLater(value: unknown, path: string): void {
  const version = (value as { cuvetteProject?: unknown } | null)?.cuvetteProject
  if (typeof version !== 'number' || version <= VERSION) return
  throw new CuvetteError('unsupported', `${path} was saved by a later version of Cuvette (format ${version}; this one reads up to ${VERSION}): open it there, or install that version. Nothing in it was changed.`, { path })
}

/** Whether the folder holds a project, in whatever state. */
export async function holdsProject(folder: string): Promise<boolean> {
  const found = await Promise.all([PROJECT_FILE, BACKUP_FILE].map((name) => stat(join(folder, name)).catch(() => null)))
  return found.some((file) => file?.isFile())
}

/** Ids of the runs whose records lie in the folder. */
async function runsIn(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'runs')).catch(() => [] as string[])
  return names.filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)).filter((id) => v.is(IdSchema, id)).sort()
}
