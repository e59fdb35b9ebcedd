import { WebSocket } from 'ws'
import type { AnyEvent, CallName, Calls, Reply, SocketMessage } from '../../src/shared/contract'
import { SOCKET_PATH } from '../../src/shared/contract'

/** A page without a browser: trades the token for the cookie, opens the socket, fetches data. */
export interface PageClient {
  origin: string
  cookie: string
  events: AnyEvent[]
  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']>
  reply(name: string, args: unknown): Promise<Reply<CallName>>
  get(path: string, init?: RequestInit): Promise<Response>
  closed: Promise<number>
  close(): void
}

export async function openPage(url: string): Promise<PageClient> {
  const { origin } = new URL(url)
  const entry = await fetch(url, { redirect: 'manual' })
  const cookie = entry.headers.get('set-cookie')!.split(';')[0]
  const socket = new WebSocket(origin.replace('http', 'ws') + SOCKET_PATH, { headers: { cookie, origin } })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const waiting = new Map<number, (reply: Reply<CallName>) => void>()
  const events: AnyEvent[] = []
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as SocketMessage
    if (message.kind === 'event') events.push(message.event)
    else waiting.get(message.id)?.(message.reply)
  })
  let id = 0
  const reply = (name: string, args: unknown) => new Promise<Reply<CallName>>((resolve) => {
    id += 1
    waiting.set(id, resolve)
    socket.send(JSON.stringify({ id, name, args }))
  })
  return {
    origin, cookie, events, reply,
    async call(name, args) {
      const answer = await reply(name, args)
      if (!answer.ok) throw new Error(`${answer.problem.code}: ${answer.problem.message}`)
      return answer.value as never
    },
    get: (path, init = {}) => fetch(origin + path, { ...init, headers: { cookie, origin, ...(init.headers as Record<string, string>) } }),
    closed: new Promise((resolve) => socket.on('close', resolve)),
    close: () => socket.close(),
  }
}
