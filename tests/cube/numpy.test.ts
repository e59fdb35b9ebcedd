import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openCube } from '../../src/engine/cube/open-cube'
import { writeNpy } from '../../src/engine/cube/writers/npy'
import { recipes } from '../formats/recipes'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const value = (line: number, sample: number, band: number) => 100 * line + 10 * sample + band
const whole = { line: 0, sample: 0, lines: 5, samples: 4 }
const shape = [5, 4, 6]

describe('NumPy arrays', () => {
  it('give any window as a plain loop does: C and Fortran order, stored and deflated, in memory and in a temporary file', async () => {
    recipes.npz.write(folder.path, {
      file: 'windows.npz',
      members: [
        { name: 'c_stored.npy', shape, descr: '<u2' }, { name: 'f_stored.npy', shape, descr: '>f4', fortran: true },
        { name: 'c_deflated.npy', shape, descr: '>f8', deflate: true }, { name: 'f_deflated.npy', shape, descr: '<i4', fortran: true, deflate: true },
      ],
    })
    const request = fc.record({
      variable: fc.constantFrom('c_stored', 'f_stored', 'c_deflated', 'f_deflated'),
      line: fc.nat(4), sample: fc.nat(3), lines: fc.nat(4), samples: fc.nat(3),
      bands: fc.option(fc.array(fc.nat(5), { maxLength: 7 })), band: fc.nat(5), stride: fc.integer({ min: 1, max: 4 }),
      pieceBytes: fc.constantFrom(1, 16, 100, 1 << 20), inflatedBytes: fc.constantFrom(0, 1 << 20),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ variable, bands, band, stride, pieceBytes, inflatedBytes, ...box }) => {
        const window = { line: box.line, sample: box.sample, lines: 1 + (box.lines % (5 - box.line)), samples: 1 + (box.samples % (4 - box.sample)) }
        const cube = await openCube(`${folder.file('windows.npz')}#${variable}`, { pieceBytes, inflatedBytes, mask: false })
        try {
          expect(await cube.readPixels(window, bands)).toEqual(expectedPixels(value, window, bands ?? range(6)))
          expect(await cube.readBand(band, window, stride)).toEqual(expectedBand(value, band, window, stride))
        } finally {
          await cube.close()
        }
      }),
      { seed: 20261125, numRuns: 60 },
    )
  })

  it('read every half-precision number', async () => {
    // Every finite pattern once; the value from its definition.
    const patterns = Uint16Array.from({ length: 0x7c00 }, (_, bits) => bits)
    const header = `{'descr': '<f2', 'fortran_order': False, 'shape': (1, ${patterns.length}, 1), }`.padEnd(117) + '\n'
    const path = folder.file('halves.npy', Buffer.concat([Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]), Buffer.from(header), Buffer.from(patterns.buffer)]))
    const cube = await openCube(path)
    const values = await cube.readBand(0, { line: 0, sample: 0, lines: 1, samples: patterns.length })
    await cube.close()
    expect([values[0], values[1], values[0x3ff], values[0x400], values[0x3c00], values[0x7bff]]).toEqual([0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, 65504])
    for (let n = 1; n < values.length; n += 1) expect(values[n]).toBeGreaterThan(values[n - 1])
  })

  it('come back as they were written', async () => {
    const values = Float32Array.from({ length: 120 }, (_, n) => n / 7)
    const [path] = await writeNpy(folder.file('back.npy'), { shape, dataType: 'float32', values })
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ shape, dtype: 'float32', interleave: 'bip', warnings: [] })
    expect(await cube.readPixels(whole)).toEqual(values)
    await cube.close()
  })

  it('have one wrong byte and give numbers or a sentence, never a defect', async () => {
    recipes.npz.write(folder.path, { file: 'good.npz', members: [{ name: 'cube.npy', shape: [3, 4, 5], deflate: true }, { name: 'wavelengths.npy', shape: [5] }] })
    const good = readFileSync(folder.file('good.npz'))
    for (let at = 0; at < good.length; at += 1) {
      const bytes = Buffer.from(good)
      bytes[at] ^= 1 << at % 8
      const path = folder.file('bent.npz', bytes)
      try {
        const cube = await openCube(path)
        await cube.readPixels({ line: 0, sample: 0, lines: 1, samples: 1 }).finally(() => cube.close())
      } catch (error) {
        await problemOf(() => {
          throw error
        })
      }
    }
  })
})
