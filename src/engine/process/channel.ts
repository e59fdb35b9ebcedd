import type { FromEngine, ToEngine } from '../../shared/engine-contract'

/** How an engine process speaks to the workbench that started it. */
export interface EngineChannel {
  /** Rejects when the message could not be handed over. */
  post(message: FromEngine): Promise<void>
  onMessage(listener: (message: ToEngine) => void): void
  /** The workbench is gone; there is nobody left to work for. */
  onClosed(listener: () => void): void
}

/** What Electron's utility process offers instead of an IPC pipe. */
interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown
  postMessage(message: unknown): void
}

/** The channel of this process: Electron's port when there is one, else the pipe of child_process.fork. null when it was started by hand. */
export function channelOfThisProcess(): EngineChannel | null {
  const port = (process as { parentPort?: ParentPort }).parentPort
  if (port) return portChannel(port)
  return process.send ? pipeChannel() : null
}

function portChannel(port: ParentPort): EngineChannel {
  return {
    async post(message) {
      port.postMessage(message)
    },
    onMessage(listener) {
      port.on('message', (event) => listener(event.data as ToEngine))
    },
    // Electron ends a utility process together with its parent.
    onClosed() {},
  }
}

function pipeChannel(): EngineChannel {
  return {
    post: (message) => new Promise((resolve, reject) => {
      process.send!(message, undefined, undefined, (error: Error | null) => (error ? reject(error) : resolve()))
    }),
    onMessage(listener) {
      process.on('message', (message) => listener(message as ToEngine))
    },
    onClosed(listener) {
      process.on('disconnect', listener)
    },
  }
}
