import { basename, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { formatReference, parseReference } from '../engine/cube/reference'
import type { AnyEvent, CallName, Calls, Reply, SessionInfo } from '../shared/contract'
import { CuvetteError, toProblem } from '../shared/problem'
import { isCallName, parseArguments } from './arguments'
import { Cubes } from './cubes'
import { dataRoutes } from './data-routes'
import type { LinkTiming } from './engine-link'
import { Engines } from './engines'
import { EventStream } from './events'
import { Files } from './files'
import { Grants } from './grants'
import type { Host } from './host'
import { Jobs } from './jobs'
import { Overviews } from './overviews'
import { Pipelines } from './pipelines'
import type { ProjectContent } from './project'
import { Project } from './project'
import { Runs } from './runs'
import { sampleProject } from './sample'
import { SettingsFile } from './settings'
import { ViewStatesFile } from './view-states'

export interface WorkbenchOptions {
  /** Folder of the project; null opens the sample. */
  project: string | null
  engineTiming?: Partial<LinkTiming>
}

const REOPEN_WAIT_MS = 1500

type CallTable = { [N in CallName]: (args: Calls[N]['args']) => Promise<Calls[N]['result']> | Calls[N]['result'] }

/**
 * The application without a window: services, one table of calls, one stream of events, one
 * function that answers /data/. Every host shows this and nothing else.
 */
export class Workbench {
  private constructor(
    private readonly events: EventStream,
    private readonly engines: Engines,
    private readonly grants: Grants,
    private readonly project: Project,
    private readonly cubes: Cubes,
    private readonly runs: Runs,
    private readonly jobs: Jobs,
    private readonly views: ViewStatesFile,
    private readonly table: CallTable,
    /** Answers requests below /data/. */
    readonly data: (request: Request) => Promise<Response>,
  ) {}

  /** Boots the services in their order: grants, project, engines, then what reads through them. */
  static async boot(host: Host, options: WorkbenchOptions): Promise<Workbench> {
    const events = new EventStream()
    const grants = new Grants((path) => host.confirmAccess(path), join(host.home, 'recent.json'))
    await grants.boot()
    const { folder, fresh } = options.project === null ? await sampleProject(host) : namedProject(options.project)
    const project = await Project.open(folder, host.places.resources, fresh)
    const views = await ViewStatesFile.open(join(project.folder, 'views.json'), (error) => project.note(error))
    project.onProblem = () => events.emit('project', project.entry)
    await grants.grant(host.places.resources)
    await grants.grant(project.folder)

    const settings = await SettingsFile.open(join(host.home, 'settings.json'))
    const engines = new Engines(host, events, options.engineTiming)
    const jobs = new Jobs(events)
    const cubes = new Cubes(project, engines, grants, events, jobs, new Overviews(project, engines, jobs, settings))
    const pipelines = new Pipelines(join(host.places.resources, 'pipelines'), join(project.folder, 'pipelines'), engines, cubes, grants)
    const runs = new Runs(project, engines, cubes, pipelines, jobs, grants, events, settings)
    const files = new Files(host, grants)

    const table: CallTable = {
      'session.info': async (): Promise<SessionInfo> => {
        // So that the first answer already says what could not be reopened; a slow disk must not keep the page empty.
        await Promise.race([cubes.list(), pause(REOPEN_WAIT_MS, null, { ref: false })])
        return {
          version: host.places.version, host: host.kind, nativeDialogs: host.choose !== null,
          project: project.entry, engines: engines.entries, device: engines.device,
        }
      },
      'files.choose': async ({ purpose }) => ({ paths: await files.choose(purpose) }),
      'files.list': ({ path }) => files.list(path),
      'files.grant': async ({ paths }) => ({ paths: await files.grant(paths) }),
      'cubes.list': () => cubes.list(),
      'cubes.open': ({ path }) => cubes.openCube(path),
      'cubes.close': async ({ cubeId }) => {
        await cubes.close(cubeId)
        return null
      },
      'cubes.attachMask': ({ cubeId, path }) => cubes.attachMask(cubeId, path),
      'cubes.detachMask': ({ cubeId }) => cubes.detachMask(cubeId),
      'cubes.correct': ({ cubeId, corrections }) => cubes.correct(cubeId, corrections),
      'cubes.detectBadBands': async ({ cubeId }) => ({ bands: await cubes.detectBadBands(cubeId) }),
      'cubes.readWavelengths': ({ cubeId, source }) => cubes.readWavelengths(cubeId, source),
      'cubes.saveHeader': ({ cubeId, path, replace }) => cubes.saveHeader(cubeId, path, replace),
      'cubes.nameClasses': ({ cubeId, classes }) => cubes.nameClasses(cubeId, classes),
      'settings.get': () => settings.current,
      'settings.set': (next) => settings.change(next),
      'views.get': () => views.current,
      'views.set': ({ part, state }) => {
        views.keep(part, state)
        return null
      },
      'cubes.bandStatistics': ({ cubeId, bands }) => cubes.bandStatistics(cubeId, bands),
      'cubes.spectrum': async ({ cubeId, line, sample }) => ({ values: await cubes.spectrum(cubeId, line, sample) }),
      'nodes.catalogue': () => pipelines.catalogue(),
      'pipelines.list': () => pipelines.list(),
      'pipelines.check': ({ text, cubeId, pipelineId }) => pipelines.check(text, cubeId, pipelineId ?? null),
      'runs.list': async () => {
        // Whether a run's cube is open is known once the cubes are.
        await cubes.list()
        return runs.list()
      },
      'runs.start': (args) => runs.start(args),
      'runs.resume': ({ runId }) => runs.resume(runId),
      'runs.remove': async ({ runId }) => {
        await runs.remove(runId)
        return null
      },
      'runs.setThreshold': ({ runId, threshold }) => runs.setThreshold(runId, threshold),
      'runs.export': ({ runId, folder: out }) => runs.export(runId, out),
      'jobs.list': () => jobs.list(),
      'jobs.stop': ({ jobId }) => {
        jobs.stop(jobId)
        return null
      },
    }
    const data = dataRoutes({ cubes, runs, dropFolder: host.kind === 'browser' ? project.dataFolder : null })

    try {
      await runs.boot()
    } catch (error) {
      await project.close()
      throw error
    }
    engines.boot()
    cubes.boot()
    return new Workbench(events, engines, grants, project, cubes, runs, jobs, views, table, data)
  }

  /** Answers one call of the page. Never rejects: every failure is a problem in the reply. */
  async dispatch(name: unknown, args: unknown): Promise<Reply<CallName>> {
    try {
      if (!isCallName(name)) throw new CuvetteError('bad-argument', `Cuvette has no call named ${JSON.stringify(name)?.slice(0, 100)}.`)
      const call = this.table[name] as (args: unknown) => unknown
      return { ok: true, value: (await call(parseArguments(name, args))) as Calls[CallName]['result'] }
    } catch (error) {
      return { ok: false, problem: toProblem(error) }
    }
  }

  /** Returns how to stop listening. */
  onEvent(listener: (event: AnyEvent) => void): () => void {
    return this.events.listen(listener)
  }

  /** Files named on the command line, dropped or opened from the system: the person chose them outside the page. */
  async grantPaths(references: string[]): Promise<void> {
    for (const reference of references) await this.grants.grant(parseReference(reference).path)
  }

  /** Grants and opens cubes; what cannot be opened is noted for the page to show. */
  async openPaths(references: string[]): Promise<void> {
    for (const reference of references) {
      try {
        await this.grantPaths([reference])
        await this.cubes.openCube(formatReference(parseReference(reference)))
      } catch (error) {
        this.project.note(error)
      }
    }
  }

  /** Asks the page to open files that were given from outside. */
  offerPaths(paths: string[]): void {
    this.events.emit('command', { command: 'open-paths', paths })
  }

  /** Stops what works, saves everything, ends the engines. */
  async shutdown(): Promise<void> {
    this.jobs.shutdown()
    await this.runs.shutdown()
    await this.engines.shutdown()
    await this.views.close()
    await this.project.close()
  }
}

function namedProject(folder: string): { folder: string; fresh: ProjectContent } {
  return { folder, fresh: { name: basename(resolve(folder)), isSample: false, cubes: [], runs: [] } }
}
