import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { RunningStatistics, requireChannels, requirePixels } from '../../src/engine/nodes/statistics'

/** Two passes over all pixels in float64. */
function plain(pixels: Float32Array, channels: number): { mean: number[]; scatter: number[] } {
  const count = pixels.length / channels
  const mean = Array.from({ length: channels }, (_, channel) => {
    let sum = 0
    for (let row = 0; row < count; row += 1) sum += pixels[row * channels + channel]
    return sum / count
  })
  const scatter = new Array<number>(channels * channels).fill(0)
  for (let row = 0; row < count; row += 1) {
    for (let a = 0; a < channels; a += 1) for (let b = 0; b < channels; b += 1) scatter[a * channels + b] += (pixels[row * channels + a] - mean[a]) * (pixels[row * channels + b] - mean[b])
  }
  return { mean, scatter }
}

function expectNear(found: ArrayLike<number>, expected: readonly number[], relative: number): void {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  expect(found.length).toBe(expected.length)
  expected.forEach((value, index) => expect(Math.abs(found[index] - value)).toBeLessThanOrEqual(relative * largest + Number.MIN_VALUE))
}

describe('statistics of a stream', () => {
  it('are those of all pixels at once, however the stream is cut', async () => {
    const cut = fc.record({ channels: fc.integer({ min: 1, max: 5 }), sizes: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 }), seed: fc.integer() })
    await fc.assert(fc.asyncProperty(cut, async ({ channels, sizes, seed }) => {
      const total = sizes.reduce((sum, size) => sum + size, 0)
      const random = randomSource(seed)
      const pixels = Float32Array.from({ length: total * channels }, () => 100 + random.normal())
      const [diagonal, full] = [new RunningStatistics('diagonal'), new RunningStatistics('full')]
      let at = 0
      for (const size of sizes) {
        const part = pixels.subarray(at * channels, (at + size) * channels)
        await diagonal.add(part, size, channels)
        await full.add(part, size, channels)
        at += size
      }
      expect([diagonal.count, full.count]).toEqual([total, total])
      if (total === 0) return
      const { mean, scatter } = plain(pixels, channels)
      expectNear(diagonal.mean, mean, 1e-13)
      expectNear(full.mean, mean, 1e-13)
      expectNear(full.scatter, scatter, 1e-11)
      expectNear(diagonal.scatter, scatter.filter((_, index) => index % (channels + 1) === 0), 1e-11)
    }), { numRuns: 40, seed: 3 })
  })

  it('are taken over blocks, whatever the batch', async () => {
    const channels = 2
    const random = randomSource(5)
    const pixels = Float32Array.from({ length: 20_001 * channels }, () => 1e4 + random.uniform())
    const statistics = new RunningStatistics('full')
    await statistics.add(pixels, 20_001, channels)
    const { mean, scatter } = plain(pixels, channels)
    expectNear(statistics.mean, mean, 1e-14)
    expectNear(statistics.scatter, scatter, 1e-9)
  })

  it('are the same one pixel at a time, of one pixel its own values, and unmoved by empty blocks', async () => {
    const pixels = Float32Array.from({ length: 60 }, (_, at) => Math.sin(at) * 10)
    const [one, all] = [new RunningStatistics('full'), new RunningStatistics('full')]
    await one.add(pixels.subarray(0, 3), 1, 3)
    expect([one.count, ...one.mean]).toEqual([1, ...pixels.subarray(0, 3)])
    for (let at = 1; at < 20; at += 1) {
      await one.add(pixels.subarray(at * 3, at * 3 + 3), 1, 3)
      await one.add(new Float32Array(0), 0, 3)
    }
    await all.add(pixels, 20, 3)
    expect(one.count).toBe(20)
    expectNear(one.mean, [...all.mean], 1e-14)
    expectNear(one.scatter, [...all.scatter], 1e-13)
  })

  it('of constant pixels have no scatter at all', async () => {
    const statistics = new RunningStatistics('full')
    for (let block = 0; block < 5; block += 1) await statistics.add(new Float32Array(400).fill(3.7), 100, 4)
    expect([...statistics.scatter]).toEqual(new Array(16).fill(0))
  })

  it('of a NaN are NaN in its channel alone', async () => {
    const statistics = new RunningStatistics('full')
    await statistics.add(Float32Array.of(1, NaN, 2, 3), 2, 2)
    expect([...statistics.mean]).toEqual([1.5, NaN])
    expect([...statistics.scatter]).toEqual([0.5, NaN, NaN, NaN])
  })

  it('refuse too few pixels and other channel counts in one sentence', () => {
    expect(() => requirePixels('encoder', 2, 0)).toThrow('The node encoder received no pixels to compute its statistics from; at least 2 valid pixels are needed.')
    expect(() => requirePixels('encoder', 2, 1)).toThrow('The node encoder received only 1 pixel to compute its statistics from; at least 2 valid pixels are needed.')
    expect(() => requireChannels('encoder', 5, 4)).toThrow('The node encoder expects 5 channels, but the pixels have 4; set its channel count to 4 or leave it out.')
  })
})
