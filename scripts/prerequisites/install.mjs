import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exclusively } from './exclusive.mjs'

const root = resolve(import.meta.dirname, '..', '..')
const lockFile = join(root, 'package-lock.json')
const modules = join(root, 'node_modules')
/** Holds the SHA-256 of the package-lock.json that was installed. */
const stamp = join(modules, '.cuvette-installed')

/**
 * Installs what package-lock.json names when node_modules is missing or was made from another lock file.
 * Scripts of packages do not run: none is needed, and some download. Throws an Error with one sentence.
 */
export async function ensureInstalled() {
  requireNode()
  if (isInstalled()) return
  await exclusively('install', async () => {
    if (isInstalled()) return
    console.error('Installing what package-lock.json names (npm ci); this takes a minute or two.')
    const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
      // The build tools are devDependencies, and a clone is always built from its sources.
      env: { ...process.env, NODE_ENV: 'development', ONNXRUNTIME_NODE_INSTALL: 'skip' },
    })
    if (npm.error) throw new Error(`npm could not be started (${npm.error.message}): install Node 20.19 or newer together with its npm.`)
    if (npm.status !== 0) throw new Error('The packages could not be installed; the lines of npm above say why. The first time needs a network connection.')
    writeFileSync(stamp, lockHash())
  })
}

function isInstalled() {
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lockHash()
  // Installed by hand: npm leaves its own lock file behind.
  const byHand = statSync(join(modules, '.package-lock.json'), { throwIfNoEntry: false })
  if (!byHand || byHand.mtimeMs < statSync(lockFile).mtimeMs) return false
  writeFileSync(stamp, lockHash())
  return true
}

function lockHash() {
  return createHash('sha256').update(readFileSync(lockFile)).digest('hex')
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Error(`Cuvette needs Node 20.19 or newer; this is ${process.version}. Install a newer Node and repeat the command.`)
}
