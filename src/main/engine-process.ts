import { utilityProcess } from 'electron'
import type { EngineRole, FromEngine } from '../shared/engine-contract'
import type { EngineProcess } from '../workbench/host'

/** An engine as a utility process: a Node process that Electron supervises and names. */
export function startEngineProcess(entry: string, role: EngineRole): EngineProcess {
  const child = utilityProcess.fork(entry, [role], { serviceName: `Cuvette ${role}`, stdio: 'inherit' })
  return {
    post: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', (message: FromEngine) => listener(message)),
    onExit: (listener) => void child.once('exit', (code) => listener(`exit code ${code}`)),
    kill: () => void child.kill(),
  }
}
