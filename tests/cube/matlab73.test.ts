import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { writeHdf5 } from './support/hdf5-writer'
import { writeMatlab73 } from './support/matlab73-writer'
import { columnMajor } from './support/matlab5-writer'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const shape: [number, number, number] = [7, 5, 6]
const value = (line: number, sample: number, band: number) => 50 * line + 7 * sample + band
const values = columnMajor(shape, value)
const whole = { line: 0, sample: 0, lines: 7, samples: 5 }

describe('MATLAB 7.3 arrays', () => {
  it.each([
    ['float64', 'double', Float64Array.from(values)], ['float32', 'single', Float32Array.from(values)], ['uint16', 'uint16', Uint16Array.from(values)],
    ['int16', 'int16', Int16Array.from(values)], ['int32', 'int32', Int32Array.from(values)], ['int64', 'int64', BigInt64Array.from(values.map(BigInt))],
  ])('reads %s', async (dtype, matlabClass, data) => {
    const path = await writeMatlab73(folder.file(`${dtype}.mat`), [{ name: 'data', matlabClass, shape, data, chunks: [3, 2, 4] }])
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ path, variable: 'data', format: 'MATLAB 7.3', shape, dtype, interleave: 'bsq', variables: [{ name: 'data', shape, dtype }] })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(6)))
    expect(await cube.readBand(5, whole)).toEqual(expectedBand(value, 5, whole, 1))
    await cube.close()
  })

  it('reads any window as a plain loop does, chunked or not, whatever the piece size', async () => {
    const data = Float64Array.from(values)
    const path = await writeMatlab73(folder.file('windows.mat'), [
      { name: 'chunked', matlabClass: 'double', shape, data, chunks: [3, 2, 4] },
      { name: 'contiguous', matlabClass: 'double', shape, data },
    ])
    const request = fc.record({
      variable: fc.constantFrom('chunked', 'contiguous'),
      line: fc.nat(6), sample: fc.nat(4), lines: fc.nat(6), samples: fc.nat(4),
      bands: fc.option(fc.array(fc.nat(5), { maxLength: 7 })), band: fc.nat(5), stride: fc.integer({ min: 1, max: 4 }),
      pieceBytes: fc.constantFrom(1, 64, 400, 1000, 1 << 20),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ variable, bands, band, stride, pieceBytes, ...box }) => {
        const window = { line: box.line, sample: box.sample, lines: 1 + (box.lines % (7 - box.line)), samples: 1 + (box.samples % (5 - box.sample)) }
        const cube = await openCube(`${path}#${variable}`, { pieceBytes, mask: false })
        try {
          expect(await cube.readPixels(window, bands)).toEqual(expectedPixels(value, window, bands ?? range(6)))
          expect(await cube.readBand(band, window, stride)).toEqual(expectedBand(value, band, window, stride))
        } finally {
          await cube.close()
        }
      }),
      { seed: 20261123, numRuns: 100 },
    )
  })

  it('reads an HDF5 file named .mat without the text header', async () => {
    const path = await writeMatlab73(folder.file('bare.mat'), [{ name: 'data', matlabClass: 'double', shape, data: Float64Array.from(values) }])
    folder.file('bare.mat', readFileSync(path).subarray(512))
    const cube = await openCube(path)
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(6)))
    await cube.close()
  })

  it('finds the mask inside and lists the rest', async () => {
    const path = await writeMatlab73(
      folder.file('scene.mat'),
      [
        { name: 'hsi', matlabClass: 'double', shape, data: Float64Array.from(values), chunks: [7, 5, 1] },
        { name: 'map', matlabClass: 'logical', shape: [7, 5], data: Uint8Array.from(range(35), (n) => Number(n < 4)), attributes: { MATLAB_int_decode: 1 } },
        { name: 'note', matlabClass: 'char', shape: [1, 2], data: Uint16Array.of(65, 66) },
        { name: 'nothing', matlabClass: 'double', shape: [1, 2], data: Float64Array.of(0, 0), attributes: { MATLAB_empty: 1 } },
      ],
      ['info', '#refs#'],
    )
    const description = await describeCube(path)
    expect(description.variable).toBe('hsi')
    expect([...description.variables].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'hsi', shape, dtype: 'float64' },
      { name: 'info', shape: [], dtype: 'struct' },
      { name: 'map', shape: [7, 5], dtype: 'logical' },
      { name: 'note', shape: [1, 2], dtype: 'char' },
      { name: 'nothing', shape: [0, 0], dtype: 'float64' },
    ])
    expect(description.mask).toEqual({ path, variable: 'map', shape: [7, 5], classes: [{ id: 0, count: 31 }, { id: 1, count: 4 }] })
    expect((await problemOf(() => describeCube(`${path}#info`))).message).toBe(
      `The variable info (struct) of ${path} is not a cube; expected a numeric array with three axes (lines, samples, bands).`,
    )
  })
})

describe('damaged MATLAB 7.3 files', () => {
  const noise = Uint16Array.from({ length: 40_000 }, (_, n) => Math.imul(n + 1, 2654435761) >>> 16)

  it('cut off', async () => {
    const path = await writeMatlab73(folder.file('cut.mat'), [{ name: 'data', matlabClass: 'uint16', shape: [100, 100, 4], data: noise, chunks: [50, 100, 1] }])
    const bytes = readFileSync(path)
    folder.file('cut.mat', bytes.subarray(0, 40_000))
    const { code, message } = await problemOf(() => describeCube(path))
    expect({ code, message }).toEqual({
      code: 'truncated', message: `${path} holds 40000 bytes, but its contents need ${bytes.length}; it is incomplete, so copy or export it again.`,
    })
  })

  it('damaged inside: an error, not zeros', async () => {
    const path = await writeMatlab73(folder.file('hurt.mat'), [{ name: 'data', matlabClass: 'uint16', shape: [100, 100, 4], data: noise, chunks: [50, 100, 1] }])
    const bytes = readFileSync(path)
    bytes.fill(0xff, 30_000, 60_000)
    folder.file('hurt.mat', bytes)
    const cube = await openCube(path)
    const { code, message } = await problemOf(() => cube.readPixels({ line: 0, sample: 0, lines: 100, samples: 100 }))
    expect({ code, message }).toEqual({ code: 'bad-data', message: `${path} is damaged: its HDF5 contents cannot be read; copy or export it again.` })
    await cube.close()
  })

  it('a header without contents', async () => {
    const path = folder.file('header-only.mat', 'MATLAB 7.3 MAT-file'.padEnd(600))
    expect(await problemOf(() => describeCube(path))).toMatchObject({
      code: 'bad-data', message: `${path} is damaged: its HDF5 contents cannot be read; copy or export it again.`,
    })
  })

  it('stops when it is cancelled', async () => {
    const path = await writeMatlab73(folder.file('stop.mat'), [{ name: 'data', matlabClass: 'uint16', shape: [100, 100, 4], data: noise, chunks: [50, 100, 1] }])
    const cube = await openCube(path, { pieceBytes: 1000 })
    const stop = new AbortController()
    const reading = problemOf(() => cube.readPixels({ line: 0, sample: 0, lines: 100, samples: 100 }, null, undefined, stop.signal))
    stop.abort()
    expect(await reading).toMatchObject({ code: 'cancelled', message: `Reading ${path} was cancelled.` })
    await cube.close()
  })
})

describe('structs and axes of MATLAB 7.3 files', () => {
  it('reads the fields of a struct, and follows no links', async () => {
    const path = await writeHdf5(folder.file('struct.mat'), {
      arrays: [{ name: 'scene/cube', shape: [6, 5, 7], data: values, dtype: '<d' }, { name: 'scene/lambda', shape: [1, 6], data: [400, 500, 600, 700, 800, 900], dtype: '<d' }],
      soft: [['scene/loop', '/scene']], external: [['elsewhere', 'struct.mat', '/scene']],
    })
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ variable: 'scene.cube', shape, wavelengths: [400, 500, 600, 700, 800, 900], wavelengthUnit: 'nm' })
    expect(cube.description.variables.map(({ name }) => name)).toEqual(['scene', 'scene.cube', 'scene.lambda'])
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(6)))
    await cube.close()
  })

  it('reads another axis as the bands when it is told', async () => {
    const swapped = columnMajor([6, 7, 5], (band, line, sample) => value(line, sample, band))
    const path = await writeMatlab73(folder.file('axes.mat'), [{ name: 'data', matlabClass: 'double', shape: [6, 7, 5], data: Float64Array.from(swapped), chunks: [2, 3, 5] }])
    const cube = await openCube(`${path}#data@bands=first`)
    expect(cube.description).toMatchObject({ shape, interleave: 'bip' })
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(6)))
    await cube.close()
  })
})
