import type { WorkProgress } from '../../shared/reports'

/** What every long work is given: a way to be stopped, and a way to tell how far it is. */
export interface WorkContext {
  signal: AbortSignal
  onProgress(progress: WorkProgress): void
}

/** Progress is told at most this often. */
const EVERY_MS = 100

/** Tells how far one stage is, and how long it will still take at the pace so far. */
export interface StageMeter {
  advance(amount: number): void
  finish(): void
}

export function startStage(context: WorkContext, stage: string, message: string, total: number): StageMeter {
  const started = performance.now()
  let told = -Infinity
  let done = 0
  const tell = (): void => {
    told = performance.now()
    const seconds = (told - started) / 1000
    context.onProgress({ kind: 'stage', stage, message, done, total, secondsLeft: done > 0 ? (seconds / done) * (total - done) : null })
  }
  tell()
  return {
    advance(amount) {
      done += amount
      if (performance.now() - told >= EVERY_MS) tell()
    },
    finish() {
      done = total
      tell()
    },
  }
}

/** Seconds since `started`, a time of performance.now(). */
export function secondsSince(started: number): number {
  return (performance.now() - started) / 1000
}
