// npm run dev: the web host with the pages served by Vite, so that changes in src/renderer show at once.
// Changes elsewhere need a restart.
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt } from './prerequisites/build.mjs'
import { ensureInstalled } from './prerequisites/install.mjs'

const root = resolve(import.meta.dirname, '..')

try {
  await ensureInstalled()
  await ensureBuilt()
  const { createServer } = await import('vite')
  const { default: vue } = await import('@vitejs/plugin-vue')
  const { startWebHost } = await import(pathToFileURL(join(root, 'out', 'main', 'webhost.js')).href)
  const vite = await createServer({
    root: join(root, 'src', 'renderer'),
    configFile: false,
    plugins: [vue()],
    appType: 'spa',
    server: { middlewareMode: true, hmr: { host: '127.0.0.1' } },
  })
  const host = await startWebHost({ open: process.argv.slice(2).map((path) => resolve(path)), pages: vite.middlewares })
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void Promise.allSettled([host.close(), vite.close()]).finally(() => process.exit(0)))
  }
  console.log(host.url)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
