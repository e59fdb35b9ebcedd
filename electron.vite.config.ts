import { resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import vue from '@vitejs/plugin-vue'

const here = import.meta.dirname

// One entry per process. They share chunks, so the Electron window, the web host and the
// command line run the same compiled workbench and engine.
export default defineConfig({
  main: {
    build: {
      target: 'node20',
      rolldownOptions: {
        input: {
          index: resolve(here, 'src/main/index.ts'),
          webhost: resolve(here, 'src/webhost/index.ts'),
          cli: resolve(here, 'src/cli/index.ts'),
          engine: resolve(here, 'src/engine/process/index.ts'),
        },
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
  renderer: {
    root: resolve(here, 'src/renderer'),
    plugins: [vue()],
    build: {
      rolldownOptions: { input: resolve(here, 'src/renderer/index.html') },
    },
  },
})
