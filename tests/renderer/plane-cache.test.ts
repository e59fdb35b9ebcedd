import { describe, expect, it } from 'vitest'
import { PlaneCache } from '../../src/renderer/viewer/loaders/plane-cache'
import type { BandPlane } from '../../src/renderer/viewer/loaders/planes'

/** Loads that end when the test says so. */
function loads() {
  const begun: { url: string; signal: AbortSignal; finish: () => void; fail: (error: Error) => void }[] = []
  const load = (url: string, size = 4) => (signal: AbortSignal) =>
    new Promise<BandPlane>((resolve, reject) => {
      begun.push({ url, signal, finish: () => resolve({ url, shape: [1, size], stride: 1, values: new Float32Array(size) }), fail: reject })
      signal.addEventListener('abort', () => reject(signal.reason as Error))
    })
  return { begun, load }
}

const never = new AbortController().signal

describe('plane cache', () => {
  it('fetches once for all who ask', async () => {
    const cache = new PlaneCache(1000)
    const { begun, load } = loads()
    const asked = [cache.get('a', load('a'), never), cache.get('a', load('a'), never)]
    begun[0].finish()
    const [first, second] = await Promise.all(asked)
    expect(begun).toHaveLength(1)
    expect(first).toBe(second)
    expect(await cache.get('a', load('a'), never)).toBe(first)
  })

  it('aborts the fetch only when nobody waits any more', async () => {
    const cache = new PlaneCache(1000)
    const { begun, load } = loads()
    const [one, two] = [new AbortController(), new AbortController()]
    const asked = [cache.get('a', load('a'), one.signal), cache.get('a', load('a'), two.signal)]
    one.abort()
    await expect(asked[0]).rejects.toThrow()
    expect(begun[0].signal.aborted).toBe(false)
    two.abort()
    await expect(asked[1]).rejects.toThrow()
    expect(begun[0].signal.aborted).toBe(true)
    const again = cache.get('a', load('a'), never)
    expect(begun).toHaveLength(2)
    begun[1].finish()
    expect((await again).url).toBe('a')
  })

  it('forgets failures', async () => {
    const cache = new PlaneCache(1000)
    const { begun, load } = loads()
    const asked = cache.get('a', load('a'), never)
    begun[0].fail(new Error('The disk is gone.'))
    await expect(asked).rejects.toThrow('The disk is gone.')
    expect(cache.has('a')).toBe(false)
    const again = cache.get('a', load('a'), never)
    begun[1].finish()
    await again
    expect(cache.has('a')).toBe(true)
  })

  it('drops what was used longest ago, never the newest', async () => {
    const cache = new PlaneCache(40)
    const { begun, load } = loads()
    for (const url of ['a', 'b']) {
      const asked = cache.get(url, load(url), never)
      begun.at(-1)!.finish()
      await asked
    }
    await cache.get('a', load('a'), never)
    const third = cache.get('c', load('c'), never)
    begun.at(-1)!.finish()
    await third
    expect(['a', 'b', 'c'].map((url) => cache.has(url))).toEqual([true, false, true])
    const huge = cache.get('d', load('d', 1000), never)
    begun.at(-1)!.finish()
    await huge
    expect(['a', 'c', 'd'].map((url) => cache.has(url))).toEqual([false, false, true])
  })

  it('refuses at once what is not wanted any more', async () => {
    const cache = new PlaneCache(40)
    const { begun, load } = loads()
    await expect(cache.get('a', load('a'), AbortSignal.abort())).rejects.toThrow()
    expect(begun).toHaveLength(0)
  })
})
