import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { rememberedFailure, rememberFailure } from './remembered.mjs'

const root = resolve(import.meta.dirname, '..', '..')
const DOWNLOAD_LIMIT_MS = 180_000

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']
const elsewhere = {
  darwin: ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', '/Applications/Chromium.app/Contents/MacOS/Chromium'],
  win32: ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA']
    .filter((name) => process.env[name])
    .map((name) => join(process.env[name], 'Google', 'Chrome', 'Application', 'chrome.exe')),
}

/**
 * The browser of the end-to-end tests: {path, message}. In this order: the one named by CUVETTE_BROWSER, a
 * system Chromium or Chrome, Playwright's own download, Debian's package when root. path is null without any,
 * and message says what to do.
 */
export async function browserForTests() {
  const found = named() ?? system() ?? (await playwrightDownload()) ?? debianPackage()
  if (found) return { path: found, message: `Browser for tests: ${found}` }
  return {
    path: null,
    message: 'No Chromium or Chrome was found for the end-to-end tests: install one with "sudo apt-get install chromium" (Debian), or with "npx playwright install chromium".',
  }
}

function named() {
  const path = process.env.CUVETTE_BROWSER
  return path && existsSync(path) ? path : null
}

function system() {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)))
  return [...(process.platform === 'win32' ? [] : candidates), ...(elsewhere[process.platform] ?? [])].find(isProgram) ?? null
}

async function playwrightDownload() {
  const { chromium } = await import('@playwright/test')
  const path = chromium.executablePath()
  if (existsSync(path)) return path
  if (rememberedFailure('playwright-download')) return null
  console.error("No Chromium or Chrome is installed; trying Playwright's own download.")
  const cli = join(root, 'node_modules', '@playwright', 'test', 'cli.js')
  spawnSync(process.execPath, [cli, 'install', 'chromium'], { cwd: root, stdio: ['ignore', 2, 2], timeout: DOWNLOAD_LIMIT_MS, killSignal: 'SIGKILL' })
  if (existsSync(path)) return path
  rememberFailure('playwright-download', "Playwright's Chromium could not be downloaded.")
  return null
}

function debianPackage() {
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) return null
  console.error('Installing the package chromium (apt-get).')
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const words of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    spawnSync('/usr/bin/apt-get', words, { stdio: ['ignore', 2, 2], env: environment })
  }
  return system()
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
