// npm run -s cuvette -- ARGUMENTS: the command line from the repository, installed and built first when needed.
// Only the command itself writes on stdout.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(import.meta.dirname, '..')
const entry = join(root, 'out', 'main', 'cli.js')

const module = (name) => JSON.stringify(pathToFileURL(join(root, 'scripts', 'prerequisites', name)).href)

/** In a process of its own, so that whatever npm or the build prints goes to stderr. The build is loaded only once its packages are there. */
const preparation = `
  try {
    await (await import(${module('install.mjs')})).ensureInstalled()
    await (await import(${module('build.mjs')})).ensureBuilt()
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }`

function prepare() {
  const { status } = spawnSync(process.execPath, ['--input-type=module', '-e', preparation], { cwd: root, stdio: ['ignore', 2, 2] })
  return status === 0 && existsSync(entry)
}

if (!prepare()) {
  const message = 'Cuvette could not be installed or built; the lines above on stderr say why.'
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code: 'internal', message } }, null, 2))
  else console.error(`cuvette: ${message}`)
  process.exit(1)
}

// npm runs scripts in the repository; relative paths mean the folder they were typed in.
if (process.env.npm_lifecycle_event === 'cuvette' && process.env.INIT_CWD) process.chdir(process.env.INIT_CWD)
// In this process: the same signals, streams and exit code, and no second start of Node.
await import(pathToFileURL(entry).href)
