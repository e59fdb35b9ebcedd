import type { EpochRecord, WorkProgress } from '../shared/reports'
import type { Terminal } from './terminal'
import { duration, figures } from './words'

/** Without a terminal, a stage that runs on says so this often. */
const MILLISECONDS_BETWEEN_LINES = 10_000

/** Tells a person how far a fit, a run or an export is: one line that is rewritten, or a few lines in a log. */
export function progressOn(terminal: Terminal): (progress: WorkProgress) => void {
  let stage = ''
  let lastLine = 0
  /** The last epoch, and the stage that it belongs to: while that runs on, the line keeps showing it. */
  let epoch = { stage: '', text: '' }
  const seen = new Set<string>()

  return (progress) => {
    switch (progress.kind) {
      case 'device':
        return once(`Runs on ${progress.reason}`)
      case 'warning':
        return once(`Warning: ${progress.message}`)
      case 'stage': {
        const text = stageLine(progress)
        terminal.status(progress.stage === epoch.stage ? `${epoch.text}  ${text}` : text)
        if (terminal.interactive) {
          stage = progress.stage
          return
        }
        const now = Date.now()
        if (progress.stage === stage && now - lastLine < MILLISECONDS_BETWEEN_LINES) return
        stage = progress.stage
        lastLine = now
        terminal.note(text)
        return
      }
      case 'epoch': {
        const text = epochLine(progress.record, progress.epochs, progress.secondsLeft)
        epoch = { stage, text: epochLine(progress.record, progress.epochs, null) }
        terminal.status(text)
        if (!terminal.interactive && worthALine(progress.record.epoch, progress.epochs)) terminal.note(text)
        return
      }
    }
  }

  function once(text: string): void {
    if (seen.has(text)) return
    seen.add(text)
    terminal.note(text)
  }
}

function stageLine({ message, done, total, secondsLeft }: Extract<WorkProgress, { kind: 'stage' }>): string {
  const percent = total > 0 && done > 0 ? ` ${Math.floor((100 * Math.min(done, total)) / total)} %` : ''
  return `${message}${percent}${timeLeft(secondsLeft)}`
}

function epochLine(record: EpochRecord, epochs: number, secondsLeft: number | null): string {
  const parts = [`epoch ${record.epoch}/${epochs}`, `loss ${figures(record.loss)}`]
  if (record.validationLoss !== null) parts.push(`validation ${figures(record.validationLoss)}`)
  for (const [name, value] of Object.entries(record.metrics)) {
    if (/(^|[/_.])auc$/i.test(name)) parts.push(`AUC ${value.toFixed(4)}`)
  }
  return `${parts.join('  ')}${timeLeft(secondsLeft)}`
}

/** The first, the last and about ten between. */
function worthALine(epoch: number, epochs: number): boolean {
  return epoch === 1 || epoch >= epochs || epoch % Math.max(1, Math.ceil(epochs / 10)) === 0
}

function timeLeft(seconds: number | null): string {
  return seconds === null || seconds < 1 ? '' : `  about ${duration(Math.ceil(seconds), 0)} left`
}
