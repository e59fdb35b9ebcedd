// npm run docs:nodes: writes docs/nodes from the catalogue of the built command line.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pages } from './nodes/pages.mjs'

const root = resolve(import.meta.dirname, '..')
const folder = join(root, 'docs', 'nodes')
const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'cuvette.mjs'), 'nodes', '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 26 })
if (status !== 0) process.exit(1)

const written = pages(JSON.parse(stdout).nodes)
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder)) if (!written.has(name)) rmSync(join(folder, name))
for (const [name, text] of written) writeFileSync(join(folder, name), text)
console.log(`${written.size} pages written to docs/nodes.`)
