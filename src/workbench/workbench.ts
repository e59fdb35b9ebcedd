import { basename, join, resolve } from 'node:path'
import { parseReference } from '../engine/cube/reference'
import type { AnyEvent, CallName, Calls, Reply } from '../shared/contract'
import { CuvetteError, toProblem } from '../shared/problem'
import { isCallName, parseArguments } from './arguments'
import type { LinkTiming } from './engine-link'
import { EventStream } from './events'
import { Grants } from './grants'
import type { Host } from './host'
import type { ProjectContent } from './project'
import { Project } from './project'
import { holdsProject } from './project-file'
import type { Household, ProjectCall } from './project-session'
import { ProjectSession } from './project-session'
import { RecentProjects } from './recent-projects'
import { sampleProject } from './sample'
import { SettingsFile } from './settings'

export interface WorkbenchOptions {
  /** Folder of the project; null opens the one that was open last, the first time the sample. */
  project: string | null
  engineTiming?: Partial<LinkTiming>
}

/**
 * The application without a window: services, one table of calls, one stream of events, one
 * function that answers /data/. Every host shows this and nothing else. One project is open at a time.
 */
export class Workbench {
  /** Calls wait while one project makes way for another. */
  private switching: Promise<unknown> = Promise.resolve()
  private readonly projectCalls: { [N in ProjectCall]: (args: Calls[N]['args']) => Promise<Calls[N]['result']> }

  private constructor(
    private readonly household: Household,
    private readonly recent: RecentProjects,
    private session: ProjectSession,
  ) {
    this.projectCalls = {
      'projects.recent': () => this.recent.list(this.session.project.folder),
      'projects.open': ({ folder, create }) => this.openProject(folder, create),
    }
  }

  /** Boots the services in their order: grants, settings, project, then what works on it. */
  static async boot(host: Host, options: WorkbenchOptions): Promise<Workbench> {
    const events = new EventStream()
    const grants = new Grants((path) => host.confirmAccess(path), join(host.home, 'recent.json'))
    await grants.boot()
    await grants.grant(host.places.resources)
    const settings = await SettingsFile.open(join(host.home, 'settings.json'))
    const recent = new RecentProjects(join(host.home, 'recent-projects.json'))
    const household: Household = { host, events, grants, settings, engineTiming: options.engineTiming }
    const project = options.project === null ? await openLastProject(host, recent) : await openFolder(host, options.project)
    await recent.remember(project.entry)
    // Last: its events are for whoever listens from here on.
    return new Workbench(household, recent, await ProjectSession.start(household, project))
  }

  /** Answers requests below /data/. */
  readonly data = (request: Request): Promise<Response> => this.session.data(request)

  /** Answers one call of the page. Never rejects: every failure is a problem in the reply. */
  async dispatch(name: unknown, args: unknown): Promise<Reply<CallName>> {
    try {
      if (!isCallName(name)) throw new CuvetteError('bad-argument', `Cuvette has no call named ${JSON.stringify(name)?.slice(0, 100)}.`)
      const parsed = parseArguments(name, args)
      await this.switching
      const call = (isProjectCall(name) ? this.projectCalls[name] : this.session.table[name]) as (args: unknown) => unknown
      return { ok: true, value: (await call(parsed)) as Calls[CallName]['result'] }
    } catch (error) {
      return { ok: false, problem: toProblem(error) }
    }
  }

  /** Returns how to stop listening. */
  onEvent(listener: (event: AnyEvent) => void): () => void {
    return this.household.events.listen(listener)
  }

  /** Files named on the command line, dropped or opened from the system: the person chose them outside the page. */
  async grantPaths(references: string[]): Promise<void> {
    for (const reference of references) await this.household.grants.grant(parseReference(reference).path)
  }

  /** Grants and opens cubes; what cannot be opened is noted for the page to show. */
  async openPaths(references: string[]): Promise<void> {
    await this.session.openPaths(references)
  }

  /** Asks the page to open files that were given from outside. */
  offerPaths(paths: string[]): void {
    this.household.events.emit('command', { command: 'open-paths', paths })
  }

  /** Stops what works, saves everything, ends the engines. */
  async shutdown(): Promise<void> {
    await this.switching
    await this.session.close()
  }

  /**
   * Leaves the open project, saved, with its works stopped, for another one. When that one cannot be
   * opened, everything stays as it is. Every page begins anew at the event.
   */
  private async openProject(folder: string, create: boolean): Promise<null> {
    const { grants, host, events } = this.household
    const path = await grants.require(folder)
    if (path === this.session.project.folder) return null
    if (!create && !(await holdsProject(path))) {
      throw new CuvetteError('missing-file', `There is no project in ${path}: choose a folder that holds one, or make a new project there.`, { path })
    }
    const next = this.switching.then(async () => {
      const project = await openFolder(host, path)
      const before = this.session.project.folder
      await this.session.close()
      try {
        this.session = await ProjectSession.start(this.household, project)
      } catch (error) {
        this.session = await ProjectSession.start(this.household, await openFolder(host, before))
        throw error
      }
      await this.recent.remember(project.entry)
    })
    this.switching = next.catch(() => undefined)
    await next
    events.emit('project-opened', this.session.project.entry)
    return null
  }
}

function isProjectCall(name: CallName): name is ProjectCall {
  return name === 'projects.recent' || name === 'projects.open'
}

/** The project that was open last; the sample the first time, and when that one cannot be opened, which is noted. */
async function openLastProject(host: Host, recent: RecentProjects): Promise<Project> {
  const last = await recent.last()
  const sample = await sampleProject(host)
  if (last === null || last === resolve(sample.folder) || !(await holdsProject(last))) return await Project.open(sample.folder, host.places.resources, sample.fresh)
  try {
    return await openFolder(host, last)
  } catch (error) {
    const project = await Project.open(sample.folder, host.places.resources, sample.fresh)
    project.note(error)
    return project
  }
}

async function openFolder(host: Host, folder: string): Promise<Project> {
  const sample = await sampleProject(host)
  const fresh: ProjectContent = resolve(folder) === resolve(sample.folder) ? sample.fresh : { name: basename(resolve(folder)), isSample: false, cubes: [], runs: [] }
  return await Project.open(folder, host.places.resources, fresh)
}
