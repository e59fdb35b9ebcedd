import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Places } from './host'

/**
 * Places under an application root: the repository, an installed package or app.asar.
 * `resources` when they were moved out of the archive.
 */
export function placesUnder(root: string, resources: string = join(root, 'resources')): Places {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return { engine: join(root, 'out', 'main', 'engine.js'), renderer: join(root, 'out', 'renderer'), resources, version }
}

/** The nearest folder above this module that holds the application's package.json. */
export function applicationRoot(from: string = import.meta.dirname): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'resources'))) return folder
    if (dirname(folder) === folder) throw new Error(`No application folder was found above ${from}.`)
  }
}

/** The user's data folder of Cuvette: CUVETTE_HOME, else where the platform keeps such things. */
export function homeFolder(environment: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (environment.CUVETTE_HOME) return environment.CUVETTE_HOME
  if (platform === 'win32') return join(environment.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Cuvette')
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Cuvette')
  return join(environment.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'cuvette')
}
