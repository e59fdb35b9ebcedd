import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CubeDataType, Interleave } from '../../src/shared/cube'
import { openCube } from '../../src/engine/cube/open-cube'
import type { SmallCube } from './support/envi-files'
import { dataBytes, ENVI_CODES, headerText, plainCube, writeSmallCube } from './support/envi-files'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const interleaves: Interleave[] = ['bsq', 'bil', 'bip']

/** Values that use the sign, the width and the fraction of each type; every one exact in float32. */
function sampleValue(dtype: CubeDataType): SmallCube['value'] {
  const signed = dtype.startsWith('int') || dtype.startsWith('float')
  const step = dtype.startsWith('float') ? 0.25 : 1
  const large = { uint16: 60000, int16: -32768, uint32: 2 ** 31, int32: -(2 ** 31), uint64: 2 ** 63, int64: -(2 ** 62) }[dtype as string]
  return (line, sample, band) => {
    if (large !== undefined && line === 1 && sample === 2 && band === 3) return large
    return (signed && (line + sample + band) % 2 === 1 ? -1 : 1) * (line * 40 + sample * 10 + band) * step
  }
}

/** Complex numbers are stored as (v, 2v), so their magnitude is v * sqrt(5). */
function seen(dtype: CubeDataType, value: SmallCube['value']): SmallCube['value'] {
  return dtype.startsWith('complex') ? (line, sample, band) => Math.hypot(value(line, sample, band), 2 * value(line, sample, band)) : value
}

describe('every ENVI data type, interleave and byte order', () => {
  const cases = ENVI_CODES.flatMap(([code, dtype]) => interleaves.flatMap((interleave) => [true, false].map((little) => ({ code, dtype, interleave, little }))))

  it.each(cases)('reads $dtype $interleave little-endian: $little, behind an offset', async ({ code, dtype, interleave, little }) => {
    const value = sampleValue(dtype)
    const cube: SmallCube = { lines: 3, samples: 5, bands: 4, code, dtype, interleave, little, offset: 13, value }
    const path = writeSmallCube(folder.file(`type-${code}-${interleave}-${little}.img`), cube)
    const opened = await openCube(path)
    expect(opened.description).toMatchObject({ shape: [3, 5, 4], dtype, interleave, format: 'ENVI', warnings: [] })
    const whole = { line: 0, sample: 0, lines: 3, samples: 5 }
    expect(await opened.readPixels(whole)).toEqual(expectedPixels(seen(dtype, value), whole, range(4)))
    expect(await opened.readBand(3, whole)).toEqual(expectedBand(seen(dtype, value), 3, whole, 1))
    await opened.close()
  })
})

describe('windows', () => {
  it('reads any window, any bands and any stride as a plain loop does, whatever the piece size', async () => {
    const value: SmallCube['value'] = (line, sample, band) => line * 1000 + sample * 50 + band
    const paths = interleaves.map((interleave) =>
      writeSmallCube(folder.file(`windows-${interleave}.img`), { lines: 9, samples: 11, bands: 7, code: 4, dtype: 'float32', interleave, little: true, offset: 4, value }),
    )
    const request = fc.record({
      file: fc.constantFrom(...paths),
      line: fc.nat(8), sample: fc.nat(10), lines: fc.nat(8), samples: fc.nat(10),
      bands: fc.option(fc.array(fc.nat(6), { maxLength: 9 })),
      band: fc.nat(6),
      stride: fc.integer({ min: 1, max: 5 }),
      pieceBytes: fc.constantFrom(1, 4, 12, 40, 100, 333, 4096, 1 << 20),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ file, bands, band, stride, pieceBytes, ...box }) => {
        const window = { line: box.line, sample: box.sample, lines: 1 + (box.lines % (9 - box.line)), samples: 1 + (box.samples % (11 - box.sample)) }
        const cube = await openCube(file, { pieceBytes, mask: false })
        try {
          expect(await cube.readPixels(window, bands)).toEqual(expectedPixels(value, window, bands ?? range(7)))
          expect(await cube.readBand(band, window, stride)).toEqual(expectedBand(value, band, window, stride))
        } finally {
          await cube.close()
        }
      }),
      { seed: 20261123, numRuns: 400 },
    )
  })

  it('fills a target that the caller gives, and answers it', async () => {
    const cube = await openCube(writeSmallCube(folder.file('target.img'), plainCube))
    const target = new Float32Array(3 * 4 * 5)
    const whole = { line: 0, sample: 0, lines: 3, samples: 4 }
    expect(await cube.readPixels(whole, null, target)).toBe(target)
    expect(target).toEqual(expectedPixels(plainCube.value, whole, range(5)))
    await cube.close()
  })

  it('serves several reads at once', async () => {
    const cube = await openCube(writeSmallCube(folder.file('at-once.img'), plainCube))
    const whole = { line: 0, sample: 0, lines: 3, samples: 4 }
    const bands = await Promise.all(range(5).map((band) => cube.readBand(band, whole)))
    bands.forEach((values, band) => expect(values).toEqual(expectedBand(plainCube.value, band, whole, 1)))
    await cube.close()
  })
})

describe('no-data', () => {
  const one = { lines: 1, samples: 4, bands: 1, interleave: 'bsq' as const, little: true, offset: 0 }
  const window = { line: 0, sample: 0, lines: 1, samples: 4 }

  async function readWith(name: string, cube: SmallCube, noData: string): Promise<number[]> {
    const opened = await openCube(writeSmallCube(folder.file(name), cube, `data ignore value = ${noData}\n`))
    const values = await opened.readBand(0, window)
    await opened.close()
    return [...values]
  }

  it('becomes NaN, compared in the type of the file', async () => {
    const floats: SmallCube = { ...one, code: 4, dtype: 'float32', value: (_, sample) => [0.1, -9999, 7, NaN][sample] }
    expect(await readWith('nd-f32.img', floats, '0.1')).toEqual([NaN, -9999, 7, NaN])
    const doubles: SmallCube = { ...one, code: 5, dtype: 'float64', value: (_, sample) => [1, 1 + 1e-12, -99, 2][sample] }
    expect(await readWith('nd-f64.img', doubles, '1')).toEqual([NaN, 1, -99, 2])
    const words: SmallCube = { ...one, code: 13, dtype: 'uint32', value: (_, sample) => [4294967295, 4294967294, 0, 1][sample] }
    expect(await readWith('nd-u32.img', words, '4294967295')).toEqual([NaN, 4294967296, 0, 1])
    const long: SmallCube = { ...one, code: 14, dtype: 'int64', value: (_, sample) => [-9999, -1, 5, 0][sample] }
    expect(await readWith('nd-i64.img', long, '-9999')).toEqual([NaN, -1, 5, 0])
    const complex: SmallCube = { ...one, code: 6, dtype: 'complex64', value: (_, sample) => [3, -1, 0, 4][sample] }
    expect((await readWith('nd-c64.img', complex, '-1'))[1]).toBeNaN()
  })

  it('keeps NaN and infinity of the file', async () => {
    const floats: SmallCube = { ...one, code: 4, dtype: 'float32', value: (_, sample) => [NaN, Infinity, -Infinity, 1][sample] }
    expect(await readWith('nan.img', floats, 'nan')).toEqual([NaN, Infinity, -Infinity, 1])
  })
})

describe('file compression', () => {
  const whole = { line: 0, sample: 0, lines: 3, samples: 4 }

  it.each([['in memory', 1 << 20], ['in a temporary file', 16]])('reads gzip-ed data, decompressed %s', async (_where, inflatedBytes) => {
    const path = folder.file('zipped.dat', gzipSync(dataBytes(plainCube)))
    folder.file('zipped.hdr', headerText(plainCube, 'file compression = 1\n'))
    const cube = await openCube(path, { inflatedBytes })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(plainCube.value, whole, range(5)))
    await cube.close()
  })

  it('reads plain data that the header calls compressed, with a warning', async () => {
    const path = folder.file('notzipped.dat', dataBytes(plainCube))
    folder.file('notzipped.hdr', headerText(plainCube, 'file compression = 1\n'))
    const cube = await openCube(path)
    expect(cube.description.warnings).toEqual(['The header says that notzipped.dat is compressed, but it is not; it is read as it is.'])
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(plainCube.value, whole, range(5)))
    await cube.close()
  })
})
