import { fork } from 'node:child_process'
import type { EngineRole, FromEngine } from '../shared/engine-contract'
import type { EngineProcess } from './host'

/** An engine as a plain Node child, for hosts without Electron's utility processes. */
export function forkEngine(entry: string, role: EngineRole): EngineProcess {
  // Whatever native code prints goes to stderr: stdout belongs to the command line's answers.
  const child = fork(entry, [role], { serialization: 'advanced', execArgv: [], stdio: ['ignore', 2, 2, 'ipc'] })
  return {
    post(message) {
      // Without a callback a closed pipe would be an uncaught 'error'; the exit event tells the rest.
      child.send(message, () => undefined)
    },
    onMessage(listener) {
      child.on('message', (message) => listener(message as FromEngine))
    },
    onExit(listener) {
      let told = false
      const tell = (how: string) => {
        if (!told) listener(how)
        told = true
      }
      child.on('error', (error) => tell(error.message))
      child.on('exit', (code, signal) => tell(signal ? `signal ${signal}` : `exit code ${code}`))
    },
    kill() {
      child.kill('SIGKILL')
    },
  }
}
