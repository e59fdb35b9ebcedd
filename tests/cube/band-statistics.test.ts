import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import { bandStatistics } from '../../src/engine/cube/band-statistics'
import type { Cube } from '../../src/engine/cube/cube'
import { openCube } from '../../src/engine/cube/open-cube'
import { plainCube, writeSmallCube } from './support/envi-files'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()

/** A cube of one band in memory. */
function cubeOf(lines: number, samples: number, values: Float32Array): Cube {
  const description = { path: 'memory', shape: [lines, samples, 1] } as unknown as CubeDescription
  return {
    description,
    readPixels: () => Promise.reject(new Error('not asked for')),
    readBand: async (_band, window) => values.slice(window.line * samples, (window.line + window.lines) * samples),
    close: async () => undefined,
  }
}

describe('band statistics', () => {
  it('are what sorting all finite pixels gives', async () => {
    const pixels = fc.array(fc.oneof({ weight: 6, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }) }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity) }), { minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(pixels, async (list) => {
        const values = Float32Array.from(list)
        const finite = [...values].filter(Number.isFinite).sort((a, b) => a - b)
        const found = await bandStatistics(cubeOf(list.length, 1, values), 0)
        expect(found).toMatchObject({ band: 0, validPixels: finite.length, totalPixels: list.length })
        if (finite.length === 0) return
        expect(found.min).toBe(finite[0])
        expect(found.max).toBe(finite[finite.length - 1])
        expect(found.mean).toBeCloseTo(finite.reduce((sum, value) => sum + value, 0) / finite.length, 9)
        for (const percent of [0, 1, 25, 50, 98, 100]) {
          const position = (percent / 100) * (finite.length - 1)
          const below = finite[Math.floor(position)]
          const above = finite[Math.ceil(position)]
          expect(found.percentiles[percent]).toBeCloseTo(below + (above - below) * (position - Math.floor(position)), 9)
        }
      }),
      { seed: 20261123, numRuns: 200 },
    )
  })

  it('of 1 to 10 have the percentiles that NumPy gives', async () => {
    const { percentiles } = await bandStatistics(cubeOf(2, 5, Float32Array.of(3, 1, 2, 10, 4, 9, 8, 7, 6, 5)), 0)
    expect([percentiles[2], percentiles[25], percentiles[50], percentiles[98]].map((value) => Number(value.toFixed(12)))).toEqual([1.18, 3.25, 5.5, 9.82])
    expect(percentiles).toHaveLength(101)
  })

  it('of a constant band, and of a band without a valid pixel', async () => {
    expect(await bandStatistics(cubeOf(1, 3, Float32Array.of(5, 5, 5)), 0)).toEqual({
      band: 0, min: 5, max: 5, mean: 5, percentiles: new Array(101).fill(5), validPixels: 3, totalPixels: 3,
    })
    expect(await bandStatistics(cubeOf(1, 2, Float32Array.of(NaN, NaN)), 0)).toEqual({
      band: 0, min: 0, max: 0, mean: 0, percentiles: new Array(101).fill(0), validPixels: 0, totalPixels: 2,
    })
  })

  it('leave out no-data, and read the band that is asked for', async () => {
    const cube = await openCube(writeSmallCube(folder.file('nodata.img'), plainCube, 'data ignore value = 103\n'))
    expect(await bandStatistics(cube, 3)).toMatchObject({ band: 3, min: 3, max: 233, validPixels: 11, totalPixels: 12 })
    expect(await problemOf(() => bandStatistics(cube, 5))).toMatchObject({ code: 'bad-argument' })
    await cube.close()
  })

  it('of a band beyond the budget: extremes and mean exact, percentiles from an even sample', async () => {
    const values = Float32Array.from({ length: 100_000 }, (_, n) => (n * 7919) % 100_000)
    const found = await bandStatistics(cubeOf(100, 1000, values), 0, { keptPixels: 5000 })
    expect(found).toMatchObject({ min: 0, max: 99_999, mean: 49_999.5, validPixels: 100_000 })
    expect(Math.abs(found.percentiles[50] - 49_999.5)).toBeLessThan(500)
    expect(found.percentiles[0]).toBe(0)
    expect(found.percentiles[100]).toBe(99_999)
  })
})
