import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { toProblem } from '../shared/problem'
import { startWebHost } from './server'

export type { WebHost, WebHostOptions } from './server'
export { startWebHost }

// By hand: node out/main/webhost.js [PROJECT-FOLDER | CUBE]... [--port N]
if (/(^|[\\/])webhost\.js$/.test(process.argv[1] ?? '')) await runByHand(process.argv.slice(2))

async function runByHand(words: string[]): Promise<void> {
  const port = words.includes('--port') ? words.splice(words.indexOf('--port'), 2)[1] : '0'
  const isProject = (path: string) => existsSync(join(path, 'project.json')) || (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false)
  const project = words.find(isProject)
  try {
    const host = await startWebHost({ project: project ?? null, open: words.filter((word) => word !== project).map((word) => resolve(word)), port: Number(port) })
    console.log(`Cuvette: ${host.url}`)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void host.close().then(() => process.exit(0)))
  } catch (error) {
    console.error(toProblem(error).message)
    process.exitCode = 1
  }
}
