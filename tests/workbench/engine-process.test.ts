import { describe, expect, it } from 'vitest'
import type { Cube } from '../../src/engine/cube/cube'
import type { EngineChannel } from '../../src/engine/process/channel'
import { OpenCubes } from '../../src/engine/process/open-cubes'
import type { HandlerTable } from '../../src/engine/process/serve'
import { serveEngine } from '../../src/engine/process/serve'
import type { FromEngine, ToEngine } from '../../src/shared/engine-contract'
import { CuvetteError } from '../../src/shared/problem'
import { description, until } from './fake-host'

function startEngine(handlers: HandlerTable, concurrency = 2, refuses: (message: FromEngine) => boolean = () => false) {
  const sent: FromEngine[] = []
  let listener: (message: ToEngine) => void = () => undefined
  const channel: EngineChannel = {
    async post(message) {
      if (refuses(message)) throw new Error('DataCloneError')
      sent.push(message)
    },
    onMessage: (given) => void (listener = given),
    onClosed: () => undefined,
  }
  serveEngine(channel, 'browse', handlers, concurrency)
  let id = 0
  const call = (name: string, args: unknown = {}): number => {
    id += 1
    listener({ kind: 'call', id, name: name as never, args })
    return id
  }
  const answerTo = async (wanted: number) => {
    const find = () => sent.find((message) => (message.kind === 'reply' || message.kind === 'failure') && message.id === wanted)
    await until(() => find() !== undefined)
    return find()!
  }
  return { sent, call, answerTo, cancel: (wanted: number) => listener({ kind: 'cancel', id: wanted }) }
}

describe('serveEngine', () => {
  it('says that it is ready, answers, and reports progress in between', async () => {
    const engine = startEngine({
      'cube.release': async (_, { onProgress }) => {
        onProgress({ kind: 'warning', message: 'slow' })
        return null
      },
    })
    const id = engine.call('cube.release')
    await engine.answerTo(id)
    expect(engine.sent).toEqual([
      { kind: 'ready' },
      { kind: 'progress', id, progress: { kind: 'warning', message: 'slow' } },
      { kind: 'reply', id, value: null },
    ])
  })

  it('reads, of 50 bands that a slider is dragged through, those that were under way and the last one', async () => {
    const read: number[] = []
    const engine = startEngine({
      'cube.band': async ({ band }) => {
        read.push(band)
        // A reader that cannot be stopped before it is done.
        await new Promise((resolve) => setTimeout(resolve, 40))
        return { shape: [1, 1], values: Float32Array.of(band) }
      },
    }, 4)
    let last = 0
    for (let band = 0; band < 50; band += 1) {
      if (last) engine.cancel(last)
      last = engine.call('cube.band', { band })
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await engine.answerTo(last)).toMatchObject({ kind: 'reply', value: { values: Float32Array.of(49) } })
    expect(read).toEqual([0, 1, 2, 3, 49])
    expect(engine.sent.filter((message) => message.kind === 'failure')).toHaveLength(45)
  })

  it('turns whatever is thrown into a problem, and names what it does not know', async () => {
    const engine = startEngine({
      'cube.describe': () => {
        throw new CuvetteError('not-a-cube', 'Not a cube.', { path: '/x' })
      },
      'cube.release': () => Promise.reject(new TypeError('undefined is not a function')),
      'nodes.catalogue': () => Promise.reject('words'),
    })
    expect(await engine.answerTo(engine.call('cube.describe'))).toMatchObject({ problem: { code: 'not-a-cube', message: 'Not a cube.', path: '/x' } })
    expect(await engine.answerTo(engine.call('cube.release'))).toMatchObject({ problem: { code: 'internal' } })
    expect(await engine.answerTo(engine.call('nodes.catalogue'))).toMatchObject({ problem: { code: 'internal', message: expect.stringContaining('words') } })
    for (const name of ['fit', 'constructor', '__proto__', 'toString']) expect(await engine.answerTo(engine.call(name))).toMatchObject({ problem: { code: 'bad-argument' } })
  })

  it('does at most so many things at once, the rest in order', async () => {
    const running: (() => void)[] = []
    const begun: string[] = []
    const engine = startEngine({
      'cube.release': ({ reference }) => new Promise((resolve) => {
        begun.push(reference)
        running.push(() => resolve(null))
      }),
    })
    const ids = ['a', 'b', 'c', 'd'].map((reference) => engine.call('cube.release', { reference }))
    await new Promise(setImmediate)
    expect(begun).toEqual(['a', 'b'])
    running[1]()
    await engine.answerTo(ids[1])
    await until(() => begun.length === 3)
    expect(begun).toEqual(['a', 'b', 'c'])
  })

  it('drops a cancelled call that still waits, and tells one that runs', async () => {
    const begun: string[] = []
    const engine = startEngine({
      'cube.release': ({ reference }, { signal }) => {
        begun.push(reference)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      },
    }, 1)
    const [a, b] = ['a', 'b'].map((reference) => engine.call('cube.release', { reference }))
    engine.cancel(b)
    expect(await engine.answerTo(b)).toMatchObject({ problem: { code: 'cancelled' } })
    engine.cancel(a)
    expect(await engine.answerTo(a)).toMatchObject({ problem: { code: 'cancelled' } })
    engine.cancel(a)
    engine.cancel(99)
    expect(begun).toEqual(['a'])
  })

  it('reports an answer that cannot be sent', async () => {
    const engine = startEngine({ 'cube.release': async () => null }, 1, (message) => message.kind === 'reply')
    expect(await engine.answerTo(engine.call('cube.release'))).toMatchObject({ problem: { code: 'internal', message: expect.stringContaining('cube.release could not be sent: DataCloneError') } })
  })
})

describe('OpenCubes', () => {
  function fakeCubes(capacity: number) {
    const opened: string[] = []
    const closed: string[] = []
    const open = async (reference: string): Promise<Cube> => {
      opened.push(reference)
      if (reference === 'broken') throw new CuvetteError('not-a-cube', 'Not a cube.')
      return {
        description: description(reference),
        readPixels: async () => new Float32Array(),
        readBand: async () => new Float32Array(),
        close: async () => void closed.push(reference),
      }
    }
    return { opened, closed, open, cubes: new OpenCubes(open, capacity) }
  }
  const look = async (cube: Cube) => cube.description.path

  it('opens once, also for reads at the same time', async () => {
    const { cubes, opened } = fakeCubes(2)
    expect(await Promise.all([cubes.use('a', look), cubes.use('a', look)])).toEqual(['a', 'a'])
    await cubes.use('a', look)
    expect(opened).toEqual(['a'])
  })

  it('closes the least recently used above its capacity', async () => {
    const { cubes, closed } = fakeCubes(2)
    for (const reference of ['a', 'b', 'a', 'c']) await cubes.use(reference, look)
    expect(closed).toEqual(['b'])
    await cubes.closeAll()
    expect(closed).toEqual(['b', 'a', 'c'])
  })

  it('never closes a cube that is being read', async () => {
    const { cubes, closed } = fakeCubes(1)
    let finish: () => void = () => undefined
    const reading = cubes.use('a', () => new Promise<void>((resolve) => (finish = resolve)))
    await cubes.use('b', look)
    await cubes.release('a')
    expect(closed).toEqual(['b'])
    finish()
    await reading
    expect(closed).toEqual(['b', 'a'])
  })

  it('tries a broken file again, and opens anew what is replaced', async () => {
    const { cubes, opened, closed, open } = fakeCubes(2)
    await expect(cubes.use('broken', look)).rejects.toMatchObject({ code: 'not-a-cube' })
    await expect(cubes.use('broken', look)).rejects.toMatchObject({ code: 'not-a-cube' })
    expect(opened).toEqual(['broken', 'broken'])
    await cubes.use('a', look)
    await cubes.replace('a', () => open('a'))
    expect(closed).toEqual(['a'])
    await cubes.use('a', look)
    expect(opened).toEqual(['broken', 'broken', 'a', 'a'])
  })
})
