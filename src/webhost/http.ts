import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'

export type PageHandler = (request: IncomingMessage, response: ServerResponse) => void

/** Lets a function from Request to Response answer Node's HTTP server. A closed connection aborts the request's signal. */
export function answerWith(handle: (request: Request) => Promise<Response>): PageHandler {
  return (incoming, outgoing) => {
    void answer(handle, incoming, outgoing).catch(() => outgoing.destroy())
  }
}

async function answer(handle: (request: Request) => Promise<Response>, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const controller = new AbortController()
  outgoing.on('close', () => {
    if (!outgoing.writableFinished) controller.abort()
  })
  const hasBody = incoming.method !== 'GET' && incoming.method !== 'HEAD'
  const request = new Request(new URL(incoming.url!, `http://${incoming.headers.host}`), {
    method: incoming.method,
    headers: Object.entries(incoming.headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    signal: controller.signal,
    ...(hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
  })
  const response = await handle(request)
  if (outgoing.destroyed) return
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  if (response.body) await pipeline(Readable.fromWeb(response.body as NodeReadableStream<Uint8Array>), outgoing)
  else outgoing.end()
}
