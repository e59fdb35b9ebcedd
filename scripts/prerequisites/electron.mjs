import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { rememberedFailure, rememberFailure } from './remembered.mjs'

const folder = resolve(import.meta.dirname, '..', '..', 'node_modules', 'electron')
const DOWNLOAD_LIMIT_MS = 60_000

/** The Electron program, downloaded if that is possible: {path, reason}. Without one, path is null and reason says why. */
export function electronProgram() {
  const unusable = whyUnusable()
  if (unusable) return { path: null, reason: unusable }
  const there = installed()
  if (there) return { path: there, reason: 'Electron is installed' }
  const failure = rememberedFailure('electron-download')
  if (failure) return { path: null, reason: `${failure} (tried within the last day; \`npx install-electron\` tries again)` }
  console.error('Electron is not installed yet; trying to download it, for a minute at most.')
  const download = spawnSync(process.execPath, [join(folder, 'install.js')], { encoding: 'utf8', timeout: DOWNLOAD_LIMIT_MS, killSignal: 'SIGKILL' })
  const path = installed()
  if (path) return { path, reason: 'Electron was downloaded' }
  const reason = download.error?.code === 'ETIMEDOUT' ? 'Electron could not be downloaded within a minute' : 'Electron could not be downloaded from its host'
  rememberFailure('electron-download', reason)
  return { path: null, reason }
}

function installed() {
  const pathFile = join(folder, 'path.txt')
  if (!existsSync(pathFile)) return null
  const path = join(folder, 'dist', readFileSync(pathFile, 'utf8').trim())
  return existsSync(path) ? path : null
}

/** A window needs a screen, and Chromium's sandbox needs a user that is not root. */
function whyUnusable() {
  if (process.platform !== 'linux') return null
  if (!hasDisplay()) return 'there is no display for a window (neither DISPLAY nor WAYLAND_DISPLAY is set)'
  return process.getuid() === 0 ? 'Electron does not run as root' : null
}

export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}
