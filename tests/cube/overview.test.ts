import { readdirSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bandStatistics } from '../../src/engine/cube/band-statistics'
import { openCube } from '../../src/engine/cube/open-cube'
import { ensureOverview, overviewStride, quickStride } from '../../src/engine/cube/overview'
import { wholeWindow } from '../../src/engine/cube/windowed-cube'
import { temporaryFolder } from './support/temporary'

const { path: folder } = temporaryFolder()
const [lines, samples, bands] = [37, 41, 5]

/** Element = line * 1000 + sample * 10 + band. */
function writeCube(name: string, interleave: 'bip' | 'bsq' | 'bil'): string {
  const values = new Uint16Array(lines * samples * bands)
  for (let line = 0; line < lines; line += 1) {
    for (let sample = 0; sample < samples; sample += 1) {
      for (let band = 0; band < bands; band += 1) {
        const at = { bip: (line * samples + sample) * bands + band, bil: (line * bands + band) * samples + sample, bsq: (band * lines + line) * samples + sample }[interleave]
        values[at] = line * 1000 + sample * 10 + band
      }
    }
  }
  const path = join(folder, `${name}.img`)
  writeFileSync(path, values)
  writeFileSync(join(folder, `${name}.hdr`), `ENVI\nsamples = ${samples}\nlines = ${lines}\nbands = ${bands}\ndata type = 12\ninterleave = ${interleave}\nbyte order = 0\n`)
  return path
}

// 15,170 bytes of cube; an overview of every second line and sample has 7,980.
const limits = { quickBytes: 4000, overviewBytes: 9000 }

describe('which cubes need an overview', () => {
  it('bip does, because a band of it touches the whole file', async () => {
    const cube = await openCube(writeCube('quick-bip', 'bip'))
    expect(quickStride(cube, limits)).toBe(4)
    expect(overviewStride(cube, limits)).toBe(2)
    await cube.close()
  })

  it('bsq does not, because a band of it is read alone', async () => {
    const cube = await openCube(writeCube('quick-bsq', 'bsq'))
    expect(cube.bandBytes).toBe(2 * lines * samples)
    expect(quickStride(cube, limits)).toBe(1)
    expect(overviewStride(cube, limits)).toBeNull()
    expect(await ensureOverview(cube, join(folder, 'none'), { limits })).toBeNull()
    await cube.close()
  })

  it('no small cube does', async () => {
    const cube = await openCube(writeCube('small', 'bip'))
    expect(quickStride(cube)).toBe(1)
    expect(overviewStride(cube)).toBeNull()
    await cube.close()
  })
})

describe('an overview', () => {
  it('holds what the cube says at its stride, and at every multiple of it', async () => {
    const cube = await openCube(writeCube('same', 'bip'))
    const told: number[] = []
    const made = await ensureOverview(cube, join(folder, 'same'), { limits, onLine: (done, total) => told.push(done / total) })
    expect(made?.stride).toBe(2)
    const overview = await openCube(made?.path ?? '', { mask: false })
    for (const band of [0, 3, 4]) {
      for (const factor of [1, 2, 3]) {
        expect(await overview.readBand(band, wholeWindow(overview.description), factor)).toEqual(await cube.readBand(band, wholeWindow(cube.description), 2 * factor))
      }
    }
    expect(told).toHaveLength(19)
    expect(told.at(-1)).toBe(1)
    await overview.close()
    await cube.close()
  })

  it('is found again, and made anew when the file has changed or the overview is damaged', async () => {
    const path = writeCube('again', 'bip')
    const place = join(folder, 'again')
    const lineCount = async (): Promise<number> => {
      let count = 0
      const cube = await openCube(path)
      await ensureOverview(cube, place, { limits, onLine: () => { count += 1 } })
      await cube.close()
      return count
    }
    expect(await lineCount()).toBe(19)
    expect(await lineCount()).toBe(0)
    utimesSync(path, new Date(), new Date(2020, 1, 1))
    expect(await lineCount()).toBe(19)
    expect(await lineCount()).toBe(0)
    truncateSync(join(place, readdirSync(place).find((name) => name.endsWith('.img')) ?? ''), 100)
    expect(await lineCount()).toBe(19)
    expect(readdirSync(place)).toHaveLength(2)
  })

  it('leaves nothing behind when it is stopped', async () => {
    const cube = await openCube(writeCube('stopped', 'bip'))
    const place = join(folder, 'stopped')
    const controller = new AbortController()
    await expect(ensureOverview(cube, place, { limits, signal: controller.signal, onLine: () => controller.abort() })).rejects.toMatchObject({ code: 'cancelled' })
    expect(readdirSync(place)).toEqual([])
    await cube.close()
  })
})

describe('statistics at a stride', () => {
  it('are those of every stride-th line and sample', async () => {
    const cube = await openCube(writeCube('spread', 'bil'))
    const { min, max, totalPixels, validPixels } = await bandStatistics(cube, 1, { stride: 3 })
    expect({ min, max, totalPixels, validPixels }).toEqual({ min: 1, max: 36_000 + 390 + 1, totalPixels: 13 * 14, validPixels: 13 * 14 })
    await cube.close()
  })
})
