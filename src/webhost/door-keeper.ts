import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SECURITY_HEADERS } from '../workbench/static-files'

/** Names of this machine's own loopback; anything else in Host is a foreign name that resolves to it. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/**
 * Who may enter. The URL printed at the start carries a token, which the first request trades for a
 * cookie that scripts cannot read and other sites cannot send. Every request and every socket is also
 * held against Host (against rebound names) and Origin (against other pages, also on other ports).
 */
export class DoorKeeper {
  private readonly token = randomBytes(24).toString('base64url')
  private readonly session = randomBytes(24).toString('base64url')
  // Cookies are shared by all ports of a host, so each server has a name of its own.
  private readonly cookie = `cuvette-${randomBytes(6).toString('hex')}`

  url(port: number): string {
    return `http://127.0.0.1:${port}/?token=${this.token}`
  }

  /** Whether the request goes on; otherwise it has been answered. */
  admits(request: IncomingMessage, response: ServerResponse): boolean {
    const refusal = this.refusalOfPlace(request)
    if (refusal) return refuse(response, refusal)
    const url = urlOf(request)
    if (!url) return refuse(response, 'The address of the request cannot be read.')
    const token = url.searchParams.get('token')
    if (request.method === 'GET' && url.pathname === '/' && token !== null && same(token, this.token)) {
      response.writeHead(303, {
        ...SECURITY_HEADERS,
        location: '/',
        'cache-control': 'no-store',
        'set-cookie': `${this.cookie}=${this.session}; HttpOnly; SameSite=Strict; Path=/`,
      })
      response.end()
      return false
    }
    return this.hasSession(request) || refuse(response, 'Open the address that Cuvette printed when it started: it carries the key to this page.')
  }

  /** For sockets: the session, and an Origin, which browsers always send with an upgrade. */
  admitsUpgrade(request: IncomingMessage): boolean {
    return request.headers.origin !== undefined && this.refusalOfPlace(request) === null && this.hasSession(request)
  }

  private refusalOfPlace(request: IncomingMessage): string | null {
    const { host, origin } = request.headers
    if (host === undefined || !LOOPBACK.has(host.replace(/:\d+$/, ''))) return 'This server answers only under the name 127.0.0.1 or localhost.'
    if (origin !== undefined && origin !== `http://${host}`) return 'Another page may not use this server.'
    if (origin === undefined && request.method !== 'GET' && request.method !== 'HEAD') return 'The request does not say which page sent it.'
    const site = request.headers['sec-fetch-site']
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
    return foreign ? 'Another page may not use this server.' : null
  }

  private hasSession(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? '').split(';').map((cookie) => cookie.trim())
    const prefix = `${this.cookie}=`
    const session = cookies.find((cookie) => cookie.startsWith(prefix))
    return session !== undefined && same(session.slice(prefix.length), this.session)
  }
}

/** Only path and query count; null for a request line that is no address. */
export function urlOf(request: IncomingMessage): URL | null {
  const words = [request.url ?? '', 'http://loopback'] as const
  return URL.canParse(...words) ? new URL(...words) : null
}

function refuse(response: ServerResponse, sentence: string): false {
  response.writeHead(403, { ...SECURITY_HEADERS, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' })
  response.end(`${sentence}\n`)
  return false
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
