// npm run bench [-- --json]: a training step and scoring against PyTorch on the same processor, and against the bare
// matrix products in onnxruntime. Prints ratios of times measured side by side; there is no pass or fail.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled } from '../scripts/prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
// Inside the repository, so that packages are found.
const outDir = join(root, '.cache', 'bench')

await ensureInstalled()
const { build } = await import('vite')
// The engine's own sources, not what happens to lie in out/.
await build({ root, configFile: false, logLevel: 'error', build: { ssr: join(root, 'bench', 'measure.ts'), outDir, target: 'node20' } })
const { main } = await import(pathToFileURL(join(outDir, 'measure.js')).href)
await main(process.argv.slice(2), join(root, 'bench', 'torch_step.py'))
