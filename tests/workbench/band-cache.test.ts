import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeEnvi } from '../../src/engine/cube/writers/envi'
import { BandCache } from '../../src/engine/process/band-cache'
import { browseHandlers } from '../../src/engine/process/browse'

const band = (value: number, length = 4) => new Float32Array(length).fill(value)

describe('bands that are kept', () => {
  it('are read once, by everybody who asks while it is read or later, until the cube is forgotten', async () => {
    const cache = new BandCache(1000)
    let reads = 0
    const read = async () => { reads += 1; return band(7) }
    const [first, second] = await Promise.all([cache.get('/a', '0', read), cache.get('/a', '0', read)])
    expect(second).toBe(first)
    expect(await cache.get('/a', '0', read)).toBe(first)
    expect(reads).toBe(1)
    await cache.get('/ab', '0', read)
    cache.forget('/a')
    await cache.get('/ab', '0', read)
    expect(reads).toBe(2)
    await cache.get('/a', '0', read)
    expect(reads).toBe(3)
  })

  it('take no more than their bytes: the least recently used goes first, and one that is too large is not kept', async () => {
    const cache = new BandCache(3 * 16)
    const reads: string[] = []
    const get = (key: string, length = 4) => cache.get('/a', key, async () => { reads.push(key); return band(1, length) })
    for (const key of ['0', '1', '2', '0', '3', '0', '2', '1']) await get(key)
    expect(reads).toEqual(['0', '1', '2', '3', '1'])
    await get('large', 100)
    await get('large', 100)
    await get('1')
    expect(reads.slice(5)).toEqual(['large', 'large'])
  })

  it('stop being read when nobody waits any more, and not before', async () => {
    const cache = new BandCache(1000)
    const signals: AbortSignal[] = []
    const read = (signal: AbortSignal) => {
      signals.push(signal)
      return new Promise<Float32Array>((resolve, reject) => { signal.addEventListener('abort', () => reject(new Error('stopped'))); setTimeout(() => resolve(band(2)), 30) })
    }
    const [one, two] = [new AbortController(), new AbortController()]
    const first = cache.get('/a', '0', read, one.signal)
    const second = cache.get('/a', '0', read, two.signal)
    one.abort()
    await expect(first).rejects.toMatchObject({ code: 'cancelled' })
    expect(signals[0].aborted).toBe(false)
    expect(await second).toEqual(band(2))

    const third = cache.get('/a', '1', read, two.signal)
    two.abort()
    await expect(third).rejects.toMatchObject({ code: 'cancelled' })
    expect(signals[1].aborted).toBe(true)
    // Who comes right after gets a read of its own.
    expect(await cache.get('/a', '1', read)).toEqual(band(2))
    expect(signals).toHaveLength(3)
  })

  it('that cannot be read are tried again', async () => {
    const cache = new BandCache(1000)
    await expect(cache.get('/a', '0', () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    expect(await cache.get('/a', '0', async () => band(1))).toEqual(band(1))
  })
})

describe('the browse process', () => {
  let folder: string
  beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'cuvette-bands-')) })
  afterAll(() => rm(folder, { recursive: true }))

  it('reads a band once for its picture and its statistics, and anew when the cube is opened anew', async () => {
    const path = join(folder, 'scene.img')
    const shape = { lines: 30, samples: 20, bands: 3, dataType: 'uint16' as const }
    const values = Uint16Array.from({ length: 1800 }, (_, index) => index)
    await writeEnvi(path, { ...shape, values })
    const handlers = browseHandlers()
    const context = { signal: new AbortController().signal, onProgress: () => undefined }
    const picture = async () => {
      const [{ values: pixels }, [statistics]] = await Promise.all([
        handlers['cube.band']!({ reference: path, band: 1, stride: 2, window: null, overview: null }, context),
        handlers['cube.bandStatistics']!({ reference: path, bands: [1], stride: 2, overview: null }, context),
      ])
      expect(statistics.mean).toBeCloseTo(pixels.reduce((sum, value) => sum + value, 0) / pixels.length, 9)
      return pixels
    }
    const before = await picture()
    expect(before[1]).toBe(2 * 3 + 1)
    // The answer is given before anything is read: overwriting the file in between changes nothing.
    await writeEnvi(path, { ...shape, values: values.map((value) => value + 1) })
    expect(await picture()).toBe(before)
    await handlers['cube.describe']!({ reference: path }, context)
    expect((await picture())[1]).toBe(2 * 3 + 2)
    expect((await handlers['cube.band']!({ reference: path, band: 1, stride: 1, window: { line: 4, sample: 2, lines: 2, samples: 3 }, overview: null }, context)).values[0]).toBe((4 * 20 + 2) * 3 + 2)
    await handlers['cube.release']!({ reference: path }, context)
  })
})
