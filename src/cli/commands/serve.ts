import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { startWebHost } from '../../webhost/server'
import type { Outcome } from '../outcome'
import type { Terminal } from '../terminal'

/** cuvette serve [PROJECT]: the workbench on 127.0.0.1 behind a token, until Ctrl+C. */
export async function serve(project: string | undefined, options: { port?: number }, terminal: Terminal): Promise<Outcome> {
  const folder = project === undefined ? null : resolve(project)
  // A mistyped name must not begin a new project.
  if (folder !== null && !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CuvetteError('missing-file', `There is no folder ${folder}; make it first to begin a project there.`, { path: folder })
  }
  const host = await startWebHost({ project: folder, port: options.port })
  const close = (): void => {
    // A second Ctrl+C ends the process at once.
    for (const signal of SIGNALS) process.off(signal, close)
    void host.close().catch((error: unknown) => {
      terminal.note(`cuvette: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    })
  }
  for (const signal of SIGNALS) process.on(signal, close)
  terminal.note('The workbench runs until Ctrl+C. Whoever has the address can use it, so keep it to yourself.')
  return { document: { url: host.url, project: folder }, text: host.url }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
