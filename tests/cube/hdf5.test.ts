import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { describeCube, openCube } from '../../src/engine/cube/open-cube'
import { readMask } from '../../src/engine/cube/mask'
import { rowMajor, writeHdf5 } from './support/hdf5-writer'
import { expectedBand, expectedPixels, range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const [lines, samples, bands] = [4, 3, 5]
const value = (line: number, sample: number, band: number) => 50 * line + 7 * sample + band
const whole = { line: 0, sample: 0, lines, samples }
const bip = rowMajor([lines, samples, bands], value)
const bsq = rowMajor([bands, lines, samples], (band, line, sample) => value(line, sample, band))
const bil = rowMajor([lines, bands, samples], (line, band, sample) => value(line, sample, band))

async function check(reference: string): Promise<void> {
  const cube = await openCube(reference)
  try {
    expect(cube.description.shape).toEqual([lines, samples, bands])
    expect(await cube.readPixels(whole)).toEqual(expectedPixels(value, whole, range(bands)))
    expect(await cube.readPixels({ line: 1, sample: 1, lines: 2, samples: 2 }, [4, 0, 4])).toEqual(expectedPixels(value, { line: 1, sample: 1, lines: 2, samples: 2 }, [4, 0, 4]))
    expect(await cube.readBand(3, whole, 2)).toEqual(expectedBand(value, 3, whole, 2))
  } finally {
    await cube.close()
  }
}

describe('HDF5', () => {
  it.each([['<f', 'float32'], ['<d', 'float64'], ['<h', 'int16'], ['<H', 'uint16'], ['<i', 'int32'], ['<B', 'uint8'], ['<q', 'int64']])('reads %s', async (dtype, seen) => {
    for (const chunks of [undefined, [2, 2, 3]]) {
      const path = await writeHdf5(folder.file(`type-${seen}-${chunks ? 'chunks' : 'plain'}.h5`), { arrays: [{ name: 'cube', shape: [lines, samples, bands], data: bip, dtype, chunks, labels: ['y', 'x', 'band'] }] })
      expect(await describeCube(path)).toMatchObject({ format: 'HDF5', dtype: seen, interleave: 'bip', variable: 'cube', warnings: [] })
      await check(path)
    }
  })

  it('finds the axis of the bands by its name, by the list of wavelengths, by an image, or as it is told', async () => {
    const named = await writeHdf5(folder.file('named.h5'), { arrays: [
      { name: 'reflectance', shape: [lines, bands, samples], data: bil, scales: ['downtrack', 'bands', 'crosstrack'] },
      { name: 'downtrack', shape: [lines], data: range(lines) }, { name: 'bands', shape: [bands], data: range(bands) }, { name: 'crosstrack', shape: [samples], data: range(samples) },
    ] })
    expect(await describeCube(named)).toMatchObject({ interleave: 'bil', wavelengths: null, warnings: [] })
    await check(named)

    const listed = await writeHdf5(folder.file('listed.h5'), { arrays: [
      { name: 'data/radiance', shape: [lines, samples, bands], data: bip, attributes: { _FillValue: 57, scale_factor: 0.001 } },
      { name: 'sensor_band_parameters/wavelengths', shape: [bands], data: [400.25, 500, 600, 700, 800], dtype: '<d', attributes: { units: 'nm' } },
      { name: 'sensor_band_parameters/fwhm', shape: [bands], data: [5, 5, 5, 6, 6] },
      { name: 'sensor_band_parameters/good_wavelengths', shape: [bands], data: [1, 1, 0, 1, 0], dtype: '<B' },
    ] })
    expect(await describeCube(listed)).toMatchObject({
      variable: 'data/radiance', interleave: 'bip', wavelengths: [400.25, 500, 600, 700, 800], wavelengthUnit: 'nm', fwhm: [5, 5, 5, 6, 6], badBands: [2, 4], noData: 57, scale: 1000, warnings: [],
    })
    const cube = await openCube(`${listed}#/data/radiance`)
    expect([...(await cube.readPixels({ line: 1, sample: 1, lines: 1, samples: 1 }))]).toEqual([NaN, 58, 59, 60, 61])
    await cube.close()

    const image = await writeHdf5(folder.file('image.h5'), { arrays: [{ name: 'cube', shape: [lines, samples, bands], data: bip }, { name: 'gt', shape: [lines, samples], data: [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], dtype: '<B' }] })
    expect(await describeCube(image)).toMatchObject({ interleave: 'bip', mask: { variable: 'gt', classes: [{ id: 0, count: 10 }, { id: 1, count: 1 }, { id: 2, count: 1 }] }, warnings: [] })
    expect((await readMask(`${image}#gt`, [lines, samples])).values[11]).toBe(2)
    await check(image)

    const bare = await writeHdf5(folder.file('bare.h5'), { arrays: [{ name: 'cube', shape: [bands, lines, samples], data: bsq, chunks: [1, 4, 3] }] })
    expect(await describeCube(bare)).toMatchObject({
      interleave: 'bsq', warnings: ['Nothing in the file tells which axis of cube (5 x 4 x 3) holds the bands; the first is taken. If it is another, write #cube@bands=middle or #cube@bands=last.'],
    })
    await check(bare)
    await check(`${bare}#@bands=first`)
    const told = await writeHdf5(folder.file('told.h5'), { arrays: [{ name: 'cube', shape: [lines, samples, bands], data: bip }] })
    expect(await describeCube(`${told}#cube@bands=last`)).toMatchObject({ variable: 'cube@bands=last', interleave: 'bip', warnings: [] })
    await check(`${told}#cube@bands=last`)
    expect((await problemOf(() => describeCube(`${image}#gt@bands=last`))).message).toBe(`The variable gt of ${image} has two axes, so none of them holds bands; leave out "@bands=last".`)
  })

  it('takes the largest, lists the others, and does not follow links in circles or out of the file', async () => {
    const path = await writeHdf5(folder.file('links.h5'), {
      arrays: [{ name: 'a/small', shape: [2, 2, 2], data: range(8) }, { name: 'a/b/cube', shape: [lines, samples, bands], data: bip, labels: ['', '', 'wavelength'] }],
      soft: [['a/b/up', '/a'], ['loop', '/loop'], ['alias', '/a/b/cube']],
      hard: [['a/b/back', '/a'], ['again', '/a/b/cube']],
      external: [['elsewhere', 'other.h5', '/cube'], ['a/self', 'links.h5', '/a']],
    })
    await writeHdf5(folder.file('other.h5'), { arrays: [{ name: 'cube', shape: [9, 9, 9], data: range(729) }] })
    const description = await describeCube(path)
    expect(description).toMatchObject({ shape: [lines, samples, bands], warnings: [] })
    expect(description.variables.map(({ name }) => name).sort()).toEqual(['a/small', 'again'])
    expect((await problemOf(() => describeCube(`${path}#elsewhere`))).message).toBe(`${path} has no variable "elsewhere"; it holds again (4 x 3 x 5 float32), a/small (2 x 2 x 2 float32).`)
  })

  it('says what is wrong with a damaged file', async () => {
    const mark = folder.file('mark.h5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'))
    expect(await problemOf(() => describeCube(mark))).toMatchObject({ code: 'bad-data', message: `${mark} is damaged: its HDF5 contents cannot be read; copy or export it again.` })
    const flat = await writeHdf5(folder.file('flat.h5'), { arrays: [{ name: 'image', shape: [lines, samples], data: range(12) }] })
    expect((await problemOf(() => describeCube(flat))).message).toBe(`${flat} holds no numeric array with three axes (lines, samples, bands); it holds image (4 x 3 float32).`)
    const twins = await writeHdf5(folder.file('twins.h5'), { arrays: [{ name: 'x', shape: [2, 2, 2], data: range(8) }, { name: 'y', shape: [2, 2, 2], data: range(8) }] })
    expect((await problemOf(() => describeCube(twins))).message).toBe(`${twins} holds several cubes of the same size (x, y); choose one by writing its name after "#", as in ${twins}#x.`)
  })

  it('refuses chunks that are too large to hold', async () => {
    const { File, ready } = await import('h5wasm/node')
    await ready
    const path = folder.file('chunks.h5')
    const file = new File(path, 'w')
    file.create_dataset({ name: 'cube', data: new Float32Array(0), shape: [0, 10_000, 10_000], maxshape: [null, 10_000, 10_000] as unknown as number[], chunks: [1, 10_000, 10_000], dtype: '<f' }).resize([3, 10_000, 10_000])
    file.close()
    expect(await problemOf(() => describeCube(path))).toMatchObject({
      code: 'unsupported', message: `${path} stores cube in chunks of 1 x 10000 x 10000 numbers (400000000 bytes), larger than the 268435456 that are read at once; write it with smaller chunks.`,
    })
  })
})

describe('an HDF5 file of 8 GB', () => {
  it('is read at its end, beyond what 32 bits can count', async () => {
    const small = readFileSync(await writeHdf5(folder.file('small.h5'), { arrays: [{ name: 'cube', shape: [lines, samples, bands], data: bip, labels: ['', '', 'band'] }] }))
    // The library looks for the signature at 0, 512, 1024, ...; what lies before is a user block.
    const path = folder.file('large.mat')
    const handle = openSync(path, 'w')
    ftruncateSync(handle, 2 ** 33)
    const head = Buffer.alloc(512)
    head.write('MATLAB 7.3 MAT-file'.padEnd(116), 'latin1')
    writeSync(handle, head, 0, head.length, 0)
    writeSync(handle, small, 0, small.length, 2 ** 33)
    closeSync(handle)
    const cube = await openCube(path)
    expect(cube.description.shape).toEqual([bands, samples, lines])
    expect((await cube.readPixels({ line: 4, sample: 2, lines: 1, samples: 1 }))[3]).toBe(value(3, 2, 4))
    await cube.close()
  })
})
