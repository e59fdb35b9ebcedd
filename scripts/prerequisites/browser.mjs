import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { installDebianPackage, isProgram, programNamedBy, programOnPath } from './programs.mjs'
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
  const found = programNamedBy('CUVETTE_BROWSER') ?? system() ?? (await playwrightDownload()) ?? debianPackage()
  if (found) return { path: found, message: `Browser for tests: ${found}` }
  return {
    path: null,
    message: 'No Chromium or Chrome was found for the end-to-end tests: install one with "sudo apt-get install chromium" (Debian), or with "npx playwright install chromium".',
  }
}

function system() {
  return programOnPath(names) ?? (elsewhere[process.platform] ?? []).find(isProgram) ?? null
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
  installDebianPackage('chromium')
  return system()
}
