import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { Server } from 'node:net'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { realPathOf } from '../engine/files/within'
import { CuvetteError } from '../shared/problem'

/**
 * Keeps a second Cuvette from writing into the same project. A listening local socket, because the
 * system closes it with the process: a crash leaves no lock that somebody would have to remove.
 */
export class ProjectLock {
  private constructor(private readonly server: Server) {}

  /** Throws 'cannot-write' when another process has the project open. */
  static async take(folder: string): Promise<ProjectLock> {
    const address = lockAddress(await realPathOf(folder))
    try {
      return new ProjectLock(await listen(address))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
    if (await answers(address)) {
      throw new CuvetteError('cannot-write', `The project ${folder} is open in another Cuvette: close it there, or open another project folder.`, { path: folder })
    }
    // Left behind by a process that was killed.
    await rm(address, { force: true })
    return new ProjectLock(await listen(address))
  }

  async release(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }
}

// In the temporary folder and hashed: the path of a socket may have only about a hundred characters.
function lockAddress(folder: string): string {
  const name = `cuvette-${createHash('sha256').update(`${process.getuid?.() ?? ''}\n${folder}`).digest('hex').slice(0, 24)}`
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.lock`)
}

function listen(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', reject)
    server.listen(address, () => {
      server.unref()
      resolve(server)
    })
  })
}

function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
