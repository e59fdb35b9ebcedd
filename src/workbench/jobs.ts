import { randomUUID } from 'node:crypto'
import type { JobEntry } from '../shared/contract'
import { CuvetteError, toProblem } from '../shared/problem'
import type { WorkProgress } from '../shared/reports'
import type { EventStream } from './events'

/** What a running job is given. */
export interface JobControl {
  /** The signal of the present stage: a stop aborts it. `renewed()` begins a stage that needs a stop of its own. */
  signal(): AbortSignal
  renewed(): AbortSignal
  report(progress: WorkProgress): void
}

/** `stopped` when the person stopped it and what was reached is kept. */
export type JobOutcome = 'finished' | 'stopped'

interface Job {
  entry: JobEntry
  controller: AbortController
  work(control: JobControl): Promise<JobOutcome>
  settled(error: unknown): void
  done: Promise<void>
  /** Nobody wants its result any more: later stages do not begin either. */
  abandoned: boolean
  shownAt: number
}

const KEPT_JOBS = 50
/** Progress inside a stage is shown at most this often, in milliseconds. */
const SHOW_EVERY = 100

/** Every long work: in each engine process one after the other, each with progress, seconds left and a stop. */
export class Jobs {
  private readonly jobs: Job[] = []
  /** What is made for the picture does not wait for a training, nor a training for it. */
  private readonly lanes = { compute: Promise.resolve(), browse: Promise.resolve() }

  constructor(private readonly events: EventStream) {}

  list(): JobEntry[] {
    return this.jobs.map((job) => job.entry)
  }

  /** Queues the work. `done` rejects with what the work threw; nobody has to look at it. */
  start(kind: JobEntry['kind'], title: string, runId: string | null, work: Job['work']): { entry: JobEntry; done: Promise<void> } {
    const entry: JobEntry = {
      id: randomUUID().slice(0, 8), kind, title, runId, status: 'waiting', progress: null, stopsAfterEpoch: false, message: 'Waiting.', secondsLeft: null,
      started: new Date().toISOString(), problem: null,
    }
    let settled: Job['settled'] = () => undefined
    const done = new Promise<void>((resolve, reject) => {
      settled = (error) => (error === null ? resolve() : reject(error))
    })
    done.catch(() => undefined)
    const job: Job = { entry, controller: new AbortController(), work, settled, done, abandoned: false, shownAt: 0 }
    this.jobs.push(job)
    this.forgetOld()
    this.events.emit('job', entry)
    const lane = kind === 'overview' || kind === 'detect' ? 'browse' : 'compute'
    this.lanes[lane] = this.lanes[lane].then(() => this.perform(job))
    return { entry, done }
  }

  stop(jobId: string): void {
    const job = this.find(jobId)
    if (job.entry.status === 'waiting') this.end(job, new CuvetteError('cancelled', 'The work was stopped before it began.'))
    if (job.entry.status !== 'running') return
    job.controller.abort()
    this.show(job, { message: 'Stopping.', secondsLeft: null })
  }

  /** Stops a training when its present epoch is finished; other work goes on until there is one. */
  stopAfterEpoch(jobId: string): void {
    const job = this.find(jobId)
    if (job.entry.status === 'waiting') return this.stop(jobId)
    if (job.entry.status === 'running' && !job.controller.signal.aborted) this.show(job, { stopsAfterEpoch: true })
  }

  /** Nothing that still waits begins any more. */
  shutdown(): void {
    for (const job of this.jobs) if (job.entry.status === 'waiting') this.stop(job.entry.id)
  }

  /** Stops the jobs of a run for good, and waits until they ended. */
  async abandonAllOf(runId: string): Promise<void> {
    const active = this.jobs.filter(({ entry }) => entry.runId === runId && (entry.status === 'waiting' || entry.status === 'running'))
    for (const job of active) {
      job.abandoned = true
      this.stop(job.entry.id)
    }
    await Promise.allSettled(active.map((job) => job.done))
  }

  private async perform(job: Job): Promise<void> {
    if (job.entry.status !== 'waiting') return
    try {
      this.show(job, { status: 'running', message: 'Starting.' })
      const outcome = await job.work({
        signal: () => job.controller.signal,
        renewed: () => {
          if (!job.abandoned) job.controller = new AbortController()
          return job.controller.signal
        },
        report: (progress) => this.report(job, progress),
      })
      this.show(job, { status: outcome, progress: outcome === 'finished' ? 1 : job.entry.progress, message: outcome === 'finished' ? 'Finished.' : 'Stopped.', secondsLeft: null })
      job.settled(null)
    } catch (error) {
      this.end(job, error)
    }
  }

  private end(job: Job, error: unknown): void {
    const problem = toProblem(error)
    if (problem.code === 'cancelled') this.show(job, { status: 'stopped', message: 'Stopped.', secondsLeft: null })
    else this.show(job, { status: 'failed', message: problem.message, problem, secondsLeft: null })
    job.settled(error)
  }

  private report(job: Job, progress: WorkProgress): void {
    const often = progress.kind === 'stage' && progress.done < progress.total && Date.now() - job.shownAt < SHOW_EVERY
    if (often) return
    this.events.emit('progress', { jobId: job.entry.id, runId: job.entry.runId, progress })
    const change = changeBy(progress, job.entry.message)
    if (change && !job.controller.signal.aborted) this.show(job, change)
    // Its state is in the checkpoint before it is told.
    if (progress.kind === 'epoch' && job.entry.stopsAfterEpoch && progress.record.epoch < progress.epochs) this.stop(job.entry.id)
  }

  private show(job: Job, change: Partial<JobEntry>): void {
    job.entry = { ...job.entry, ...change }
    job.shownAt = Date.now()
    this.events.emit('job', job.entry)
  }

  private find(jobId: string): Job {
    const job = this.jobs.find((each) => each.entry.id === jobId)
    if (!job) throw new CuvetteError('bad-argument', `There is no job with the id "${jobId}".`)
    return job
  }

  private forgetOld(): void {
    while (this.jobs.length > KEPT_JOBS) {
      const old = this.jobs.findIndex((job) => job.entry.status !== 'waiting' && job.entry.status !== 'running')
      if (old < 0) return
      this.jobs.splice(old, 1)
    }
  }
}

function changeBy(progress: WorkProgress, present: string): Partial<JobEntry> | null {
  if (progress.kind === 'stage') {
    // The steps of an epoch move the bar; what the epoch before it reached stays readable.
    const message = progress.stage === 'train' && present.startsWith('Epoch') ? present : progress.message
    return { progress: progress.total > 0 ? progress.done / progress.total : null, message, secondsLeft: progress.secondsLeft }
  }
  if (progress.kind === 'epoch') {
    const { epoch, loss } = progress.record
    return {
      progress: progress.epochs > 0 ? Math.min(1, epoch / progress.epochs) : null,
      message: `Epoch ${epoch} of ${progress.epochs}, loss ${loss.toPrecision(4)}.`,
      secondsLeft: progress.secondsLeft,
    }
  }
  return null
}
