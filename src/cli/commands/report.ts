import { join, resolve } from 'node:path'
import { REPORT_FILE, writeReport } from '../../engine/report/report'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import { progressOn } from '../progress'
import type { Terminal } from '../terminal'

/** cuvette report DIR: one HTML page about a trained pipeline. */
export async function report(folder: string, options: { out?: string }, terminal: Terminal): Promise<Outcome> {
  const out = options.out === undefined ? join(resolve(folder), REPORT_FILE) : resolve(options.out)
  const notes = await stoppable(terminal, 'Stopping.', (signal) => writeReport(resolve(folder), out, { signal, onProgress: progressOn(terminal) }))
  return { document: { out, notes }, text: [out, ...notes].join('\n') }
}
