import { rmdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createFolder } from '../../engine/inference/outputs'
import { isDocument, openFitted } from '../../engine/inference/saved-pipeline'
import { writeFileAtomic } from '../../engine/files/atomic'
import type { BatchReport } from '../../shared/reports'
import { scoreLocally } from '../batch/local'
import { requirePlace, resultOf, UNFINISHED_FOLDER } from '../batch/results'
import { planBatch } from '../batch/scene-job'
import { sceneOf, Tally } from '../batch/tally'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'
import { counted, duration, facts } from '../words'
import type { RunOptions } from './run'
import { settingsOf } from './run'

export interface BatchOptions extends RunOptions {
  queue?: string
  processes: number
  patience: number
}

export const BATCH_FILE = 'batch.json'

/** cuvette batch DIR: many cubes, by processes of this machine or by workers that take them from a queue. */
export async function batch(folder: string, options: BatchOptions, terminal: Terminal): Promise<Outcome> {
  const started = performance.now()
  const out = resolve(options.out)
  const pipelineFolder = resolve(folder)
  const report = await stoppable(terminal, 'Stopping.', async (signal): Promise<BatchReport> => {
    // Asked first: whoever mistypes the address should not wait for thousands of files to be looked at. Loaded only where it is asked for.
    const connection = options.queue === undefined ? null : await (await import('../batch/queue-connection')).openQueue(options.queue, options.patience)
    try {
      // A pipeline that cannot be opened would fail once for every cube. A document needs the bands of a cube, which may be the damaged one.
      if (!isDocument(pipelineFolder)) await openFitted(pipelineFolder, undefined, signal)
      const jobs = await planBatch({ pipelineFolder, data: options.data, masks: options.mask ?? [], out, settings: settingsOf(options) }, signal)
      const undo = await createFolder(out)
      const tally = new Tally(jobs.length, progressOn(terminal))
      try {
        const left = []
        for (const job of jobs) {
          const there = await resultOf(job)
          if (there) tally.settle(sceneOf(job, there, 'kept'))
          else {
            await requirePlace(job)
            left.push(job)
          }
        }
        if (left.length > 0 && connection) await (await import('../batch/distribute')).distribute(left, connection, tally, signal, (text) => terminal.note(text))
        else if (left.length > 0) await scoreLocally(left, options.processes, tally, signal)
        const cubes = tally.inOrderOf(jobs)
        const count = (status: string): number => cubes.filter((scene) => scene.status === status).length
        const found: BatchReport = {
          out, queue: connection?.url ?? null, seconds: (performance.now() - started) / 1000,
          done: count('done'), kept: count('kept'), failed: count('failed'), cubes,
        }
        await writeFileAtomic(join(out, BATCH_FILE), `${JSON.stringify(found, null, 2)}\n`)
        return found
      } catch (error) {
        await removeEmpty(join(out, UNFINISHED_FOLDER))
        await undo()
        throw error
      } finally {
        await removeEmpty(join(out, UNFINISHED_FOLDER))
      }
    } finally {
      await connection?.close()
    }
  })
  const outcome: Outcome = { document: report, text: batchText(report) }
  if (report.failed > 0) outcome.failure = `${counted(report.failed, 'cube')} of ${report.cubes.length} could not be scored; the reasons are above and in ${join(out, BATCH_FILE)}.`
  return outcome
}

/** Does nothing to a folder that holds something: what others are still writing. */
async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch(() => undefined)
}

export function batchText({ out, cubes, done, kept, failed, seconds, queue }: BatchReport): string {
  const rows: [string, string][] = [['scored', counted(done, 'cube')]]
  if (kept > 0) rows.push(['kept', `${counted(kept, 'cube')} that had a result of the same work`])
  if (failed > 0) rows.push(['failed', cubes.flatMap(({ path, problem }) => (problem ? [`${path}: ${problem.message}`] : [])).join('\n')])
  rows.push(['time', duration(seconds)], ['by', queue ?? 'processes of this machine'])
  return `${out}\n${facts(rows)}`
}
