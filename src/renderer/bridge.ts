import { ref } from 'vue'
import type { AnyEvent, CallName, Calls, EventName, Events, WorkbenchHost } from '../shared/contract'
import { CuvetteError, fromProblem } from '../shared/problem'
import type { Connection } from './host/socket-host'
import { SocketHost } from './host/socket-host'

// The only place that knows two hosts.

declare global {
  interface Window {
    workbenchHost?: WorkbenchHost
  }
}

type Listener = (event: AnyEvent) => void

let host: WorkbenchHost | null = null
const listeners = new Set<Listener>()
const reconnected = new Set<() => void>()

/** Whether the workbench can be asked. Electron's window and its workbench live and die together. */
export const connection = ref<Connection>('connecting')

/** Takes Electron's host where there is one, else opens a WebSocket to the page's own origin. */
export function connectHost(): void {
  if (window.workbenchHost) useHost(window.workbenchHost)
  else useHost(new SocketHost({ onConnection: follow }))
}

/** Takes a given host; tests bring their own. */
export function useHost(next: WorkbenchHost): void {
  host = next
  next.onEvent((event) => {
    for (const listener of listeners) listener(event)
  })
  if (next.kind === 'electron') connection.value = 'open'
}

/** Asks the workbench; throws CuvetteError with the workbench's own sentence. */
export async function call<N extends CallName>(name: N, args: Calls[N]['args']): Promise<Calls[N]['result']> {
  if (!host) throw new CuvetteError('internal', 'The window asked the workbench before it was connected.')
  // Reactive proxies cannot be cloned across contexts.
  const plain = JSON.parse(JSON.stringify(args)) as Calls[N]['args']
  const reply = await host.call(name, plain)
  if (reply.ok) return reply.value
  throw fromProblem(reply.problem)
}

/** Calls `listener` for every event of this name; the result ends it. */
export function onEvent<N extends EventName>(name: N, listener: (value: Events[N]) => void): () => void {
  const each: Listener = (event) => {
    if (event.name === name) listener(event.value as Events[N])
  }
  listeners.add(each)
  return () => listeners.delete(each)
}

/** Calls `listener` each time a lost connection is back: events may have been missed. */
export function onReconnected(listener: () => void): () => void {
  reconnected.add(listener)
  return () => reconnected.delete(listener)
}

/** Absolute paths of dropped files, or null where the host cannot know them. */
export function pathsOf(files: File[]): string[] | null {
  return host?.pathsOf(files) ?? null
}

function follow(state: Connection): void {
  const wasLost = connection.value === 'lost'
  connection.value = state
  if (state === 'open' && wasLost) for (const listener of reconnected) listener()
}
