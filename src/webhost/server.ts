import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DATA_PREFIX } from '../shared/contract'
import { CuvetteError } from '../shared/problem'
import type { Host } from '../workbench/host'
import { forkEngine } from '../workbench/fork-engine'
import { applicationRoot, homeFolder, placesUnder } from '../workbench/places'
import { SECURITY_HEADERS, staticFiles } from '../workbench/static-files'
import type { WorkbenchOptions } from '../workbench/workbench'
import { Workbench } from '../workbench/workbench'
import { DoorKeeper, urlOf } from './door-keeper'
import type { PageHandler } from './http'
import { answerWith } from './http'
import { serveSocket } from './socket'

export interface WebHostOptions {
  /** Folder of the project; null or absent opens the one that was open last, the first time the sample. */
  project?: string | null
  /** Cubes to open, each optionally with #variable. */
  open?: string[]
  /** 0 or absent: any free port. */
  port?: number
  /** Answers everything but data and the socket instead of the built pages: the development server. */
  pages?: PageHandler
  /** Where things are; for tests. */
  host?: Partial<Pick<Host, 'places' | 'home' | 'startEngine'>>
  workbench?: Omit<WorkbenchOptions, 'project'>
}

export interface WebHost {
  /** With the token: opens the workbench in a browser. Keep it to yourself. */
  url: string
  workbench: Workbench
  /** Saves the project, ends the engines and closes the port. */
  close(): Promise<void>
}

/**
 * The workbench for a browser on this machine: 127.0.0.1 only, behind a token. Throws CuvetteError when
 * the port is taken or the project cannot be opened.
 */
export async function startWebHost(options: WebHostOptions = {}): Promise<WebHost> {
  const host = browserHost(options.host)
  const workbench = await Workbench.boot(host, { project: options.project ?? null, ...options.workbench })
  try {
    await workbench.openPaths(options.open ?? [])
    const door = new DoorKeeper()
    const pages = options.pages ?? answerWith(staticFiles(host.places.renderer))
    const data = answerWith(async (request) => withSecurityHeaders(await workbench.data(request)))
    const server = createServer((request, response) => {
      if (!door.admits(request, response)) return
      if (urlOf(request)!.pathname.startsWith(DATA_PREFIX)) data(request, response)
      else pages(request, response)
    })
    const sockets = serveSocket(server, door, workbench)
    const port = await listen(server, options.port ?? 0)
    let closing: Promise<void> | null = null
    const close = async () => {
      sockets.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await workbench.shutdown()
    }
    return { url: door.url(port), workbench, close: () => (closing ??= close()) }
  } catch (error) {
    await workbench.shutdown()
    throw error
  }
}

function browserHost(given: WebHostOptions['host'] = {}): Host {
  const places = given.places ?? placesUnder(applicationRoot())
  return {
    kind: 'browser',
    places,
    home: given.home ?? homeFolder(),
    startEngine: given.startEngine ?? ((role) => forkEngine(places.engine, role)),
    choose: null,
    // Whoever holds the token acts for the user who started this server, with that user's rights.
    confirmAccess: async () => true,
  }
}

async function withSecurityHeaders(response: Response): Promise<Response> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.headers.set(name, value)
  return response
}

async function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new CuvetteError('bad-argument', `Port ${port} does not exist: ports are whole numbers from 1 to 65535, and 0 means any free one.`)
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'another program uses it: choose another with --port' : error.message
      reject(new CuvetteError('bad-argument', `Port ${port} cannot be opened: ${reason}.`, { cause: error }))
    })
    server.listen(port, '127.0.0.1', resolve)
  })
  return (server.address() as AddressInfo).port
}
