import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { exclusively } from './exclusive.mjs'

const root = resolve(import.meta.dirname, '..', '..')
/** Holds the time at which the last complete build began. */
const stamp = join(root, 'out', '.built')
const sources = ['src', 'electron.vite.config.ts', 'package.json', 'package-lock.json']
const products = ['main/index.js', 'main/webhost.js', 'main/cli.js', 'main/engine.js', 'preload/index.cjs', 'renderer/index.html']

/** Builds when out/ is older than the sources, or when told to. Throws an Error with one sentence; what the build said is on stderr. */
export async function ensureBuilt({ force = false } = {}) {
  if (!force && isBuilt()) return
  await exclusively('build', async () => {
    if (!force && isBuilt()) return
    console.error('Building (electron-vite build).')
    const began = Date.now()
    const build = spawnSync(process.execPath, [join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js'), 'build'], { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
    if (build.status !== 0) {
      console.error(`${build.stdout ?? ''}${build.stderr ?? ''}`)
      throw new Error('The build failed; the lines above say where.')
    }
    const missing = products.filter((product) => !existsSync(join(root, 'out', product)))
    if (missing.length > 0) throw new Error(`The build wrote no ${missing.map((product) => `out/${product}`).join(', ')}.`)
    mkdirSync(join(root, 'out'), { recursive: true })
    writeFileSync(stamp, String(began))
  })
}

function isBuilt() {
  if (!existsSync(stamp) || !products.every((product) => existsSync(join(root, 'out', product)))) return false
  const began = Number(readFileSync(stamp, 'utf8'))
  return sources.every((source) => newestTime(join(root, source)) < began)
}

/** Newest modification below a path, in milliseconds. Folders count too: a file may have been removed. */
function newestTime(path) {
  const found = statSync(path)
  if (!found.isDirectory()) return found.mtimeMs
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestTime(join(path, name))), found.mtimeMs)
}
