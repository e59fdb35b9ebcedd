// npm start: installs and builds what is missing, then opens the workbench: in Electron where that is
// possible, else in the browser, saying which and why.
//   npm start -- [--browser] [--no-open] [--port N] [PROJECT-FOLDER | CUBE]...
import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { ensureBuilt } from './prerequisites/build.mjs'
import { electronProgram, hasDisplay } from './prerequisites/electron.mjs'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
/** A window that ends with an error this early never was one. */
const FAILED_START_MS = 15_000

try {
  const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: { browser: { type: 'boolean' }, 'no-open': { type: 'boolean' }, port: { type: 'string' } },
  })
  // npm runs scripts in the repository; relative paths mean the folder they were typed in.
  const paths = positionals.map((path) => resolve(process.env.INIT_CWD ?? process.cwd(), path))
  await ensureInstalled()
  await ensureBuilt()
  const why = options.browser ? 'as asked with --browser' : await tryWindow(paths)
  if (why !== null) await showInBrowser(paths, why, options)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}

/** null when the window was shown and closed; else why there is none. */
async function tryWindow(paths) {
  const { path, reason } = electronProgram()
  if (path === null) return reason
  console.log(`Opening the workbench in Electron: ${reason}.`)
  const began = Date.now()
  const code = await new Promise((settle) => {
    const window = spawn(path, [root, ...paths], { stdio: 'inherit' })
    window.on('error', (error) => settle(error.message))
    window.on('exit', (exitCode, signal) => settle(signal ?? exitCode))
  })
  return code !== 0 && Date.now() - began < FAILED_START_MS ? `Electron could not be started here (${code})` : null
}

async function showInBrowser(paths, why, options) {
  const { startWebHost } = await import(pathToFileURL(join(root, 'out', 'main', 'webhost.js')).href)
  const project = paths.find((path) => existsSync(path) && statSync(path).isDirectory()) ?? null
  const host = await startWebHost({ project, open: paths.filter((path) => path !== project), port: Number(options.port ?? 0) })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => void host.close().finally(() => process.exit(0)))
  console.log(`The workbench opens in the browser: ${why}.`)
  console.log(host.url)
  console.log('Press Ctrl+C to end it.')
  if (!options['no-open'] && hasDisplay()) openInBrowser(host.url)
}

/** A courtesy: whatever goes wrong, the address is printed. */
function openInBrowser(url) {
  const [program, ...words] = { darwin: ['open', url], win32: ['cmd', '/c', 'start', '', url.replaceAll('&', '^&')] }[process.platform] ?? ['xdg-open', url]
  const opener = spawn(program, words, { stdio: 'ignore', detached: true })
  opener.on('error', () => undefined)
  opener.unref()
}
