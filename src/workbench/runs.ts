import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Calls, RunEntry, RunLogLine } from '../shared/contract'
import type { ParameterValue, PipelineSummary } from '../shared/nodes'
import type { Problem } from '../shared/problem'
import { CuvetteError, toProblem } from '../shared/problem'
import type { BandNode, EpochRecord, ExportReport, WorkProgress } from '../shared/reports'
import type { Cubes } from './cubes'
import type { Engines } from './engines'
import type { EventStream } from './events'
import { makeFolder } from './folders'
import type { Grants } from './grants'
import type { JobControl, JobOutcome, Jobs } from './jobs'
import { readJsonFile, writeJsonFile } from './json-file'
import type { Pipelines } from './pipelines'
import type { Project } from './project'
import type { SavedRun } from './run-record'
import type { SettingsFile } from './settings'
import { parseSavedRun } from './run-record'
import { versionCounter } from './versions'

/** During training the whole entry is announced and saved at most this often; single epochs travel as progress. */
const SHOW_EVERY_MS = 1000

/** A log that grew longer loses its beginning. */
const MOST_LOG_LINES = 500

const DEFAULT_SEED = 0

const INTERRUPTED: Problem = { code: 'engine-lost', message: 'Cuvette was closed while this run was working; it can be resumed.' }

interface Run {
  saved: SavedRun
  shownAt: number
  saving: Promise<void>
}

/**
 * Fits and what came of them. Each run is a trained-pipeline folder runs/<id>/ with its scores in
 * scores/, and a record runs/<id>.json from which it is shown and continued.
 */
export class Runs {
  private readonly runs = new Map<string, Run>()
  private readonly nextVersion = versionCounter()

  constructor(
    private readonly project: Project,
    private readonly engines: Engines,
    private readonly cubes: Cubes,
    private readonly pipelines: Pipelines,
    private readonly jobs: Jobs,
    private readonly grants: Grants,
    private readonly events: EventStream,
    private readonly settings: SettingsFile,
  ) {}

  /** Reads the records. A run that was working when Cuvette ended is interrupted, and can be resumed. */
  async boot(): Promise<void> {
    for (const id of [...this.project.content.runs]) {
      const path = this.recordPath(id)
      const file = await readJsonFile(path, parseSavedRun)
      if (file.found === 'value') {
        const run: Run = { saved: file.value, shownAt: 0, saving: Promise.resolve() }
        this.runs.set(id, run)
        if (file.value.entry.status === 'running') this.update(run, { status: 'interrupted', problem: INTERRUPTED })
      } else {
        const what = file.found === 'damage' ? `could not be read (${file.reason}) and was kept as ${file.setAside}` : 'is missing'
        this.project.note(new CuvetteError('bad-data', `The record of run ${id} ${what}; the run is not shown any more.`, { path }))
        this.forget(id)
      }
    }
  }

  /** Marks what still works as interrupted and waits until every record is written. */
  async shutdown(): Promise<void> {
    for (const run of this.runs.values()) {
      if (run.saved.entry.status === 'running') this.update(run, { status: 'interrupted', problem: INTERRUPTED })
    }
    await Promise.all([...this.runs.values()].map((run) => run.saving))
  }

  list(): RunEntry[] {
    return [...this.runs.values()].map((run) => this.entryOf(run))
  }

  async start(args: Calls['runs.start']['args']): Promise<{ jobId: string; runId: string }> {
    const cube = this.cubes.require(args.cubeId)
    const pipeline = await this.pipelines.get(args.pipelineId)
    if (args.fromRunId) this.requireTrained(args.fromRunId)
    const id = randomUUID().slice(0, 8)
    const run: Run = {
      shownAt: 0,
      saving: Promise.resolve(),
      saved: {
        entry: {
          id, name: this.freeName(`${pipeline.name} on ${cube.entry.name}`),
          pipelineId: pipeline.id, pipelineName: pipeline.name, cubeId: cube.entry.id, cubeName: cube.entry.name,
          created: new Date().toISOString(), status: 'running', problem: null,
          epochs: [], epochsPlanned: args.epochs ?? pipeline.summary.epochs ?? 0, seed: args.seed ?? DEFAULT_SEED,
          device: null, metrics: null, fit: null, scored: false, ruleThreshold: null, threshold: null, note: '', starred: false, log: [], version: this.nextVersion(),
        },
        pipelineText: pipeline.text,
        cubeReference: this.cubes.sourceOf(cube.saved),
        maskReference: this.cubes.maskOf(cube.saved),
        ...(args.fromRunId && { fromRunId: args.fromRunId }),
        epochs: args.epochs, seed: args.seed, learningRate: args.learningRate, device: args.device,
        scoresFile: null,
      },
    }
    await makeFolder(this.project.runsFolder)
    this.runs.set(id, run)
    this.project.content.runs.push(id)
    this.project.changed()
    this.update(run, {})
    return { jobId: this.queue(run, 'fit', (control) => this.fitAndScore(run, control, false)), runId: id }
  }

  /** Continues from the checkpoint where there is one, else begins anew; of a run that only lacks its scores, scores. */
  async resume(runId: string): Promise<{ jobId: string; runId: string }> {
    const run = this.require(runId)
    const { status, fit, scored, name } = run.saved.entry
    if (status === 'running') throw new CuvetteError('bad-argument', `The run "${name}" is working already.`)
    if (status === 'finished' && scored) throw new CuvetteError('bad-argument', `The run "${name}" is finished; start a new one.`)
    const trained = fit !== null && !fit.stopped
    const fromCheckpoint = existsSync(join(this.folderOf(runId), 'training', 'checkpoint'))
    this.update(run, { status: 'running', problem: null })
    const jobId = trained
      ? this.queue(run, 'score', (control) => this.score(run, control))
      : this.queue(run, 'fit', (control) => this.fitAndScore(run, control, fromCheckpoint))
    return { jobId, runId }
  }

  annotate(runId: string, said: { note?: string; starred?: boolean }): RunEntry {
    return this.update(this.require(runId), said)
  }

  async remove(runId: string): Promise<void> {
    const run = this.require(runId)
    await this.jobs.abandonAllOf(runId)
    this.runs.delete(runId)
    this.forget(runId)
    this.events.emit('run-removed', { runId })
    await run.saving
    await this.releaseScores(run)
    await rm(this.recordPath(runId), { force: true })
    await rm(this.folderOf(runId), { recursive: true, force: true })
  }

  /** null goes back to the rule of the decider. Kept as the float32 number that the comparison uses. */
  setThreshold(runId: string, threshold: number | null): RunEntry {
    return this.update(this.require(runId), { threshold: threshold === null ? null : Math.fround(threshold) })
  }

  /** As it was trained, resolved; before that, as the document says. */
  async pipeline(runId: string): Promise<PipelineSummary> {
    const { saved } = this.require(runId)
    const path = join(this.folderOf(runId), 'pipeline.yaml')
    const trained = saved.entry.fit === null ? null : await readFile(path, 'utf8').catch(() => null)
    const { summary } = await this.engines.browse.call('pipeline.describe', { text: trained ?? saved.pipelineText, path })
    return summary
  }

  async bands(runId: string): Promise<BandNode[]> {
    this.requireTrained(runId)
    return await this.engines.compute.call('pipeline.bands', { pipelineFolder: this.folderOf(runId) })
  }

  /** Only of finished runs: a training that goes on must find its pipeline as it left it. */
  async setDecider(runId: string, parameters: Record<string, ParameterValue>, threshold: number | null): Promise<RunEntry> {
    const run = this.requireTrained(runId)
    const { name, status, fit } = run.saved.entry
    const scores = this.scoresPath(run)
    if (status !== 'finished' || fit?.stopped || scores === null) {
      throw new CuvetteError('bad-argument', `The training of the run "${name}" was not finished, and a changed pipeline could not be trained on; resume it first.`)
    }
    const report = await this.engines.browse.call('pipeline.setDecider', { pipelineFolder: this.folderOf(runId), parameters, scores, mask: run.saved.maskReference })
    return this.update(run, { ruleThreshold: report.threshold, metrics: report.metrics ?? run.saved.entry.metrics, threshold: threshold === null ? null : Math.fround(threshold) })
  }

  /** Writes the trained folder below `folder`, under a name of its own. */
  async export(runId: string, folder: string): Promise<ExportReport> {
    const run = this.requireTrained(runId)
    const out = freeFolder(await this.grants.require(folder), slug(run.saved.entry.name))
    let report: ExportReport | null = null
    const job = this.jobs.start('export', `Export "${run.saved.entry.name}"`, runId, async (control) => {
      const { threshold } = run.saved.entry
      report = await this.engines.compute.call('export', { pipelineFolder: this.folderOf(runId), to: 'folder', out, ...(threshold !== null && { threshold }) }, {
        signal: control.signal(),
        onProgress: (progress) => control.report(progress),
        onAbort: 'finish',
      })
      return 'finished'
    })
    await job.done
    return report!
  }

  /** Scores [H, W] of the cube the run was fitted on. */
  async scores(runId: string, signal: AbortSignal): Promise<{ shape: [number, number]; values: Float32Array }> {
    const run = this.require(runId)
    const reference = this.scoresPath(run)
    if (reference === null) throw new CuvetteError('missing-file', `The run "${run.saved.entry.name}" has no scores yet.`)
    return await this.engines.browse.call('cube.band', { reference, band: 0, stride: 1, window: null, overview: null }, { signal })
  }

  private queue(run: Run, kind: 'fit' | 'score', work: (control: JobControl) => Promise<JobOutcome>): string {
    const { id, name } = run.saved.entry
    const title = kind === 'fit' ? `Fit "${name}"` : `Score "${name}"`
    const { entry, done } = this.jobs.start(kind, title, id, work)
    done.catch((error: unknown) => this.broken(run, error))
    return entry.id
  }

  private async fitAndScore(run: Run, control: JobControl, resume: boolean): Promise<JobOutcome> {
    const { saved } = run
    const out = this.folderOf(saved.entry.id)
    this.log(run, { kind: 'begin', message: resume ? 'Goes on from its last checkpoint.' : 'Begins.' })
    await this.releaseScores(run)
    if (!resume) await rm(out, { recursive: true, force: true })
    saved.scoresFile = null
    this.update(run, { fit: null, metrics: null, scored: false, ruleThreshold: null, epochs: resume ? saved.entry.epochs : [], version: this.nextVersion() })

    const report = await this.engines.compute.call('fit', {
      pipeline: { text: saved.pipelineText, path: await this.pipelines.pathOfRun(saved.entry.pipelineId) },
      modelFolders: this.grants.roots,
      data: [saved.cubeReference],
      // null, not []: a mask that the user detached must not be found again beside the cube.
      masks: [saved.maskReference],
      validation: [],
      out,
      ...(saved.fromRunId !== undefined && !resume && { from: this.folderOf(this.requireTrained(saved.fromRunId).saved.entry.id) }),
      ...(saved.epochs === null ? {} : { epochs: saved.epochs }),
      ...(saved.seed === null ? {} : { seed: saved.seed }),
      ...(saved.learningRate === null ? {} : { learningRate: saved.learningRate }),
      ...this.budget(),
      device: saved.device,
      resume,
    }, {
      signal: control.signal(),
      onProgress: (progress) => {
        this.follow(run, progress)
        control.report(progress)
      },
      // A stopped training still writes the state of its last epoch and reports it.
      onAbort: 'finish',
    })
    this.update(run, { fit: report, metrics: report.metrics, seed: report.seed, device: { device: report.device, reason: report.deviceReason } })
    return await this.score(run, control)
  }

  private async score(run: Run, control: JobControl): Promise<JobOutcome> {
    const { saved } = run
    const out = join(this.folderOf(saved.entry.id), 'scores')
    const report = await this.engines.compute.call('run', {
      pipelineFolder: this.folderOf(saved.entry.id),
      data: [saved.cubeReference],
      masks: [saved.maskReference],
      out,
      format: 'envi',
      ...this.budget(),
      device: saved.device,
    }, { signal: control.renewed(), onProgress: (progress) => {
      if (progress.kind === 'stage') this.logStage(run, progress)
      control.report(progress)
    }, onAbort: 'finish' })

    const [cube] = report.cubes
    const header = cube.files.find((file) => /scores[^/\\]*\.hdr$/i.test(file))
    if (header === undefined) throw new CuvetteError('internal', `Scoring wrote no scores: it named only ${cube.files.join(', ') || 'no file'}.`)
    saved.scoresFile = join('scores', header)
    await this.releaseScores(run)
    const stopped = saved.entry.fit?.stopped ?? false
    this.log(run, { kind: 'status', message: stopped ? 'Stopped; what was trained is kept.' : 'Finished.' })
    this.update(run, {
      status: stopped ? 'stopped' : 'finished', problem: null, scored: true, ruleThreshold: Number.isFinite(cube.threshold) ? cube.threshold : null,
      metrics: cube.metrics ?? saved.entry.metrics, version: this.nextVersion(),
    })
    return stopped ? 'stopped' : 'finished'
  }

  private budget(): { memoryMB?: number } {
    const { memoryMB } = this.settings.current
    return memoryMB === null ? {} : { memoryMB }
  }

  /** Takes over what the training tells of itself. */
  private follow(run: Run, progress: WorkProgress): void {
    const { entry } = run.saved
    if (progress.kind === 'stage') this.logStage(run, progress)
    if (progress.kind === 'warning') this.log(run, { kind: 'warning', message: progress.message })
    if (progress.kind === 'device') {
      this.log(run, { kind: 'status', message: progress.reason })
      this.update(run, { device: { device: progress.device, reason: progress.reason } })
    } else if (progress.kind === 'epoch') {
      run.saved.entry = { ...entry, epochs: withRecord(entry.epochs, progress.record), epochsPlanned: progress.epochs }
      if (Date.now() - run.shownAt >= SHOW_EVERY_MS) this.update(run, {})
    }
  }

  /** Once for each stage since the run began or went on; validations come again with every epoch. */
  private logStage(run: Run, { stage, message }: Extract<WorkProgress, { kind: 'stage' }>): void {
    const { log } = run.saved.entry
    if (log.slice(log.findLastIndex(({ kind }) => kind === 'begin') + 1).some((line) => line.stage === stage && line.message === message)) return
    this.log(run, { kind: 'stage', stage, message })
    this.update(run, {})
  }

  /** Shown and saved with the next change. */
  private log(run: Run, line: Omit<RunLogLine, 'at'>): void {
    const { log } = run.saved.entry
    run.saved.entry = { ...run.saved.entry, log: [...log, { at: new Date().toISOString(), ...line }].slice(-MOST_LOG_LINES) }
  }

  private broken(run: Run, error: unknown): void {
    if (!this.runs.has(run.saved.entry.id) || run.saved.entry.status !== 'running') return
    const problem = toProblem(error)
    this.log(run, { kind: 'status', message: problem.message })
    // What was trained stays usable although its scores are missing.
    const trained = run.saved.entry.fit !== null
    if (problem.code === 'engine-lost') this.update(run, { status: 'interrupted', problem })
    else if (problem.code === 'cancelled') this.update(run, { status: 'stopped', problem: null })
    else this.update(run, { status: trained ? 'finished' : 'failed', problem })
  }

  private update(run: Run, change: Partial<SavedRun['entry']>): RunEntry {
    run.saved.entry = { ...run.saved.entry, ...change }
    run.shownAt = Date.now()
    const entry = this.entryOf(run)
    this.events.emit('run', entry)
    const { saved } = run
    run.saving = run.saving.then(() => writeJsonFile(this.recordPath(entry.id), saved)).catch((error: unknown) => this.project.note(error))
    return entry
  }

  private entryOf(run: Run): RunEntry {
    const { entry } = run.saved
    return { ...entry, folder: this.folderOf(entry.id), cubeId: entry.cubeId !== null && this.cubes.has(entry.cubeId) ? entry.cubeId : null }
  }

  private require(runId: string): Run {
    const run = this.runs.get(runId)
    if (!run) throw new CuvetteError('bad-argument', `There is no run with the id "${runId}".`)
    return run
  }

  private requireTrained(runId: string): Run {
    const run = this.require(runId)
    if (run.saved.entry.fit === null) throw new CuvetteError('bad-artifact', `The run "${run.saved.entry.name}" has no trained pipeline yet.`)
    return run
  }

  private forget(runId: string): void {
    this.project.content.runs = this.project.content.runs.filter((id) => id !== runId)
    this.project.changed()
  }

  private async releaseScores(run: Run): Promise<void> {
    const reference = this.scoresPath(run)
    // An engine that was lost has nothing open.
    if (reference !== null) await this.engines.browse.call('cube.release', { reference }).catch(() => undefined)
  }

  private scoresPath(run: Run): string | null {
    return run.saved.scoresFile === null ? null : join(this.folderOf(run.saved.entry.id), run.saved.scoresFile)
  }

  private folderOf(runId: string): string {
    return join(this.project.runsFolder, runId)
  }

  private recordPath(runId: string): string {
    return join(this.project.runsFolder, `${runId}.json`)
  }

  private freeName(name: string): string {
    const taken = new Set([...this.runs.values()].map((run) => run.saved.entry.name))
    for (let number = 2, free = name; ; free = `${name} (${number++})`) if (!taken.has(free)) return free
  }
}

/** The records up to this epoch, and it: after a resume the trainer repeats the epochs behind its checkpoint. */
function withRecord(records: EpochRecord[], record: EpochRecord): EpochRecord[] {
  return [...records.filter((other) => other.epoch < record.epoch), record]
}

function slug(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '') || 'pipeline'
}

function freeFolder(parent: string, name: string): string {
  for (let number = 2, path = join(parent, name); ; path = join(parent, `${name}-${number++}`)) if (!existsSync(path)) return path
}
