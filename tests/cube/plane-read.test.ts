import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ByteSource } from '../../src/engine/cube/bytes'
import { BYTES_PER_ELEMENT } from '../../src/engine/cube/numbers'
import { stridedCube } from '../../src/engine/cube/strided-cube'
import type { CubeDataType, CubeDescription } from '../../src/shared/cube'

function sourceOf(bytes: Uint8Array): ByteSource & { largest: number } {
  return {
    path: 'memory', largest: 0,
    async read(position, into) {
      if (position + into.length > bytes.length) throw new Error('beyond the end')
      this.largest = Math.max(this.largest, into.length)
      into.set(bytes.subarray(position, position + into.length))
    },
    async close() {},
  }
}

describe('whole lines of a file that holds band after band', () => {
  const cases = fc.record({
    lines: fc.integer({ min: 1, max: 9 }), samples: fc.constantFrom(2, 3, 17, 700, 1500), bands: fc.integer({ min: 2, max: 11 }), padding: fc.constantFrom(0, 5),
    dtype: fc.constantFrom<CubeDataType>('uint8', 'int16', 'uint16', 'float32', 'float64', 'complex64'), littleEndian: fc.boolean(), pieceBytes: fc.constantFrom(100, 5000, 2 ** 21),
    seed: fc.integer(),
  })

  it('are those of the same numbers pixel by pixel, for any window of lines, bands and piece', async () => {
    await fc.assert(fc.asyncProperty(cases, fc.infiniteStream(fc.nat()), async ({ lines, samples, bands, padding, dtype, littleEndian, pieceBytes, seed }, more) => {
      const width = BYTES_PER_ELEMENT[dtype]
      const bandStep = lines * samples + padding
      const bytes = Uint8Array.from({ length: 8 + bandStep * bands * width }, (_, at) => Math.imul(at + seed, 2654435761) >>> 24)
      const pixelwise = new Uint8Array(lines * samples * bands * width)
      for (let band = 0; band < bands; band += 1) for (let pixel = 0; pixel < lines * samples; pixel += 1) {
        const from = 8 + (band * bandStep + pixel) * width
        pixelwise.set(bytes.subarray(from, from + width), (pixel * bands + band) * width)
      }
      const description = { path: 'memory', shape: [lines, samples, bands], noData: 7 } as unknown as CubeDescription
      const source = sourceOf(bytes)
      const planes = stridedCube(description, { dtype, littleEndian, base: 8, steps: { line: samples, sample: 1, band: bandStep } }, source, { pieceBytes })
      const pixels = stridedCube(description, { dtype, littleEndian, base: 0, steps: { line: samples * bands, sample: bands, band: 1 } }, sourceOf(pixelwise))
      const line = more.next().value % lines
      const window = { line, sample: 0, lines: 1 + (more.next().value % (lines - line)), samples }
      const chosen = more.next().value % 2 ? null : Array.from({ length: 2 + (more.next().value % 4) }, () => more.next().value % bands)
      const [found, expected] = [await planes.readPixels(window, chosen), await pixels.readPixels(window, chosen)]
      expect(found.every((value, at) => Object.is(value, expected[at]))).toBe(true)
      expect(found).toHaveLength(expected.length)
      // Again, into memory that was used before.
      expect((await planes.readPixels(window, chosen)).length).toBe(window.lines * samples * (chosen?.length ?? bands))
      expect(source.largest).toBeLessThanOrEqual(Math.max(pieceBytes, 16))
    }), { numRuns: 150, seed: 4 })
  })

  it('tell that the file is shorter, and stop when they are not wanted any more', async () => {
    const description = { path: 'memory', shape: [4, 10, 3], noData: null } as unknown as CubeDescription
    const cube = stridedCube(description, { dtype: 'uint8', littleEndian: true, base: 0, steps: { line: 10, sample: 1, band: 40 } }, sourceOf(new Uint8Array(100)))
    await expect(cube.readPixels({ line: 0, sample: 0, lines: 4, samples: 10 })).rejects.toThrow('beyond the end')
    const controller = new AbortController()
    controller.abort()
    await expect(cube.readPixels({ line: 0, sample: 0, lines: 1, samples: 10 }, null, undefined, controller.signal)).rejects.toMatchObject({ code: 'cancelled' })
  })
})
