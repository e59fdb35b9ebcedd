import type { Terminal } from './terminal'

/**
 * Ctrl+C asks for an orderly stop, once. The listener is then gone, so the second Ctrl+C ends the
 * process the way the system does, even inside a long call of onnxruntime.
 */
export async function stoppable<T>(terminal: Terminal, notice: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const stop = (): void => {
    release()
    terminal.note(`${notice} Press Ctrl+C again to quit at once.`)
    controller.abort()
  }
  const release = (): void => {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  try {
    return await work(controller.signal)
  } finally {
    release()
  }
}
