import type { WorkerReport } from '../../shared/reports'
import { openQueue } from '../batch/queue-connection'
import { workFrom } from '../batch/work'
import { stoppable } from '../interrupt'
import type { Outcome } from '../outcome'
import type { Terminal } from '../terminal'
import { counted } from '../words'

export interface WorkerOptions {
  queue: string
  processes: number
  lease: number
  patience: number
  untilEmpty?: boolean
}

/** cuvette worker: scores cubes that "cuvette batch --queue" put into a queue, until Ctrl+C. */
export async function worker({ queue, processes, lease, patience, untilEmpty = false }: WorkerOptions, terminal: Terminal): Promise<Outcome> {
  const report = await stoppable(terminal, 'Stopping after the cubes that are being scored.', async (signal): Promise<WorkerReport> => {
    const connection = await openQueue(queue, patience)
    terminal.note(`Takes cubes from ${connection.url}, ${processes} at a time, until ${untilEmpty ? 'the queue is empty' : 'Ctrl+C'}.`)
    return await workFrom(connection, { processes, leaseSeconds: lease, untilEmpty, signal, note: (text) => terminal.note(text) })
  })
  return { document: report, text: `Scored ${counted(report.scored, 'cube')}${report.failed > 0 ? `, ${report.failed} failed` : ''}.` }
}
