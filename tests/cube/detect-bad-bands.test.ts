import { describe, expect, it } from 'vitest'
import type { Cube } from '../../src/engine/cube'
import { detectBadBands, openCube, writeEnvi } from '../../src/engine/cube'
import { temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const [lines, samples, bands] = [7, 5, 6]

/** Band 0 is sound; 1 constant; 2 NaN; 3 no-data; 4 constant beside NaN and no-data; 5 changes in its very last pixel only. */
async function scene(interleave: 'bsq' | 'bil' | 'bip'): Promise<Cube> {
  const values = Float32Array.from({ length: lines * samples * bands }, (_, at) => {
    const [pixel, band] = [Math.floor(at / bands), at % bands]
    const rest = [7, Number.NaN, -9999, [5, Number.NaN, -9999][pixel % 3]]
    return [pixel, ...rest, pixel === lines * samples - 1 ? 2 : 1][band]
  })
  const [path] = await writeEnvi(scratch.file(`scene-${interleave}`), { lines, samples, bands, interleave, dataType: 'float32', values, header: { noData: -9999 } })
  return openCube(path, { mask: false, noData: null })
}

describe('looking for bad bands', () => {
  it.each(['bsq', 'bil', 'bip'] as const)('finds those that say nothing, and why: %s', async (interleave) => {
    const cube = await scene(interleave)
    // Less than a line at once, so every line is a read of its own.
    for (const bytes of [undefined, 1]) {
      expect(await detectBadBands(cube, -9999, { bytes })).toEqual([
        { band: 1, reason: 'constant', value: 7 }, { band: 2, reason: 'nan', value: null }, { band: 3, reason: 'no-data', value: null }, { band: 4, reason: 'constant', value: 5 },
      ])
    }
    // Without a no-data value that holds, its number is a value like any other: band 4 has two of them.
    expect(await detectBadBands(cube, null)).toEqual([
      { band: 1, reason: 'constant', value: 7 }, { band: 2, reason: 'nan', value: null }, { band: 3, reason: 'constant', value: -9999 },
    ])
    await cube.close()
  })

  it('reads on only what is still in doubt, and nothing once all is settled', async () => {
    const cube = await scene('bip')
    const asked: number[][] = []
    let told = 0
    const watched: Cube = { ...cube, readPixels: (window, chosen, ...rest) => {
      asked.push([window.lines, chosen?.length ?? bands])
      return cube.readPixels(window, chosen, ...rest)
    } }
    await detectBadBands(watched, -9999, { onPixels: (count) => (told += count) })
    expect(asked).toEqual([[1, 6], [6, 5]])
    expect(told).toBe(lines * samples)
    asked.length = 0
    const sound: Cube = { ...watched, readPixels: async (window) => {
      asked.push([window.lines])
      return Float32Array.from({ length: window.lines * samples * bands }, (_, at) => at)
    } }
    expect(await detectBadBands(sound, null)).toEqual([])
    expect(asked).toEqual([[1]])
    await cube.close()
  })

  it('stops when it is told to', async () => {
    const cube = await scene('bsq')
    const controller = new AbortController()
    controller.abort()
    await expect(detectBadBands(cube, null, { signal: controller.signal })).rejects.toMatchObject({ code: 'cancelled' })
    await cube.close()
  })
})
