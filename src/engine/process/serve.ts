import type { EngineCallName, EngineCalls, EngineRole, ToEngine } from '../../shared/engine-contract'
import type { Problem } from '../../shared/problem'
import { CuvetteError, toProblem } from '../../shared/problem'
import type { WorkProgress } from '../../shared/reports'
import type { EngineChannel } from './channel'

export interface CallContext {
  /** Aborted when the workbench no longer wants the answer. */
  signal: AbortSignal
  onProgress(progress: WorkProgress): void
}

export type Handler<N extends EngineCallName> = (args: EngineCalls[N]['args'], context: CallContext) => Promise<EngineCalls[N]['result']>

/** What one role answers. */
export type HandlerTable = { [N in EngineCallName]?: Handler<N> }

interface Call {
  id: number
  name: EngineCallName
  args: unknown
  controller: AbortController
}

/**
 * Answers calls from the channel, at most `concurrency` at a time, the rest in order of arrival. A
 * cancelled call that still waits is answered at once; one that runs sees its signal. Whatever a
 * handler throws becomes a Problem, and so does an answer that cannot be sent.
 */
export function serveEngine(channel: EngineChannel, role: EngineRole, handlers: HandlerTable, concurrency: number): void {
  const waiting: Call[] = []
  const calls = new Map<number, Call>()
  let running = 0

  channel.onMessage((message: ToEngine) => {
    if (message.kind === 'cancel') cancel(message.id)
    else accept({ id: message.id, name: message.name, args: message.args, controller: new AbortController() })
  })
  void channel.post({ kind: 'ready' })

  function accept(call: Call): void {
    calls.set(call.id, call)
    waiting.push(call)
    startNext()
  }

  function cancel(id: number): void {
    const call = calls.get(id)
    if (!call) return
    call.controller.abort()
    const place = waiting.indexOf(call)
    if (place < 0) return
    waiting.splice(place, 1)
    calls.delete(id)
    void fail(call, STOPPED)
  }

  function startNext(): void {
    while (running < concurrency && waiting.length > 0) {
      running += 1
      void answer(waiting.shift()!).finally(() => {
        running -= 1
        startNext()
      })
    }
  }

  async function answer(call: Call): Promise<void> {
    try {
      const value = await perform(call)
      await send(call, value)
    } catch (error) {
      await fail(call, isAbort(error, call.controller.signal) ? STOPPED : toProblem(error))
    } finally {
      calls.delete(call.id)
    }
  }

  async function perform(call: Call): Promise<unknown> {
    const handler = Object.hasOwn(handlers, call.name) ? (handlers[call.name] as Handler<EngineCallName>) : undefined
    if (!handler) throw new CuvetteError('bad-argument', `The ${role} process has no call named "${call.name}".`)
    return await handler(call.args as never, {
      signal: call.controller.signal,
      onProgress: (progress) => void channel.post({ kind: 'progress', id: call.id, progress }).catch(() => undefined),
    })
  }

  async function send(call: Call, value: unknown): Promise<void> {
    try {
      await channel.post({ kind: 'reply', id: call.id, value })
    } catch (error) {
      throw new CuvetteError('internal', `The answer to ${call.name} could not be sent: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  // A failure that cannot be sent either means that the channel is gone, which onClosed handles.
  async function fail(call: Call, problem: Problem): Promise<void> {
    await channel.post({ kind: 'failure', id: call.id, problem }).catch(() => undefined)
  }
}

const STOPPED: Problem = { code: 'cancelled', message: 'The work was stopped.' }

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
}
