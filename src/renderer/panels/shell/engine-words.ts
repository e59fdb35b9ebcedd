import type { EngineEntry } from '../../../shared/contract'

/** What an engine process is called on the screen. */
export function engineName(role: EngineEntry['role']): string {
  return role === 'compute' ? 'The compute engine' : 'The file reader'
}

const STATES: Record<EngineEntry['status'], string> = { starting: 'starting', ready: 'ready', busy: 'busy', lost: 'restarting' }

/** "Compute ready". */
export function engineState(engine: EngineEntry): string {
  return `${engine.role === 'compute' ? 'Compute' : 'Files'} ${STATES[engine.status]}`
}
