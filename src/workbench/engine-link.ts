import type { EngineEntry } from '../shared/contract'
import type { EngineCallName, EngineCalls, EngineRole, FromEngine, ToEngine } from '../shared/engine-contract'
import { CuvetteError, fromProblem } from '../shared/problem'
import type { WorkProgress } from '../shared/reports'
import type { EngineProcess } from './host'

export interface CallOptions {
  signal?: AbortSignal
  onProgress?(progress: WorkProgress): void
  /**
   * What an abort means here: `leave` (default) rejects at once with 'cancelled' and lets the engine
   * stop in its own time; `finish` waits for its answer, for works that still report after a stop.
   */
  onAbort?: 'leave' | 'finish'
}

export interface LinkTiming {
  /** Milliseconds before the 1st, 2nd, ... start after a crash; the last one repeats. */
  restartDelays: readonly number[]
  /** A process that lived this long, in milliseconds, counts as healthy: delays begin anew. */
  healthyAfter: number
  /** Calls shorter than this do not show as busy, in milliseconds. */
  busyAfter: number
}

const TIMING: LinkTiming = { restartDelays: [200, 1000, 3000, 10_000, 30_000], healthyAfter: 20_000, busyAfter: 300 }

interface Waiting {
  name: EngineCallName
  resolve(value: unknown): void
  reject(error: Error): void
  onProgress?(progress: WorkProgress): void
  tidy(): void
}

/**
 * Requests and replies over one engine process, which is kept alive: when it dies, everything that
 * waits fails with 'engine-lost' and it is started again after a growing delay. Calls made in
 * between wait for the new process, unless it keeps failing to start.
 */
export class EngineLink {
  private process: EngineProcess | null = null
  private ready = false
  private startedAt = 0
  private failures = 0
  private restarts = 0
  private lastEnd = ''
  private closed = false
  private nextId = 1
  private unsent: ToEngine[] = []
  private restartTimer: NodeJS.Timeout | null = null
  private busyTimer: NodeJS.Timeout | null = null
  private ended: (() => void) | null = null
  private readonly waiting = new Map<number, Waiting>()
  private held: number | null = null
  private entry: EngineEntry
  private readonly timing: LinkTiming

  constructor(
    private readonly role: EngineRole,
    private readonly startProcess: () => EngineProcess,
    private readonly onState: (entry: EngineEntry) => void,
    timing: Partial<LinkTiming> = {},
  ) {
    this.timing = { ...TIMING, ...timing }
    this.entry = { role, status: 'starting', restarts: 0, message: 'Starting.' }
  }

  get state(): EngineEntry {
    return this.entry
  }

  /** Bytes that the process held when it last said so; null before, and when it is gone. */
  get memory(): number | null {
    return this.held
  }

  start(): void {
    if (this.closed || this.process) return
    this.restartTimer = null
    this.ready = false
    this.startedAt = Date.now()
    this.show('starting', this.restarts === 0 ? 'Starting.' : `Starting again after ${this.lastEnd}.`)
    try {
      const process = this.startProcess()
      this.process = process
      process.onMessage((message) => this.process === process && this.receive(message))
      process.onExit((how) => this.process === process && this.lost(how))
    } catch (error) {
      this.lost(error instanceof Error ? error.message : String(error))
    }
  }

  /** Resolves with the engine's answer; rejects with its CuvetteError, or 'engine-lost', or 'cancelled'. */
  call<N extends EngineCallName>(name: N, args: EngineCalls[N]['args'], options: CallOptions = {}): Promise<EngineCalls[N]['result']> {
    const { signal, onProgress, onAbort = 'leave' } = options
    if (this.closed) return Promise.reject(new CuvetteError('engine-lost', 'Cuvette is closing.'))
    if (!this.ready && this.failures >= this.timing.restartDelays.length) return Promise.reject(this.lostError('cannot be kept running'))
    if (signal?.aborted) return Promise.reject(stopped())

    const id = this.nextId++
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.cancel(id)
        if (onAbort === 'leave') this.settle(id, (call) => call.reject(stopped()))
      }
      signal?.addEventListener('abort', abort, { once: true })
      const tidy = () => signal?.removeEventListener('abort', abort)
      this.waiting.set(id, { name, resolve: resolve as (value: unknown) => void, reject, onProgress, tidy })
      this.markBusy()
      this.send({ kind: 'call', id, name, args })
    })
  }

  /** Ends the process and everything that waits. Resolves when it is gone, or after two seconds. */
  async close(): Promise<void> {
    this.closed = true
    if (this.restartTimer) clearTimeout(this.restartTimer)
    if (this.busyTimer) clearTimeout(this.busyTimer)
    this.failAll(new CuvetteError('engine-lost', 'Cuvette is closing.'))
    const process = this.process
    if (!process) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2000)
      this.ended = () => {
        clearTimeout(timer)
        resolve()
      }
      process.kill()
    })
  }

  private send(message: ToEngine): void {
    if (!this.ready || !this.process) {
      this.unsent.push(message)
      return
    }
    try {
      this.process.post(message)
    } catch (error) {
      if (message.kind !== 'call') return
      const reason = error instanceof Error ? error.message : String(error)
      this.settle(message.id, (call) => call.reject(new CuvetteError('internal', `The call ${message.name} could not be sent: ${reason}`)))
    }
  }

  private cancel(id: number): void {
    const unsent = this.unsent.findIndex((message) => message.kind === 'call' && message.id === id)
    if (unsent < 0) {
      this.send({ kind: 'cancel', id })
      return
    }
    this.unsent.splice(unsent, 1)
    this.settle(id, (call) => call.reject(stopped()))
  }

  private receive(message: FromEngine): void {
    if (message.kind === 'ready') {
      this.ready = true
      const unsent = this.unsent
      this.unsent = []
      this.show('ready', 'Ready.')
      for (const each of unsent) this.send(each)
      if (this.waiting.size > 0) this.markBusy()
    } else if (message.kind === 'memory') {
      this.held = message.bytes
    } else if (message.kind === 'progress') {
      this.waiting.get(message.id)?.onProgress?.(message.progress)
    } else if (message.kind === 'reply') {
      this.settle(message.id, (call) => call.resolve(message.value))
    } else {
      this.settle(message.id, (call) => call.reject(fromProblem(message.problem)))
    }
  }

  private settle(id: number, finish: (call: Waiting) => void): void {
    const call = this.waiting.get(id)
    if (!call) return
    this.waiting.delete(id)
    call.tidy()
    finish(call)
    if (this.waiting.size === 0) this.markIdle()
  }

  private lost(how: string): void {
    this.process = null
    this.ready = false
    this.held = null
    this.ended?.()
    if (this.closed) return
    const healthy = Date.now() - this.startedAt >= this.timing.healthyAfter
    const delays = this.timing.restartDelays
    this.failures = healthy ? 1 : this.failures + 1
    this.restarts += 1
    this.lastEnd = how
    const delay = delays[Math.min(this.failures, delays.length) - 1]
    this.show('lost', `The ${this.role} process ended unexpectedly (${how}). It starts again in ${seconds(delay)}.`)
    this.failAll(this.lostError('ended unexpectedly'))
    this.restartTimer = setTimeout(() => this.start(), delay)
    this.restartTimer.unref?.()
  }

  private lostError(what: string): CuvetteError {
    return new CuvetteError('engine-lost', `The ${this.role} process ${what} (${this.lastEnd}); it is started again, and what it was doing has to be repeated.`)
  }

  private failAll(error: CuvetteError): void {
    this.unsent = []
    for (const id of [...this.waiting.keys()]) this.settle(id, (call) => call.reject(error))
  }

  private markBusy(): void {
    if (this.busyTimer || this.entry.status !== 'ready') return
    this.busyTimer = setTimeout(() => {
      this.busyTimer = null
      if (this.ready && this.waiting.size > 0) this.show('busy', 'Working.')
    }, this.timing.busyAfter)
    this.busyTimer.unref?.()
  }

  private markIdle(): void {
    if (this.busyTimer) clearTimeout(this.busyTimer)
    this.busyTimer = null
    if (this.entry.status === 'busy') this.show('ready', 'Ready.')
  }

  private show(status: EngineEntry['status'], message: string): void {
    this.entry = { role: this.role, status, restarts: this.restarts, message }
    this.onState(this.entry)
  }
}

function stopped(): CuvetteError {
  return new CuvetteError('cancelled', 'The work was stopped.')
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? 'a moment' : `${Math.round(milliseconds / 1000)} s`
}
