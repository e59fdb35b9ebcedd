// npm run scorer: writes the small scorer of the template band-selector-onnx.yaml. The same bytes every time.
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')
// Inside the repository, so that packages are found.
const outDir = join(root, '.cache', 'scorer')

await ensureInstalled()
const { build } = await import('vite')
await build({ root, configFile: false, logLevel: 'error', build: { ssr: join(root, 'scripts', 'scorer', 'local-contrast.ts'), outDir, target: 'node20', rollupOptions: { output: { entryFileNames: 'local-contrast.js' } } } })
const { localContrast } = await import(pathToFileURL(join(outDir, 'local-contrast.js')).href)
writeFileSync(join(root, 'resources', 'pipelines', 'local-contrast.onnx'), localContrast())
