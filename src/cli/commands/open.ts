import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { applicationRoot } from '../../workbench/places'
import type { Outcome } from '../outcome'

/** cuvette open [PROJECT]: starts the desktop window and leaves it running. */
export async function open(project: string | undefined): Promise<Outcome> {
  const electron = electronBinary()
  const folder = project === undefined ? null : resolve(project)
  const child = spawn(electron, [applicationRoot(), ...(folder === null ? [] : [folder])], { detached: true, stdio: 'ignore' })
  await new Promise<void>((started, failed) => {
    child.once('spawn', started)
    child.once('error', (error) => failed(new CuvetteError('unsupported', `The window could not be started (${error.message}); \`cuvette serve\` shows the workbench in a browser.`, { path: electron, cause: error })))
  })
  child.unref()
  return { document: { electron, project: folder, pid: child.pid ?? null }, text: 'The window is opening.' }
}

/** The executable beside the electron package. Asking the package itself would start a download. */
function electronBinary(): string {
  const absent = new CuvetteError(
    'unsupported',
    'The Electron program is not installed here; `npx install-electron` downloads it, and `cuvette serve` shows the same workbench in a browser.',
  )
  let folder: string
  try {
    folder = dirname(createRequire(import.meta.url).resolve('electron/package.json'))
  } catch {
    throw absent
  }
  const pathFile = join(folder, 'path.txt')
  if (!existsSync(pathFile)) throw absent
  const binary = join(process.env.ELECTRON_OVERRIDE_DIST_PATH ?? join(folder, 'dist'), readFileSync(pathFile, 'utf8').trim())
  if (!existsSync(binary)) throw absent
  return binary
}
