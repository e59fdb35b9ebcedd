import type { EngineRole, FromEngine, ToEngine } from '../shared/engine-contract'

/** A running engine process as its host sees it. */
export interface EngineProcess {
  /** Throws or is lost silently when the process is gone; onExit tells. */
  post(message: ToEngine): void
  onMessage(listener: (message: FromEngine) => void): void
  /** Called once; `how` reads like "exit code 1" or "signal SIGSEGV". */
  onExit(listener: (how: string) => void): void
  kill(): void
}

/** Where things are; differs between the repository and a packaged app. */
export interface Places {
  /** Compiled entry of the engine processes. */
  engine: string
  /** The built pages. */
  renderer: string
  /** sample/ and pipelines/, read-only. */
  resources: string
  version: string
}

export type ChoosePurpose = 'cube' | 'mask' | 'library' | 'wavelengths' | 'export-folder' | 'header-folder' | 'project-folder'

/** What the workbench needs from whoever shows it. No feature lives behind it. */
export interface Host {
  readonly kind: 'electron' | 'browser'
  readonly places: Places
  /** The user's data folder of Cuvette: the sample project and the recent list. */
  readonly home: string
  startEngine(role: EngineRole): EngineProcess
  /** Native file dialog; null where there is none, then the renderer lists folders. */
  readonly choose: ((purpose: ChoosePurpose) => Promise<string[]>) | null
  /** Asks the person in a way the page cannot fake whether Cuvette may use this path. */
  confirmAccess(path: string): Promise<boolean>
}
