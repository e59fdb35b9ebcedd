import { describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { fillPool, gatherPixels, shuffled, targetsOfPool } from '../../src/engine/training/pixel-pool'
import { memoryCube, usableOf } from '../inference/cubes'

const bands = 3
const usable = usableOf(bands)
const ramp = (count: number, first = 0) => Float32Array.from({ length: count }, (_, index) => first + index)

describe('pool of training pixels', () => {
  it('holds every valid pixel in scan order when they fit', async () => {
    const pixels = ramp(4 * 5 * bands)
    pixels[7 * bands + 1] = Number.NaN
    pixels[19 * bands] = Infinity
    const pool = await fillPool([memoryCube([4, 5, bands], pixels)], randomSource(1), { bytes: 1e6, readBytes: 100, usable })
    expect(pool.count).toBe(18)
    expect(pool.seen).toEqual({ total: 20, valid: 18, leftOut: 0 })
    expect(Array.from(pool.places)).toEqual([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18])
    pool.places.forEach((place, index) => expect(pool.values[index * bands]).toBe(place * bands))
  })

  it('keeps to its budget, draws without replacement, and the same seed draws the same', async () => {
    const cubes = [memoryCube([10, 10, bands], ramp(100 * bands)), memoryCube([5, 10, bands], ramp(50 * bands, 1000))]
    const draw = (seed: number, readBytes: number) => fillPool(cubes, randomSource(seed), { bytes: 40 * bands * 4 + 3, readBytes, usable })
    const pool = await draw(3, 64)
    expect(pool.count).toBe(40)
    expect(pool.values.buffer.byteLength).toBe(40 * bands * 4)
    expect(new Set(Array.from(pool.places, (place, index) => `${pool.cubes[index]}:${place}`)).size).toBe(40)
    pool.places.forEach((place, index) => expect(pool.values[index * bands]).toBe(place * bands + 1000 * pool.cubes[index]))
    expect(await draw(3, 1e6)).toEqual(pool)
    expect(await draw(4, 64)).not.toEqual(pool)
  })

  it('gives every pixel the same chance', async () => {
    const cube = memoryCube([1, 40, 1], ramp(40))
    const times = new Float64Array(40)
    for (let seed = 0; seed < 2000; seed += 1) for (const place of (await fillPool([cube], randomSource(seed), { bytes: 40, readBytes: 1e6, usable: usableOf(1) })).places) times[place] += 1
    // Binomial(2000, 1/4): mean 500, standard deviation 19.4.
    for (const count of times) expect(Math.abs(count - 500)).toBeLessThan(5 * 19.4)
  })

  it('shuffles to a permutation that the seed decides', () => {
    const order = shuffled(1000, randomSource(5, 'epoch 1'))
    expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index))
    expect(shuffled(1000, randomSource(5, 'epoch 1'))).toEqual(order)
    expect(shuffled(1000, randomSource(5, 'epoch 2'))).not.toEqual(order)
  })
})

describe('pixels of a pool', () => {
  it('keep their places where some cannot be used, however the cube is cut', async () => {
    const holed = Float32Array.from({ length: 20 * bands }, (_, index) => index)
    for (const pixel of [0, 7, 8, 19]) holed[pixel * bands + 1] = Number.NaN
    const kept = Array.from({ length: 20 }, (_, pixel) => pixel).filter((pixel) => ![0, 7, 8, 19].includes(pixel))
    for (const readBytes of [1, 200, 1e6]) {
      const pool = await fillPool([memoryCube([4, 5, bands], holed), memoryCube([4, 5, bands], holed)], randomSource(1), { bytes: 1e6, readBytes, usable })
      expect([...pool.places]).toEqual([...kept, ...kept])
      expect([...pool.cubes]).toEqual([...kept.map(() => 0), ...kept.map(() => 1)])
      expect([...pool.values]).toEqual([...kept, ...kept].flatMap((pixel) => [...holed.subarray(pixel * bands, (pixel + 1) * bands)]))
      const mask = Uint8Array.from({ length: 20 }, (_, pixel) => (pixel % 3 === 0 ? 1 : 0))
      expect([...(targetsOfPool(pool, [mask, mask]) ?? [])]).toEqual([...kept, ...kept].map((pixel) => mask[pixel]))
      expect(targetsOfPool(pool, [mask, null])).toBeNull()
    }
  })

  it('are gathered in any order, of any width', () => {
    for (const width of [1, 3, 4, 61]) {
      const from = Float32Array.from({ length: 100 * width }, (_, index) => index)
      const indices = Uint32Array.from({ length: 77 }, (_, index) => (index * 37) % 100)
      const to = new Float32Array(80 * width).fill(-1)
      gatherPixels(from, indices, to, width)
      expect([...to]).toEqual([...Array.from(indices).flatMap((pixel) => [...from.subarray(pixel * width, (pixel + 1) * width)]), ...new Array<number>(3 * width).fill(-1)])
    }
  })
})
