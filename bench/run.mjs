// npm run bench [-- step|templates|nodes] [-- --json]: against PyTorch on the same processor. `step`, the default, is a
// training step and scoring, against the bare matrix products in onnxruntime too; `templates` fits every template,
// `nodes` runs node by node.
// Prints ratios of times measured side by side; there is no pass or fail.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled } from '../scripts/prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
// Inside the repository, so that packages are found.
const outDir = join(root, '.cache', 'bench')

const subjects = {
  step: { entry: 'measure.ts', script: 'torch_step.py' },
  templates: { entry: 'templates/measure.ts', script: 'torch_templates.py' },
  nodes: { entry: 'nodes/measure.ts', script: 'torch_nodes.py' },
}
const words = process.argv.slice(2)
const named = words[0] && !words[0].startsWith('-') ? words.shift() : 'step'
if (!(named in subjects)) {
  console.error(`One of ${Object.keys(subjects).join(', ')} can be measured; found ${named}.`)
  process.exit(2)
}
const { entry, script } = subjects[named]

await ensureInstalled()
const { build } = await import('vite')
// The engine's own sources, not what happens to lie in out/.
await build({ root, configFile: false, logLevel: 'error', build: { ssr: join(root, 'bench', entry), outDir, target: 'node20', rollupOptions: { output: { entryFileNames: 'measure.js' } } } })
const { main } = await import(pathToFileURL(join(outDir, 'measure.js')).href)
await main(words, join(root, 'bench', script), root)
