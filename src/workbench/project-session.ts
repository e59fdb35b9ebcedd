import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { formatReference, parseReference } from '../engine/cube/reference'
import type { CallName, Calls, SessionInfo } from '../shared/contract'
import { Cubes } from './cubes'
import { dataRoutes } from './data-routes'
import type { LinkTiming } from './engine-link'
import { Engines } from './engines'
import type { EventStream } from './events'
import { Files } from './files'
import type { Grants } from './grants'
import type { Host } from './host'
import { Jobs } from './jobs'
import { Libraries } from './libraries'
import { Overviews } from './overviews'
import { Pipelines } from './pipelines'
import type { Project } from './project'
import { Runs } from './runs'
import type { SettingsFile } from './settings'
import { ViewStatesFile } from './view-states'

const REOPEN_WAIT_MS = 1500

/** What outlives a project. */
export interface Household {
  host: Host
  events: EventStream
  grants: Grants
  settings: SettingsFile
  engineTiming?: Partial<LinkTiming>
}

/** Calls that are about which project is open; the workbench answers them itself. */
export type ProjectCall = 'projects.recent' | 'projects.open'

type SessionTable = { [N in Exclude<CallName, ProjectCall>]: (args: Calls[N]['args']) => Promise<Calls[N]['result']> | Calls[N]['result'] }

/** One open project with everything that works on it: engines, cubes, runs, jobs, its table of calls, its pixels. */
export class ProjectSession {
  private constructor(
    readonly project: Project,
    readonly table: SessionTable,
    /** Answers requests below /data/. */
    readonly data: (request: Request) => Promise<Response>,
    private readonly grants: Grants,
    private readonly engines: Engines,
    private readonly cubes: Cubes,
    private readonly runs: Runs,
    private readonly jobs: Jobs,
    private readonly views: ViewStatesFile,
  ) {}

  /** Starts the services of an open project in their order: engines, then what reads through them. Closes the project when that fails. */
  static async start({ host, events, grants, settings, engineTiming }: Household, project: Project): Promise<ProjectSession> {
    try {
      return await ProjectSession.startServices({ host, events, grants, settings, engineTiming }, project)
    } catch (error) {
      await project.close()
      throw error
    }
  }

  private static async startServices({ host, events, grants, settings, engineTiming }: Household, project: Project): Promise<ProjectSession> {
    await grants.grant(project.folder)
    project.onProblem = () => events.emit('project', project.entry)
    const views = await ViewStatesFile.open(join(project.folder, 'views.json'), (error) => project.note(error))
    const engines = new Engines(host, events, engineTiming)
    const jobs = new Jobs(events)
    const cubes = new Cubes(project, engines, grants, events, jobs, new Overviews(project, engines, jobs, settings))
    const pipelines = new Pipelines(join(host.places.resources, 'pipelines'), join(project.folder, 'pipelines'), engines, cubes, grants)
    const libraries = new Libraries(project, engines, grants, cubes, pipelines)
    const runs = new Runs(project, engines, cubes, pipelines, jobs, grants, events, settings)
    const files = new Files(host, grants)

    const table: SessionTable = {
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
      'cubes.lost': () => cubes.lostCubes(),
      'cubes.locate': ({ cubeId, path, anyway }) => cubes.locate(cubeId, path, anyway),
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
      'libraries.list': () => libraries.list(),
      'libraries.open': ({ path }) => libraries.openLibrary(path),
      'libraries.close': ({ libraryId }) => {
        libraries.close(libraryId)
        return null
      },
      'libraries.spectra': ({ libraryId, indices, cubeId }) => libraries.spectra(libraryId, indices, cubeId),
      'nodes.catalogue': () => pipelines.catalogue(),
      'pipelines.list': () => pipelines.list(),
      'pipelines.check': ({ text, cubeId, pipelineId }) => pipelines.check(text, cubeId, pipelineId ?? null),
      'pipelines.setTargets': ({ pipelineId, targets }) => pipelines.setTargets(pipelineId, libraries.targetsOf(targets)),
      'runs.list': async () => {
        // Whether a run's cube is open is known once the cubes are.
        await cubes.list()
        return runs.list()
      },
      'runs.start': (args) => runs.start(args),
      'runs.resume': ({ runId }) => runs.resume(runId),
      'runs.annotate': ({ runId, ...said }) => runs.annotate(runId, said),
      'runs.remove': async ({ runId }) => {
        await runs.remove(runId)
        return null
      },
      'runs.setThreshold': ({ runId, threshold }) => runs.setThreshold(runId, threshold),
      'runs.bands': ({ runId }) => runs.bands(runId),
      'runs.pipeline': ({ runId }) => runs.pipeline(runId),
      'runs.setDecider': ({ runId, parameters, threshold }) => runs.setDecider(runId, parameters, threshold),
      'runs.export': ({ runId, folder: out }) => runs.export(runId, out),
      'jobs.list': () => jobs.list(),
      'jobs.stop': ({ jobId, after }) => {
        if (after === 'epoch') jobs.stopAfterEpoch(jobId)
        else jobs.stop(jobId)
        return null
      },
    }
    const data = dataRoutes({ cubes, runs, dropFolder: host.kind === 'browser' ? project.dataFolder : null })
    await runs.boot()
    engines.boot()
    cubes.boot()
    libraries.boot()
    return new ProjectSession(project, table, data, grants, engines, cubes, runs, jobs, views)
  }

  /** Grants and opens cubes; what cannot be opened is noted for the page to show. */
  async openPaths(references: string[]): Promise<void> {
    for (const reference of references) {
      try {
        const parsed = parseReference(reference)
        await this.grants.grant(parsed.path)
        await this.cubes.openCube(formatReference(parsed))
      } catch (error) {
        this.project.note(error)
      }
    }
  }

  /** Stops what works, saves everything, ends the engines. */
  async close(): Promise<void> {
    this.jobs.shutdown()
    await this.runs.shutdown()
    await this.engines.shutdown()
    await this.views.close()
    await this.project.close()
  }
}
