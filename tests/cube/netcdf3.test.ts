import { describe, expect, it } from 'vitest'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { rowMajor } from './support/hdf5-writer'
import type { NcFile, NcType } from './support/netcdf3-writer'
import { netCdf3Bytes } from './support/netcdf3-writer'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const [lines, samples, bands] = [4, 3, 5]
const value = (line: number, sample: number, band: number) => 20 * line + 5 * sample + band
const whole = { line: 0, sample: 0, lines, samples }
const bsq = rowMajor([bands, lines, samples], (band, line, sample) => value(line, sample, band))
const bip = rowMajor([lines, samples, bands], value)

async function check(path: string): Promise<void> {
  const cube = await openCube(path, { pieceBytes: 64 })
  try {
    expect(cube.description.shape).toEqual([lines, samples, bands])
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(bands)))
    expect(await cube.readBand(3, whole, 2)).toEqual(expectedBand(value, 3, whole, 2))
  } finally {
    await cube.close()
  }
}

const cubeOf = (type: NcType, more: Partial<NcFile> = {}): NcFile => ({
  dimensions: { band: bands, y: lines, x: samples },
  variables: [
    { name: 'crs', type: 'char', axes: [], values: [0], attributes: { name: 'none' } },
    { name: 'wavelength', type: 'float64', axes: ['band'], values: [0.4, 0.5, 0.6, 0.7, 0.8], attributes: { units: 'micrometers' } },
    { name: 'radiance', type, axes: ['band', 'y', 'x'], values: bsq, attributes: { _FillValue: [-1], scale_factor: [0.01] } },
    { name: 'mask', type: 'int8', axes: ['y', 'x'], values: [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
  ],
  ...more,
})

describe('NetCDF 3', () => {
  it.each<[NcType, boolean]>([['int8', false], ['int16', false], ['int32', true], ['float32', true], ['float64', false]])('reads %s (64-bit offsets: %s)', async (type, wide) => {
    const path = folder.file(`${type}.nc`, netCdf3Bytes(cubeOf(type, { wide })))
    expect(await describeCube(path)).toMatchObject({
      format: 'NetCDF 3', variable: 'radiance', dtype: type, interleave: 'bsq', wavelengths: [0.4, 0.5, 0.6, 0.7, 0.8], wavelengthUnit: 'µm', noData: -1, scale: 100,
      mask: { variable: 'mask', classes: [{ id: 0, count: 11 }, { id: 1, count: 1 }] }, warnings: [],
    })
    await check(path)
  })

  it('reads records of several variables, and of one alone, which is not filled up', async () => {
    const records: NcFile = {
      dimensions: { time: 0, x: samples, band: bands }, records: lines,
      variables: [{ name: 'cube', type: 'int16', axes: ['time', 'x', 'band'], values: bip }, { name: 'stamp', type: 'int32', axes: ['time'], values: range(lines) }],
    }
    await check(folder.file('records.nc', netCdf3Bytes(records)))
    const alone = netCdf3Bytes({ ...records, variables: records.variables.slice(0, 1) })
    await check(folder.file('alone.nc', alone))
    // While a file is written, the number of records is all ones.
    alone.writeUInt32BE(0xffffffff, 4)
    await check(folder.file('streaming.nc', alone))
  })

  it('takes bytes marked as unsigned for what they are', async () => {
    const file = cubeOf('int8')
    file.variables[2].attributes = { _Unsigned: 'true' }
    file.variables[2].values = [200 - 256, ...file.variables[2].values.slice(1)]
    const cube = await openCube(folder.file('unsigned.nc', netCdf3Bytes(file)))
    expect(cube.description.dtype).toBe('uint8')
    expect((await cube.readPixels(whole))[0]).toBe(200)
    await cube.close()
  })
})

describe('damaged NetCDF 3', () => {
  const good = netCdf3Bytes(cubeOf('int16'))
  const patched = (at: number, bytes: number) => {
    const copy = Buffer.from(good)
    copy.writeUInt32BE(bytes, at)
    return copy
  }
  const nameOf = (text: string) => good.indexOf(Buffer.from(text))
  it.each([
    ['mark-only', good.subarray(0, 4), 'truncated', 'holds 4 bytes, but its header goes on to byte 8; it is incomplete, so copy or export it again.'],
    ['cut', good.subarray(0, good.length - 40), 'truncated', `holds ${good.length - 40} bytes, but its variable radiance (5 x 4 x 3 int16) would end at byte`],
    ['cut-header', good.subarray(0, 250), 'truncated', 'holds 250 bytes, but its header goes on to byte'],
    ['many-dimensions', patched(12, 0x7fffffff), 'bad-data', `is damaged: its NetCDF header holds 2147483647 dimensions, more than a file of ${good.length} bytes can list; copy or export it again.`],
    ['long-name', patched(16, 0x7fffffff), 'truncated', 'but its header goes on to byte 2147483667'],
    ['no-list', patched(8, 77), 'bad-data', 'is damaged: its NetCDF header holds the mark 77 at byte 8, where the dimensions (10) are expected; copy or export it again.'],
    ['large-axis', patched(nameOf('band') + 4, 0x7fffffff), 'truncated', 'but its variable wavelength (2147483647 float64) would end at byte'],
    ['strange-axis', patched(nameOf('wavelength') + 16, 9), 'bad-data', 'is damaged: its NetCDF header holds axis 9 of the variable "wavelength", where the file has 3 dimensions; copy or export it again.'],
  ])('%s', async (name, bytes, code, message) => {
    const path = folder.file(`bad-${name}.nc`, bytes)
    const problem = await problemOf(() => describeCube(path))
    expect(problem.message).toContain(message)
    expect(problem).toMatchObject({ code, path })
  })

  it('any single wrong byte gives a sentence or numbers, never a defect', async () => {
    for (let at = 4; at < good.length; at += 1) {
      for (const wrong of [0x00, 0xff]) {
        const bytes = Buffer.from(good)
        bytes[at] = wrong
        const path = folder.file('wrong.nc', bytes)
        const outcome = await openCube(path).then(async (cube) => {
          await cube.readBand(0, { line: 0, sample: 0, lines: 1, samples: 1 }).finally(() => cube.close())
        }).catch((error: unknown) => error)
        if (outcome !== undefined) expect(outcome, `byte ${at} = ${wrong}`).toMatchObject({ name: 'CuvetteError' })
      }
    }
  })
})
