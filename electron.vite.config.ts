import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import vue from '@vitejs/plugin-vue'

const here = import.meta.dirname

// Until every room of the engine and the pages exist, what is missing is left out of the build.
const missing = (id: string, importer: string | undefined) => {
  if (!id.startsWith('.') || !importer) return false
  const path = resolve(dirname(importer), id)
  return !['', '.ts', '/index.ts', '.vue'].some((ending) => existsSync(path + ending))
}
const existing = (entries: Record<string, string>) => Object.fromEntries(Object.entries(entries).filter(([, path]) => existsSync(path)))
const pages = resolve(here, 'src/renderer/index.html')

// One entry per process. They share chunks, so the Electron window, the web host and the
// command line run the same compiled workbench and engine.
export default defineConfig({
  main: {
    plugins: [{ name: 'leave-out-missing', enforce: 'pre', resolveId: (id, importer) => (missing(id, importer) ? { id, external: true } : null) }],
    build: {
      target: 'node20',
      rolldownOptions: {
        input: existing({
          index: resolve(here, 'src/main/index.ts'),
          webhost: resolve(here, 'src/webhost/index.ts'),
          cli: resolve(here, 'src/cli/index.ts'),
          engine: resolve(here, 'src/engine/process/index.ts'),
        }),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      // A sandboxed preload cannot be an ES module and cannot require packages.
      externalizeDeps: false,
      rolldownOptions: {
        input: resolve(here, 'src/preload/index.ts'),
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: !existsSync(pages) ? undefined : {
    root: resolve(here, 'src/renderer'),
    plugins: [vue()],
    build: {
      rolldownOptions: { input: resolve(here, 'src/renderer/index.html') },
    },
  },
})
