import { Queue, UnrecoverableError, Worker } from 'bullmq'
import type { Job } from 'bullmq'
import * as v from 'valibot'
import { CuvetteError, toProblem } from '../../shared/problem'
import type { WorkerReport } from '../../shared/reports'
import type { QueueConnection } from './queue-connection'
import { QUEUE_NAME } from './queue-connection'
import type { SceneJob } from './scene-job'
import { SceneJobSchema } from './scene-job'
import { Scorer, THIS_PROCESS } from './scorer'

export interface WorkOptions {
  /** Cubes at a time, each in a process of its own. */
  processes: number
  /** A worker that was not heard of for so long is taken for dead, and its cube goes to another. */
  leaseSeconds: number
  /** End when nothing waits and nobody works, instead of waiting for more. */
  untilEmpty: boolean
  signal: AbortSignal
  note(text: string): void
}

/** A cube that ended its workers so often is not tried again. */
const MOST_DEATHS = 2
/** Between two looks whether the queue is empty. */
const EMPTY_AGAIN_MS = 500

/**
 * Takes cubes from the queue until it is stopped; what it has begun it finishes. The lock of a cube is renewed from here
 * while another process scores, so a long computation does not look like a death. Throws CuvetteError('queue-unavailable')
 * when the queue stays away. The connection is closed.
 */
export async function workFrom(connection: QueueConnection, { processes, leaseSeconds, untilEmpty, signal, note }: WorkOptions): Promise<WorkerReport> {
  const idle = Array.from({ length: processes }, () => new Scorer())
  const all = [...idle]
  const begun = new Set<Promise<unknown>>()
  const report: WorkerReport = { queue: connection.url, scored: 0, failed: 0 }

  async function score(data: unknown, id: string): Promise<{ by: string }> {
    // BullMQ hands out no more jobs at once than there are processes.
    const scorer = idle.pop() as Scorer
    try {
      const job = checked(data, id)
      const result = await scorer.score(job)
      report.scored += 1
      note(`${job.cube}: ${result.report.flagged} pixels flagged`)
      return { by: result.by }
    } catch (error) {
      const problem = toProblem(error)
      report.failed += 1
      note(`Warning: ${problem.message}`)
      // The same cube would fail in the same way again.
      throw new UnrecoverableError(JSON.stringify(problem))
    } finally {
      idle.push(scorer)
    }
  }

  const worker = new Worker<unknown, { by: string }>(QUEUE_NAME, (job: Job<unknown, { by: string }>) => {
    const work = score(job.data, job.id ?? '')
    const settled = work.catch(() => undefined).finally(() => begun.delete(settled))
    begun.add(settled)
    return work
  }, {
    connection: connection.connect(), name: THIS_PROCESS, concurrency: processes, autorun: false,
    lockDuration: leaseSeconds * 1000, stalledInterval: leaseSeconds * 1000, maxStalledCount: MOST_DEATHS,
    // What came in between two questions about an empty queue is noticed at once; this bounds a lost connection.
    drainDelay: 1,
  })
  worker.on('error', () => undefined)
  const queue = untilEmpty ? new Queue(QUEUE_NAME, { connection: connection.connect() }) : null
  queue?.on('error', () => undefined)
  const running = worker.run().catch(() => undefined)

  let stop: (() => void) | null = null
  let timer: NodeJS.Timeout | undefined
  try {
    const stopped = new Promise<void>((resolve) => {
      stop = resolve
      signal.addEventListener('abort', stop)
      if (signal.aborted) resolve()
    })
    await Promise.race([stopped, connection.lost, ...(queue ? [empty(queue, (next) => (timer = next))] : [])])
    await Promise.race([worker.close().then(() => running), connection.lost])
    return report
  } finally {
    clearTimeout(timer)
    if (stop) signal.removeEventListener('abort', stop)
    // Without the queue nobody may be told, but the result is there for who comes next.
    await Promise.all(begun)
    await Promise.all(all.map((scorer) => scorer.close()))
    await connection.close({ close: () => worker.close(true) }, ...(queue ? [queue] : []))
  }
}

async function empty(queue: Queue, keep: (timer: NodeJS.Timeout) => void): Promise<void> {
  for (;;) {
    const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'prioritized')
    if (Object.values(counts).every((count) => count === 0)) return
    await new Promise((resolve) => keep(setTimeout(resolve, EMPTY_AGAIN_MS)))
  }
}

/** A queue holds whatever somebody put there. */
function checked(data: unknown, id: string): SceneJob {
  const parsed = v.safeParse(SceneJobSchema, data)
  if (parsed.success && parsed.output.key === id) return parsed.output
  const where = parsed.success ? 'key' : v.getDotPath(parsed.issues[0]) ?? 'the document'
  throw new CuvetteError('bad-argument', `The job ${id} in the queue is not one of a batch of this version: ${where} is not as expected; send it again with "cuvette batch" of the same version.`, { where })
}
