import type { Plane } from './planes'

interface Entry {
  promise: Promise<Plane>
  controller: AbortController
  bytes: number
  settled: boolean
  /** Who still waits; the fetch is aborted when nobody does. */
  waiting: number
}

/** Keeps the planes used last, up to a number of bytes; one fetch per URL, aborted when nobody waits for it. */
export class PlaneCache {
  /** In order of use, oldest first. */
  private readonly entries = new Map<string, Entry>()

  constructor(private readonly limitBytes: number) {}

  /** Rejects with an AbortError as soon as `signal` fires. */
  get<P extends Plane>(url: string, load: (signal: AbortSignal) => Promise<P>, signal: AbortSignal): Promise<P> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const entry = this.entries.get(url) ?? this.begin(url, load)
    this.entries.delete(url)
    this.entries.set(url, entry)
    if (entry.settled) return entry.promise as Promise<P>
    return this.waitFor(entry, url, signal) as Promise<P>
  }

  has(url: string): boolean {
    return this.entries.get(url)?.settled ?? false
  }

  private begin(url: string, load: (signal: AbortSignal) => Promise<Plane>): Entry {
    const controller = new AbortController()
    const entry: Entry = { promise: load(controller.signal), controller, bytes: 0, settled: false, waiting: 0 }
    entry.promise.then(
      (plane) => {
        entry.settled = true
        entry.bytes = plane.values.byteLength
        this.shrink()
      },
      () => this.forget(url, entry),
    )
    return entry
  }

  private waitFor(entry: Entry, url: string, signal: AbortSignal): Promise<Plane> {
    entry.waiting += 1
    return new Promise((resolve, reject) => {
      const leave = () => {
        entry.waiting -= 1
        if (entry.waiting === 0 && !entry.settled) {
          this.forget(url, entry)
          entry.controller.abort()
        }
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', leave, { once: true })
      entry.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    })
  }

  private forget(url: string, entry: Entry): void {
    if (this.entries.get(url) === entry) this.entries.delete(url)
  }

  /** The newest always stays. */
  private shrink(): void {
    let total = 0
    for (const entry of this.entries.values()) total += entry.bytes
    const newest = [...this.entries.keys()].at(-1)
    for (const [url, entry] of this.entries) {
      if (total <= this.limitBytes || url === newest) return
      if (!entry.settled) continue
      this.entries.delete(url)
      total -= entry.bytes
    }
  }
}

/** The window's planes: bands, masks and scores share one budget. */
export const planes = new PlaneCache(384 * 1024 * 1024)
