import type { AnyEvent, CallName, Calls, Reply, SocketMessage, SocketRequest, WorkbenchHost } from '../../shared/contract'
import { SOCKET_PATH } from '../../shared/contract'
import type { Problem } from '../../shared/problem'

export type Connection = 'connecting' | 'open' | 'lost'

/** What is used of a WebSocket; tests bring their own. */
export interface Socket {
  onopen: (() => void) | null
  onmessage: ((event: { data: unknown }) => void) | null
  onclose: (() => void) | null
  send(text: string): void
}

export interface SocketHostOptions {
  onConnection: (state: Connection) => void
  open?: () => Socket
  /** Calls `action` after `milliseconds`. */
  later?: (action: () => void, milliseconds: number) => void
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 8000

const LOST: Problem = {
  code: 'engine-lost',
  message: 'The connection to the workbench was lost before it answered: try again when it is back.',
}

type Pending = (reply: Reply<CallName>) => void

/** The workbench behind a WebSocket: calls out, replies and events in; connects again with a growing wait. */
export class SocketHost implements WorkbenchHost {
  readonly kind = 'browser'
  private socket: Socket | null = null
  private nextId = 1
  private wait = FIRST_WAIT_MS
  private state: Connection = 'connecting'
  private readonly pending = new Map<number, Pending>()
  /** Asked before the first connection stood. */
  private readonly queued: SocketRequest[] = []
  private readonly listeners = new Set<(event: AnyEvent) => void>()
  private readonly openSocket: () => Socket
  private readonly later: (action: () => void, milliseconds: number) => void

  constructor(private readonly options: SocketHostOptions) {
    this.openSocket = options.open ?? openOwnOrigin
    this.later = options.later ?? ((action, milliseconds) => void setTimeout(action, milliseconds))
    this.connect()
  }

  call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Reply<N>> {
    if (this.state === 'lost') return Promise.resolve({ ok: false, problem: LOST })
    const request: SocketRequest = { id: this.nextId++, name, args }
    return new Promise((resolve) => {
      this.pending.set(request.id, resolve as Pending)
      if (this.socket) this.socket.send(JSON.stringify(request))
      else this.queued.push(request)
    })
  }

  onEvent(listener: (event: AnyEvent) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  pathsOf(): null {
    return null
  }

  private connect(): void {
    const socket = this.openSocket()
    socket.onopen = () => {
      this.socket = socket
      this.wait = FIRST_WAIT_MS
      for (const request of this.queued.splice(0)) socket.send(JSON.stringify(request))
      this.become('open')
    }
    socket.onmessage = ({ data }) => this.receive(JSON.parse(String(data)) as SocketMessage)
    socket.onclose = () => {
      this.socket = null
      this.queued.length = 0
      this.become('lost')
      const waiting = [...this.pending.values()]
      this.pending.clear()
      for (const resolve of waiting) resolve({ ok: false, problem: LOST })
      this.later(() => this.connect(), this.wait)
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT_MS)
    }
  }

  private receive(message: SocketMessage): void {
    if (message.kind === 'event') {
      for (const listener of this.listeners) listener(message.event)
      return
    }
    const resolve = this.pending.get(message.id)
    this.pending.delete(message.id)
    resolve?.(message.reply)
  }

  private become(state: Connection): void {
    this.state = state
    this.options.onConnection(state)
  }
}

function openOwnOrigin(): Socket {
  const url = new URL(SOCKET_PATH, location.href)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return new WebSocket(url) as Socket
}
