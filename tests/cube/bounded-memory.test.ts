import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import type { ByteSource } from '../../src/engine/cube/bytes'
import { openCube } from '../../src/engine/cube/open-cube'
import { stridedCube } from '../../src/engine/cube/strided-cube'
import { temporaryFolder } from './support/temporary'

const folder = temporaryFolder()

/** A source of zeros that counts what is asked of it. */
function counting(): { source: ByteSource; bytes: () => number; largest: () => number; reads: () => number } {
  let bytes = 0
  let largest = 0
  let reads = 0
  const source: ByteSource = {
    path: 'counted',
    async read(_position, into) {
      bytes += into.length
      largest = Math.max(largest, into.length)
      reads += 1
    },
    async close() {},
  }
  return { source, bytes: () => bytes, largest: () => largest, reads: () => reads }
}

const lines = 2000
const samples = 1000
const bands = 200
const description = { path: 'counted', shape: [lines, samples, bands], noData: null } as unknown as CubeDescription
const whole = { line: 0, sample: 0, lines, samples }
const layouts = {
  bsq: { line: samples, sample: 1, band: lines * samples },
  bil: { line: samples * bands, sample: 1, band: samples },
  bip: { line: samples * bands, sample: bands, band: 1 },
}

describe('what is read of a cube of 800 MB', () => {
  it.each<[keyof typeof layouts, number, number]>([['bsq', 400, 200], ['bil', 400_000, 200], ['bip', 400, 1]])('for one pixel of %s', async (interleave, mostBytes, mostReads) => {
    const { source, bytes, reads } = counting()
    const cube = stridedCube(description, { dtype: 'uint16', littleEndian: true, base: 0, steps: layouts[interleave] }, source)
    await cube.readPixels({ line: 1234, sample: 567, lines: 1, samples: 1 })
    expect(bytes()).toBeLessThanOrEqual(mostBytes)
    expect(reads()).toBeLessThanOrEqual(mostReads)
  })

  it('for one band of bsq: the band, in pieces', async () => {
    const { source, bytes, largest } = counting()
    const cube = stridedCube(description, { dtype: 'uint16', littleEndian: true, base: 0, steps: layouts.bsq }, source, { pieceBytes: 1 << 20 })
    await cube.readBand(17, whole)
    expect(bytes()).toBe(2 * lines * samples)
    expect(largest()).toBeLessThanOrEqual(1 << 20)
  })

  it('for one band of bip: the file once, in pieces', async () => {
    const { source, bytes, largest } = counting()
    const cube = stridedCube(description, { dtype: 'uint16', littleEndian: true, base: 0, steps: layouts.bip }, source, { pieceBytes: 1 << 20 })
    await cube.readBand(17, { ...whole, lines: 100 })
    expect(bytes()).toBeLessThanOrEqual(2 * 100 * samples * bands)
    expect(largest()).toBeLessThanOrEqual(1 << 20)
  })

  it('for one band of bil: its rows', async () => {
    const { source, bytes } = counting()
    const cube = stridedCube(description, { dtype: 'uint16', littleEndian: true, base: 0, steps: layouts.bil }, source)
    await cube.readBand(17, whole)
    expect(bytes()).toBe(2 * lines * samples)
  })
})

describe('a sparse file of 8 GB', () => {
  it('gives a pixel and a line at its end in an instant and little memory', async () => {
    const path = folder.file('large.bsq')
    const [height, width, depth] = [5000, 4000, 200]
    const handle = openSync(path, 'w')
    ftruncateSync(handle, height * width * depth * 2)
    const lastPixel = ((depth - 1) * height * width + height * width - 1) * 2
    writeSync(handle, Buffer.from([0x34, 0x12]), 0, 2, lastPixel)
    closeSync(handle)
    folder.file('large.hdr', `ENVI\nsamples = ${width}\nlines = ${height}\nbands = ${depth}\ndata type = 12\ninterleave = bsq\nbyte order = 0\n`)

    const before = process.memoryUsage()
    const started = performance.now()
    const cube = await openCube(path)
    const spectrum = await cube.readPixels({ line: height - 1, sample: width - 1, lines: 1, samples: 1 })
    const row = await cube.readBand(depth - 1, { line: height - 1, sample: 0, lines: 1, samples: width })
    const preview = await cube.readBand(depth - 1, { line: 0, sample: 0, lines: height, samples: width }, 64)
    await cube.close()
    const after = process.memoryUsage()

    expect(spectrum[depth - 1]).toBe(0x1234)
    expect(spectrum.slice(0, depth - 1).every((value) => value === 0)).toBe(true)
    expect(row[width - 1]).toBe(0x1234)
    expect(preview).toHaveLength(79 * 63)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024 * 1024)
    // A generous bound: reading it all would take many seconds.
    expect(performance.now() - started).toBeLessThan(5000)
  })
})
