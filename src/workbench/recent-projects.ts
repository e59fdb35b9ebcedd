import { dirname, resolve } from 'node:path'
import * as v from 'valibot'
import type { ProjectEntry, RecentProject } from '../shared/contract'
import { makeFolder } from './folders'
import { readJsonFile, writeJsonFile } from './json-file'
import { holdsProject } from './project-file'

const MOST = 20

const FileSchema = v.object({ projects: v.array(v.object({ folder: v.string(), name: v.string(), opened: v.string() })) })

/** Projects that were open, the newest first; kept in the user's data folder. A damaged list is set aside and starts anew. */
export class RecentProjects {
  constructor(private readonly path: string) {}

  /** Folder of the one that was open last; null the first time. */
  async last(): Promise<string | null> {
    return (await this.read())[0]?.folder ?? null
  }

  /** Without the one in `present`. */
  async list(present: string): Promise<RecentProject[]> {
    const others = (await this.read()).filter(({ folder }) => folder !== present)
    return await Promise.all(others.map(async (project) => ({ ...project, missing: !(await holdsProject(project.folder)) })))
  }

  async remember({ folder, name }: ProjectEntry): Promise<void> {
    const entry = { folder: resolve(folder), name, opened: new Date().toISOString() }
    const projects = [entry, ...(await this.read()).filter((other) => other.folder !== entry.folder)].slice(0, MOST)
    await makeFolder(dirname(this.path))
    await writeJsonFile(this.path, { projects })
  }

  private async read(): Promise<v.InferOutput<typeof FileSchema>['projects']> {
    const file = await readJsonFile(this.path, (value) => v.parse(FileSchema, value))
    return file.found === 'value' ? file.value.projects : []
  }
}
