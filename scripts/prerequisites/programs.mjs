import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The first program of one of these names in a folder of the path; null without any, and on Windows. */
export function programOnPath(names) {
  if (process.platform === 'win32') return null
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find(isProgram) ?? null
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The program that an environment variable names, where it exists. */
export function programNamedBy(variable) {
  const path = process.env[variable]
  return path && existsSync(path) ? path : null
}

/** Installs a package of Debian where this is Debian and root; otherwise nothing happens. Whether it worked shows afterwards. */
export function installDebianPackage(name) {
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) return
  console.error(`Installing the package ${name} (apt-get).`)
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', name]]) {
    spawnSync('/usr/bin/apt-get', words, { stdio: ['ignore', 2, 2], env: environment })
  }
}
