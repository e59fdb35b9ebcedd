import { Queue, QueueEvents } from 'bullmq'
import * as v from 'valibot'
import { CuvetteError } from '../../shared/problem'
import type { Problem } from '../../shared/problem'
import type { QueueConnection } from './queue-connection'
import { QUEUE_NAME } from './queue-connection'
import { resultOf } from './results'
import type { SceneJob } from './scene-job'
import type { Tally } from './tally'
import { sceneOf } from './tally'

/** Jobs that are sent or asked about at once. */
const AT_ONCE = 500
/** Between two looks at everything that is still out: events tell sooner, but may be missed while the queue is away. */
const LOOK_AGAIN_MS = 5000
/** A folder shared over a network shows a result late; after so many looks it is not coming. */
const LOOKS_FOR_A_RESULT = 4
/** Without anybody at work, it is said after so long. */
const NOBODY_MS = 3000

/**
 * Puts cubes into the queue for workers anywhere, and waits for their results in the shared folder: that folder, not the
 * queue, says what is done. A queue that loses its jobs gets them again. Throws CuvetteError('queue-unavailable') when it
 * stays away, 'cancelled' after a stop; then the jobs that nobody has begun are taken back. The connection is closed.
 */
export async function distribute(jobs: readonly SceneJob[], connection: QueueConnection, tally: Tally, signal: AbortSignal, note: (text: string) => void): Promise<void> {
  const queue = new Queue<SceneJob>(QUEUE_NAME, { connection: connection.connect() })
  const events = new QueueEvents(QUEUE_NAME, { connection: connection.connect() })
  // What they were asked for tells; without a listener an error would end the process.
  queue.on('error', () => undefined)
  events.on('error', () => undefined)
  const out = new Map(jobs.map((job) => [job.key, job]))
  const looks = new Map<string, number>()

  async function send(some: readonly SceneJob[]): Promise<void> {
    for (let from = 0; from < some.length; from += AT_ONCE) {
      const part = some.slice(from, from + AT_ONCE)
      // The same work may be known from before, finished or failed: it is asked for anew.
      await Promise.all(part.map(async ({ key }) => {
        if (['completed', 'failed'].includes(await queue.getJobState(key))) await queue.remove(key)
      }))
      await queue.addBulk(part.map((job) => ({ name: job.name, data: job, opts: { jobId: job.key, removeOnComplete: { age: 3600 }, removeOnFail: { age: 86_400 } } })))
    }
  }

  async function look(key: string): Promise<void> {
    const job = out.get(key)
    if (!job) return
    const result = await resultOf(job)
    if (result) return settle(job, () => tally.settle(sceneOf(job, result)))
    const state = await queue.getJobState(key)
    if (state === 'failed') {
      const failed = await queue.getJob(key)
      settle(job, () => tally.settle(sceneOf(job, failure(job, failed?.failedReason ?? ''))))
    } else if (state === 'completed') {
      const seen = (looks.get(key) ?? 0) + 1
      looks.set(key, seen)
      if (seen < LOOKS_FOR_A_RESULT) return
      const message = `A worker finished ${job.name}, but its result is not in ${job.out}; batch and workers must see the same folder under the same path.`
      settle(job, () => tally.settle(sceneOf(job, { code: 'cannot-write', message, path: job.out })))
    } else if (state === 'unknown') await send([job])
  }

  function settle(job: SceneJob, tell: () => void): void {
    // Two looks may overlap.
    if (out.delete(job.key)) tell()
    if (out.size === 0) finished?.()
  }

  async function lookAtAll(): Promise<void> {
    const keys = [...out.keys()]
    for (let from = 0; from < keys.length; from += AT_ONCE) await Promise.all(keys.slice(from, from + AT_ONCE).map(look))
  }

  let finished: (() => void) | null = null
  let stop: (() => void) | null = null
  let timer: NodeJS.Timeout | undefined
  const quietly = (work: Promise<unknown>): void => void work.catch(() => undefined)
  const nobody = setTimeout(() => quietly(queue.getWorkersCount().then((count) => {
    if (count === 0) note(`No worker takes cubes from ${connection.url} yet; start some with "cuvette worker --queue ${connection.url}".`)
  })), NOBODY_MS)
  try {
    const allDone = new Promise<void>((resolve) => (finished = resolve))
    const stopped = new Promise<void>((resolve) => {
      stop = resolve
      signal.addEventListener('abort', stop)
      if (signal.aborted) resolve()
    })
    for (const event of ['completed', 'failed'] as const) events.on(event, ({ jobId }: { jobId: string }) => quietly(look(jobId)))
    const work = async (): Promise<void> => {
      await send(jobs)
      // One after the other: a look may wait for a queue that is away.
      for (;;) {
        await new Promise((resolve) => (timer = setTimeout(resolve, LOOK_AGAIN_MS)))
        await lookAtAll()
      }
    }
    await Promise.race([allDone, stopped, connection.lost, work()])
    if (!signal.aborted) return
    await Promise.race([takeBack(queue, [...out.keys()]), connection.lost])
    throw new CuvetteError('cancelled', `The batch was stopped after ${tally.settled} of ${tally.total} cubes; workers finish what they have begun, and the same command continues with the others.`)
  } finally {
    clearTimeout(timer)
    clearTimeout(nobody)
    if (stop) signal.removeEventListener('abort', stop)
    await connection.close(queue, events)
  }
}

/** Jobs that a worker has begun stay. */
async function takeBack(queue: Queue, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += AT_ONCE) await Promise.all(keys.slice(from, from + AT_ONCE).map((key) => queue.remove(key).catch(() => 0)))
}

const problemSchema = v.looseObject({ code: v.string(), message: v.string() })

/** What a worker said, or what the queue says of workers that can say nothing any more. */
function failure({ cube }: SceneJob, reason: string): Problem {
  try {
    const parsed = v.safeParse(problemSchema, JSON.parse(reason))
    if (parsed.success) return parsed.output as Problem
  } catch {
    // Not from a worker of ours.
  }
  if (/stalled/i.test(reason)) return { code: 'engine-lost', message: `The workers that scored ${cube} ended over it again and again; try it alone with "cuvette run", with less --memory.`, path: cube }
  return { code: 'internal', message: `The worker that scored ${cube} failed: ${reason}`, path: cube }
}
