import { CuvetteError } from '../../shared/problem'

interface Reading {
  values: Promise<Float32Array>
  stop: AbortController
  waiting: number
}

/**
 * Bands of recent pictures, for all cubes of the process together: at most `limit` bytes, the least recently used dropped
 * first. A band that several ask for at once is read once, and no longer than somebody waits for it.
 */
export class BandCache {
  private readonly kept = new Map<string, Float32Array>()
  private readonly underWay = new Map<string, Reading>()
  private bytes = 0

  constructor(private readonly limit: number) {}

  /**
   * The band `key` of the cube `of`; `read` reads it where it is not there. Nobody may change the numbers. Rejects as the
   * read does, and with 'cancelled' as soon as the signal fires, whatever the others wait for.
   */
  async get(of: string, key: string, read: (signal: AbortSignal) => Promise<Float32Array>, signal?: AbortSignal): Promise<Float32Array> {
    if (signal?.aborted) throw cancelled()
    const name = nameOf(of, key)
    const kept = this.kept.get(name)
    if (kept) {
      // Back at the end: a Map keeps the order of insertion, so the first key is the least recently used.
      this.kept.delete(name)
      this.kept.set(name, kept)
      return kept
    }
    const reading = this.underWay.get(name) ?? this.begin(name, read)
    reading.waiting += 1
    try {
      return await unlessAborted(reading.values, signal)
    } finally {
      reading.waiting -= 1
      if (reading.waiting === 0) {
        reading.stop.abort()
        // Who asks from now on must not get the read that was stopped.
        if (this.underWay.get(name) === reading) this.underWay.delete(name)
      }
    }
  }

  /** Drops what is known of a cube, and what is being read of it for later: it may have changed. */
  forget(of: string): void {
    const own = nameOf(of, '')
    for (const [name, values] of [...this.kept]) if (name.startsWith(own)) this.drop(name, values)
    for (const name of [...this.underWay.keys()]) if (name.startsWith(own)) this.underWay.delete(name)
  }

  private begin(name: string, read: (signal: AbortSignal) => Promise<Float32Array>): Reading {
    const stop = new AbortController()
    const reading: Reading = { values: read(stop.signal), stop, waiting: 0 }
    this.underWay.set(name, reading)
    reading.values.then(
      (values) => {
        if (this.underWay.get(name) !== reading) return
        this.underWay.delete(name)
        this.keep(name, values)
      },
      () => {
        if (this.underWay.get(name) === reading) this.underWay.delete(name)
      },
    )
    return reading
  }

  private keep(name: string, values: Float32Array): void {
    if (values.byteLength > this.limit) return
    this.kept.set(name, values)
    this.bytes += values.byteLength
    for (const [oldest, dropped] of this.kept) {
      if (this.bytes <= this.limit) return
      this.drop(oldest, dropped)
    }
  }

  private drop(name: string, values: Float32Array): void {
    this.kept.delete(name)
    this.bytes -= values.byteLength
  }
}

/** A path holds no NUL, so no cube's names begin with another's. */
function nameOf(of: string, key: string): string {
  return `${of}\0${key}`
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cancelled())
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function cancelled(): CuvetteError {
  return new CuvetteError('cancelled', 'The band is not wanted any more.')
}
