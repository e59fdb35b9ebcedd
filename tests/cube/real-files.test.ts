import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CubeDataType, Interleave } from '../../src/shared/cube'
import { readMask } from '../../src/engine/cube/mask'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { problemOf } from './support/temporary'

// Real cubes, outside the project. Expected numbers were read with NumPy and SciPy.

const data = process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data')
const there = existsSync(join(data, 'envi'))
if (!there) console.warn(`Skipped: real cubes are not in ${data}; set CUVETTE_DATA_DIR to the folder that holds them.`)

interface Known {
  file: string
  shape: [number, number, number]
  dtype: CubeDataType
  interleave: Interleave
  at: [number, number, number]
  value: number
  sum: number
  more?: object
}

/** Reads everything in blocks of lines, as a run does. */
async function sumOf(reference: string): Promise<number> {
  const cube = await openCube(reference, { mask: false })
  const [lines, samples] = cube.description.shape
  let sum = 0
  for (let line = 0; line < lines; line += 16) {
    for (const value of await cube.readPixels({ line, sample: 0, lines: Math.min(16, lines - line), samples })) sum += Number.isNaN(value) ? 0 : value
  }
  await cube.close()
  return sum
}

const known: Known[] = [
  { file: 'envi/corn-kernel-hyperspectral.hdr', shape: [31, 43, 580], dtype: 'uint16', interleave: 'bil', at: [15, 14, 291], value: 2594, sum: 465077677, more: { wavelengthUnit: 'nm' } },
  { file: 'envi/darkReference', shape: [1, 1600, 978], dtype: 'uint16', interleave: 'bil', at: [0, 533, 490], value: 13, sum: 21861997, more: { defaultBands: [158, 252, 519], warnings: [] } },
  { file: 'envi/ang20170323t202244_rdn_7000-7010', shape: [10, 10, 425], dtype: 'float32', interleave: 'bil', at: [5, 3, 213], value: 0.0763571485877037, sum: 111813.16793414418 },
  { file: 'envi/ang20170323t202244_obs_7000-7010', shape: [10, 10, 11], dtype: 'float64', interleave: 'bil', at: [5, 3, 6], value: 90, sum: 2119109.952517092, more: { wavelengths: null } },
  { file: 'envi/ecostress_snow_mixtures', shape: [500, 1, 216], dtype: 'float32', interleave: 'bil', at: [250, 0, 109], value: 0.03626515716314316, sum: 43582.19169313437 },
  { file: 'envi/cubus_gamsberg_subset.hdr', shape: [25, 10, 189], dtype: 'float32', interleave: 'bsq', at: [12, 3, 95], value: 5246.03466796875, sum: 193859934.66792774, more: { wavelengthUnit: 'nm' } },
  { file: 'envi/caltech_425_7_7_nm', shape: [7, 7, 425], dtype: 'float32', interleave: 'bsq', at: [3, 2, 213], value: 0.10392306745052338, sum: 3878.2937939276453, more: { noData: -9999, warnings: [] } },
  { file: 'envi/circuit_4_100_150_um', shape: [150, 150, 4], dtype: 'float32', interleave: 'bsq', at: [75, 50, 3], value: 0.4103964567184448, sum: 38731.10566036869, more: { wavelengthUnit: 'µm', defaultBands: [2, 1, 0] } },
  { file: 'anomaly/gulfport.mat', shape: [100, 100, 191], dtype: 'uint16', interleave: 'bsq', at: [50, 33, 96], value: 1027, sum: 1756075925 },
  { file: 'anomaly/texas-coast.mat', shape: [100, 100, 204], dtype: 'int16', interleave: 'bsq', at: [50, 33, 103], value: 387, sum: 1536695052 },
  { file: 'anomaly/abu-urban-1.mat', shape: [100, 100, 204], dtype: 'float64', interleave: 'bsq', at: [50, 33, 103], value: 387, sum: 1536695052, more: { format: 'MATLAB 7.3', variable: 'hsi' } },
  { file: 'anomaly/sandiego_plane.mat', shape: [100, 100, 189], dtype: 'uint16', interleave: 'bsq', at: [50, 33, 95], value: 1788, sum: 5081751260 },
  { file: 'anomaly/dataHYDICE.mat', shape: [80, 100, 175], dtype: 'uint16', interleave: 'bsq', at: [40, 33, 88], value: 234, sum: 213625314, more: { mask: null } },
  { file: 'tiff/RGBA.uint16.tif', shape: [411, 634, 4], dtype: 'uint16', interleave: 'bip', at: [200, 300, 1], value: 10000, sum: 7849685580, more: { format: 'TIFF', warnings: [] } },
  {
    file: 'tiff/enmap_potsdam_tile_160_64.tif', shape: [32, 32, 224], dtype: 'float32', interleave: 'bsq', at: [16, 10, 100], value: 2412, sum: 379301850,
    more: { wavelengthUnit: 'nm', scale: 10000, noData: -32768, badBands: [129, 130, 131, 132, 133, 134], warnings: [] },
  },
  { file: 'tiff/float_nan.tif', shape: [2, 3, 1], dtype: 'float32', interleave: 'bsq', at: [1, 0, 0], value: 0.3199999928474426, sum: 0.8499999791383743, more: { noData: null } },
  { file: 'tiff/label_enmap_potsdam_tile_192_160.tif', shape: [32, 32, 1], dtype: 'float32', interleave: 'bsq', at: [0, 0, 0], value: 4, sum: 1486 },
]

describe.skipIf(!there)('real cubes', () => {
  it.each(known)('$file', async ({ file, shape, dtype, interleave, at: [line, sample, band], value, sum, more = {} }) => {
    const path = join(data, file)
    const cube = await openCube(path)
    expect(cube.description).toMatchObject({ path, shape, dtype, interleave, ...more })
    const pixel = await cube.readPixels({ line, sample, lines: 1, samples: 1 })
    expect(pixel[band]).toBe(value)
    const image = await cube.readBand(band, { line: 0, sample: 0, lines: shape[0], samples: shape[1] })
    expect(image[line * shape[1] + sample]).toBe(value)
    await cube.close()
    expect(Math.abs((await sumOf(path)) - sum)).toBeLessThanOrEqual(1e-12 * Math.abs(sum))
  })

  it('describe what lies in them, for the command line', async () => {
    const path = join(data, 'anomaly/gulfport.mat')
    expect(await describeCube(`${path}#data`)).toEqual({
      path, variable: 'data', format: 'MATLAB 5', shape: [100, 100, 191], dtype: 'uint16', interleave: 'bsq',
      wavelengths: null, wavelengthUnit: null, fwhm: null, bandNames: null, badBands: [], defaultBands: null, noData: null, scale: null,
      variables: [{ name: 'data', shape: [100, 100, 191], dtype: 'uint16' }, { name: 'map', shape: [100, 100], dtype: 'uint8' }],
      mask: { path, variable: 'map', shape: [100, 100], classes: [{ id: 0, count: 9940 }, { id: 1, count: 60 }] },
      warnings: [],
    })
  })

  it.each([
    ['anomaly/gulfport.mat', 60, [79, 28]], ['anomaly/texas-coast.mat#map', 67, [0, 56]], ['anomaly/abu-urban-1.mat', 67, [0, 56]], ['anomaly/sandiego_plane.mat', 134, [28, 42]],
  ])('the mask of %s', async (file, anomalies, [line, sample]) => {
    const { values } = await readMask(join(data, file), [100, 100])
    expect(values.reduce((count, value) => count + value, 0)).toBe(anomalies)
    expect(values.indexOf(1)).toBe(100 * line + sample)
  })

  it('a mask in a second file', async () => {
    const { description, values } = await readMask(join(data, 'anomaly/maskHYDICE.mat'), [80, 100])
    expect(description).toMatchObject({ variable: 'mask', classes: [{ id: 0, count: 7979 }, { id: 1, count: 21 }] })
    expect(values.indexOf(1)).toBe(1586)
  })
})

describe.skipIf(!there)('real files that are not cubes', () => {
  it.each([
    ['envi/arcgis.hdr', 'missing-file', 'is a header without data'], ['envi/enmap_berlin.hdr', 'missing-file', 'is a header without data'],
    ['envi/LICENSE.isofit', 'not-a-cube', 'it looks like a text file'], ['hdf5/compressed.h5', 'not-a-cube', 'it holds gzip (100 x 100 float64), gzip_shuffle (100 x 100 float64)'], ['hdf5/class_means.nc', 'not-a-cube', 'cluster_means (12 x 13 float64)'],
    ['anomaly/maskHYDICE.mat', 'not-a-cube', 'it holds mask (80 x 100 uint8)'],
  ])('%s', async (file, code, part) => {
    const problem = await problemOf(() => describeCube(join(data, file)))
    expect(problem.code).toBe(code)
    expect(problem.message).toContain(part)
  })
})
