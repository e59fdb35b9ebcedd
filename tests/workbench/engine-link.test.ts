import { describe, expect, it } from 'vitest'
import type { EngineEntry } from '../../src/shared/contract'
import type { LinkTiming } from '../../src/workbench/engine-link'
import { EngineLink } from '../../src/workbench/engine-link'
import type { FakeHandlers } from './fake-host'
import { FakeEngine, until } from './fake-host'

function startLink(handlers: FakeHandlers, timing: Partial<LinkTiming> = {}, getsReady = true) {
  const engines: FakeEngine[] = []
  const states: EngineEntry[] = []
  const starts: number[] = []
  const link = new EngineLink('browse', () => {
    starts.push(performance.now())
    engines.push(new FakeEngine('browse', handlers, getsReady))
    return engines.at(-1)!
  }, (entry) => states.push(entry), { restartDelays: [10, 40, 80], healthyAfter: 10_000, busyAfter: 5, ...timing })
  link.start()
  return { link, engines, states, starts }
}

const forever = () => new Promise(() => undefined)

describe('EngineLink', () => {
  it('answers calls made before the process is ready, in their order', async () => {
    const order: number[] = []
    const { link } = startLink({
      'cube.release': ({ reference }: { reference: string }) => {
        order.push(Number(reference))
        return null
      },
    })
    await Promise.all([1, 2, 3].map((n) => link.call('cube.release', { reference: String(n) })))
    expect(order).toEqual([1, 2, 3])
  })

  it('carries progress and typed arrays', async () => {
    const { link } = startLink({
      'cube.spectrum': (_: never, { progress }: { progress(p: unknown): void }) => {
        progress({ kind: 'warning', message: 'half-way' })
        return { values: Float32Array.of(1.5, NaN) }
      },
    } as FakeHandlers)
    const seen: unknown[] = []
    const { values } = await link.call('cube.spectrum', { reference: 'x', line: 0, sample: 0 }, { onProgress: (progress) => seen.push(progress) })
    expect(values).toEqual(Float32Array.of(1.5, NaN))
    expect(seen).toEqual([{ kind: 'warning', message: 'half-way' }])
  })

  it('fails everything that waits when the process dies, starts it again, and says so', async () => {
    const { link, engines, states } = startLink({ 'cube.describe': forever, 'cube.release': () => null }, { busyAfter: 10_000 })
    const waiting = [link.call('cube.describe', { reference: 'a' }), link.call('cube.describe', { reference: 'b' })]
    await until(() => engines[0].received.length === 2)
    engines[0].die('signal SIGSEGV')
    for (const result of await Promise.allSettled(waiting)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'engine-lost', message: expect.stringContaining('signal SIGSEGV') } })
    }
    expect(await link.call('cube.release', { reference: 'c' })).toBe(null)
    expect(engines).toHaveLength(2)
    expect(states.map((state) => state.status)).toEqual(['starting', 'ready', 'lost', 'starting', 'ready'])
    expect(link.state).toMatchObject({ status: 'ready', restarts: 1 })
  })

  it('waits longer after each start that fails, then refuses calls at once', async () => {
    const { link, engines, starts } = startLink({}, {}, false)
    for (let n = 1; n <= 4; n += 1) {
      await until(() => engines.length === n)
      engines[n - 1].die('exit code 1')
    }
    await until(() => link.state.status === 'lost' && link.state.restarts === 4)
    const pauses = starts.slice(1).map((time, n) => time - starts[n])
    expect(pauses[0]).toBeGreaterThanOrEqual(8)
    expect(pauses[1]).toBeGreaterThanOrEqual(38)
    expect(pauses[2]).toBeGreaterThanOrEqual(78)
    await expect(link.call('cube.release', { reference: 'x' })).rejects.toMatchObject({ code: 'engine-lost' })
    await link.close()
  })

  it('serves again once a start succeeds after many failures', async () => {
    const handlers: FakeHandlers = { 'cube.release': () => null }
    let working = false
    const engines: FakeEngine[] = []
    const link = new EngineLink('compute', () => {
      engines.push(new FakeEngine('compute', handlers, working))
      if (!working) engines.at(-1)!.die('exit code 1')
      return engines.at(-1)!
    }, () => undefined, { restartDelays: [2, 2], healthyAfter: 10_000 })
    link.start()
    await until(() => link.state.restarts > 3)
    working = true
    await until(() => link.state.status === 'ready')
    expect(await link.call('cube.release', { reference: 'x' })).toBe(null)
  })

  it('reports a start that throws instead of failing', async () => {
    const link = new EngineLink('browse', () => {
      throw new Error('spawn ENOENT')
    }, () => undefined, { restartDelays: [1000] })
    link.start()
    expect(link.state).toMatchObject({ status: 'lost', message: expect.stringContaining('spawn ENOENT') })
    await link.close()
  })

  it('rejects a cancelled call at once and tells the engine', async () => {
    const { link, engines } = startLink({ 'cube.describe': forever })
    const controller = new AbortController()
    const call = link.call('cube.describe', { reference: 'a' }, { signal: controller.signal })
    await until(() => engines[0].received.length === 1)
    controller.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    expect(engines[0].received.map((message) => message.kind)).toEqual(['call', 'cancel'])
  })

  it('never sends a call that was cancelled before the process was ready', async () => {
    const { link, engines } = startLink({ 'cube.describe': forever, 'cube.release': () => null })
    const controller = new AbortController()
    const call = link.call('cube.describe', { reference: 'a' }, { signal: controller.signal, onAbort: 'finish' })
    controller.abort()
    await expect(call).rejects.toMatchObject({ code: 'cancelled' })
    await link.call('cube.release', { reference: 'b' })
    expect(engines[0].received.map((message) => message.kind === 'call' && message.name)).toEqual(['cube.release'])
  })

  it('waits for the report of a work that finishes after its stop', async () => {
    const { link, engines } = startLink({
      fit: (_: never, { signal }: { signal: AbortSignal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve({ stopped: true }))),
    } as FakeHandlers)
    const controller = new AbortController()
    const call = link.call('fit', {} as never, { signal: controller.signal, onAbort: 'finish' })
    await until(() => engines[0].received.length === 1)
    controller.abort()
    expect(await call).toEqual({ stopped: true })
  })

  it('reports a request that cannot be sent', async () => {
    const { link } = startLink({ 'cube.release': () => null })
    await link.call('cube.release', { reference: 'x' })
    await expect(link.call('cube.release', { reference: (() => undefined) as never })).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('could not be sent') })
  })

  it('knows what the process holds until it is gone', async () => {
    const { link, engines } = startLink({ 'cube.release': () => null })
    expect(link.memory).toBeNull()
    engines[0].tellMemory(2_000_000)
    expect(link.memory).toBe(2_000_000)
    engines[0].die()
    await until(() => engines.length === 2)
    expect(link.memory).toBeNull()
  })

  it('is busy while a long call runs, and ready afterwards', async () => {
    const { link, states } = startLink({ 'cube.release': () => new Promise((resolve) => setTimeout(() => resolve(null), 40)) })
    await link.call('cube.release', { reference: 'x' })
    expect(states.map((state) => state.status)).toEqual(['starting', 'ready', 'busy', 'ready'])
  })

  it('ends the process on close, fails what waits, and does not start it again', async () => {
    const { link, engines } = startLink({ 'cube.describe': forever })
    const call = link.call('cube.describe', { reference: 'a' })
    call.catch(() => undefined)
    await link.close()
    await expect(call).rejects.toMatchObject({ code: 'engine-lost' })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(engines.map((engine) => engine.alive)).toEqual([false])
    await expect(link.call('cube.release', { reference: 'x' })).rejects.toMatchObject({ code: 'engine-lost' })
  })
})
