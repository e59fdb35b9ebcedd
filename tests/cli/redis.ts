import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { root } from './cuvette'

/** The Redis server of this machine, as scripts/prerequisites finds it; null, with the reason on the console, without one. */
export async function redisProgram(): Promise<string | null> {
  const module = JSON.stringify(pathToFileURL(join(root, 'scripts', 'prerequisites', 'redis.mjs')).href)
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', `const { redisForTests } = await import(${module}); console.log(JSON.stringify(redisForTests()))`])
  const { path, message } = JSON.parse(stdout) as { path: string | null; message: string }
  if (path === null) console.warn(message)
  return path
}

/** A Redis of its own on a free port, which keeps nothing when it ends. */
export interface TestRedis {
  url: string
  /** Ends it at once; whatever it held is lost. */
  kill(): Promise<void>
  /** Again on the same port, empty. */
  start(): Promise<void>
  close(): Promise<void>
}

export async function startRedis(program: string): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'cuvette-redis-'))
  const port = await freePort()
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const started = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    await new Promise<void>((resolve, reject) => {
      let said = ''
      started.stdout.on('data', (text: Buffer) => {
        said += text.toString()
        if (/ready to accept connections/i.test(said)) resolve()
      })
      started.once('error', reject)
      started.once('exit', () => reject(new Error(`redis-server ended: ${said}`)))
    })
  }

  async function kill(): Promise<void> {
    const running = child
    child = null
    if (!running || running.exitCode !== null) return
    const gone = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGKILL')
    await gone
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`, kill, start,
    async close() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
