import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Interleave } from '../../src/shared/cube'
import { openCube } from '../../src/engine/cube/open-cube'
import { readMask } from '../../src/engine/cube/mask'
import { openEnvi, writeEnvi } from '../../src/engine/cube/writers/envi'
import { openNpy, writeNpy } from '../../src/engine/cube/writers/npy'
import { elementAt, plainCube, writeSmallCube } from './support/envi-files'
import { range } from './support/reference-cube'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
const lines = 3
const samples = 4
const whole = { line: 0, sample: 0, lines, samples }
const value = (line: number, sample: number, band: number) => line * 100 + sample * 10 + band + 0.5

function pixels(bands: number): Float32Array {
  return Float32Array.from(range(lines).flatMap((line) => range(samples).flatMap((sample) => range(bands).map((band) => value(line, sample, band)))))
}

/** Decodes with a few lines of its own. */
function decoded(data: string, bands: number, interleave: Interleave): Float32Array {
  const bytes = readFileSync(data)
  expect(bytes.length).toBe(4 * lines * samples * bands)
  const cube = { ...plainCube, lines, samples, bands, interleave }
  return Float32Array.from(range(lines).flatMap((line) => range(samples).flatMap((sample) => range(bands).map((band) => bytes.readFloatLE(4 * elementAt(cube, line, sample, band))))))
}

describe('writing ENVI', () => {
  it.each<[Interleave, number]>([['bsq', 1], ['bsq', 5], ['bil', 5], ['bip', 5]])('%s with %i bands, whole and line by line', async (interleave, bands) => {
    const raster = { lines, samples, bands, dataType: 'float32' as const, interleave }
    const at = folder.file(`whole-${interleave}-${bands}`)
    expect(await writeEnvi(at, { ...raster, values: pixels(bands) })).toEqual([`${at}.img`, `${at}.hdr`])
    expect(decoded(`${at}.img`, bands, interleave)).toEqual(pixels(bands))

    const perLine = samples * bands
    const byLine = folder.file(`lines-${interleave}-${bands}.dat`)
    const [data] = await writeEnvi(byLine, { ...raster, values: (line) => pixels(bands).subarray(line * perLine, (line + 1) * perLine) })
    expect(readFileSync(data).equals(readFileSync(`${at}.img`))).toBe(true)

    const cube = await openCube(`${at}.hdr`)
    expect(cube.description).toMatchObject({ shape: [lines, samples, bands], dtype: 'float32', interleave, warnings: [] })
    expect(await cube.readPixels(whole)).toEqual(pixels(bands))
    await cube.close()
  })

  it('writes several lines at a time', async () => {
    const writer = await openEnvi(folder.file('blocks.hdr'), { lines, samples, bands: 2, dataType: 'float32' })
    await writer.writeLines(pixels(2).subarray(0, 2 * samples * 2))
    await writer.writeLines(pixels(2).subarray(2 * samples * 2))
    const [data] = await writer.commit()
    expect(decoded(data, 2, 'bsq')).toEqual(pixels(2))
  })

  it('describes the bands, and reads its own description back', async () => {
    const header = {
      description: 'scores {of} a run, with commas', wavelengths: [450.5, 550.25, 1600], wavelengthUnit: 'nm', fwhm: [5, 5, 6.5],
      bandNames: ['blue, deep', 'green', 'far {red}'], badBands: [1], defaultBands: [2, 1, 0], noData: -1, scale: 10000,
    }
    const [, hdr] = await writeEnvi(folder.file('described'), { lines, samples, bands: 3, dataType: 'float32', header, values: pixels(3) })
    expect(readFileSync(hdr, 'utf8')).toBe(
      [
        'ENVI', 'description = {scores (of) a run, with commas}', 'samples = 4', 'lines = 3', 'bands = 3', 'header offset = 0', 'file type = ENVI Standard',
        'data type = 4', 'interleave = bsq', 'byte order = 0', 'data ignore value = -1', 'reflectance scale factor = 10000', 'default bands = {3, 2, 1}',
        'band names = {blue deep, green, far (red)}', 'wavelength units = Nanometers', 'wavelength = {450.5, 550.25, 1600}', 'fwhm = {5, 5, 6.5}', 'bbl = {1, 0, 1}', '',
      ].join('\n'),
    )
    const cube = await openCube(hdr)
    const { path: _path, ...description } = cube.description
    await cube.close()
    expect(description).toMatchObject({
      wavelengths: header.wavelengths, wavelengthUnit: 'nm', fwhm: header.fwhm, bandNames: ['blue deep', 'green', 'far (red)'],
      badBands: [1], defaultBands: [2, 1, 0], noData: -1, scale: 10000, warnings: [],
    })
  })

  it('writes a classification that reads as a mask', async () => {
    const classes = [{ name: 'normal', colour: [0, 0, 0] as const }, { name: 'anomalous', colour: [255, 64, 0] as const }]
    const values = Uint8Array.from(range(lines * samples), (n) => Number(n === 5))
    const files = await writeEnvi(folder.file('decisions.img'), { lines, samples, bands: 1, dataType: 'uint8', header: { classes }, values })
    expect(files).toEqual([folder.file('decisions.img'), folder.file('decisions.hdr')])
    const text = readFileSync(files[1], 'utf8')
    expect(text).toContain('file type = ENVI Classification\ndata type = 1\n')
    expect(text).toContain('classes = 2\nclass names = {normal, anomalous}\nclass lookup = {0, 0, 0, 255, 64, 0}\n')
    expect((await readMask(files[0], [lines, samples])).values).toEqual(values)
  })

  it('passes on where the image lies and what nobody knows, but not what speaks of other bands', async () => {
    const source = writeSmallCube(folder.file('source.img'), plainCube, 'map info = {UTM, 1, 1, 5, 6, 2, 2, 11, North,WGS-84}\ncoordinate system string = {PROJCS["x"]}\nmy key = kept\nwavelength = {1, 2, 3, 4, 5}\ndata gain values = {1, 1, 1, 1, 1}\nempty =\n')
    const cube = await openCube(source)
    const [, hdr] = await writeEnvi(folder.file('passed'), { lines, samples, bands: 1, dataType: 'float32', header: { others: cube.headerFields }, values: pixels(1) })
    await cube.close()
    expect(readFileSync(hdr, 'utf8').split('\n').slice(10)).toEqual(['map info = {UTM, 1, 1, 5, 6, 2, 2, 11, North,WGS-84}', 'coordinate system string = {PROJCS["x"]}', 'my key = kept', ''])
  })

  it('leaves nothing behind when it is given up, fails, or gets the wrong numbers', async () => {
    const at = (name: string) => folder.file(name)
    const raster = { lines, samples, bands: 1, dataType: 'float32' as const }
    const given = await openEnvi(at('given-up'), raster)
    await given.writeLines(pixels(1).subarray(0, samples))
    await given.abort()
    const few = await problemOf(() => writeEnvi(at('given-up'), { ...raster, values: pixels(1).subarray(0, samples) }))
    expect(few).toMatchObject({ code: 'bad-argument', message: `${at('given-up')}.img was to hold 3 lines, but 1 were written.` })
    const wrong = await problemOf(() => writeEnvi(at('given-up'), { ...raster, values: new Uint8Array(12) }))
    expect(wrong).toMatchObject({ code: 'bad-argument', message: `${at('given-up')}.img takes lines of 4 float32 numbers, 3 lines are left, but 12 numbers came.` })
    await expect(writeEnvi(at('given-up'), { ...raster, values: () => { throw new Error('no scores') } })).rejects.toThrow('no scores')
    expect(readdirSync(folder.path).filter((name) => name.includes('given-up'))).toEqual([])
    const nowhere = at('nowhere/scores')
    expect(await problemOf(() => writeEnvi(nowhere, { ...raster, values: pixels(1) }))).toMatchObject({
      code: 'cannot-write', message: `Cannot write ${nowhere}.img: its folder does not exist; create the folder or choose another.`,
    })
  })
})

describe('writing NPY', () => {
  it('writes the header that NumPy writes, and the numbers behind it', async () => {
    const path = folder.file('scores.npy')
    expect(await writeNpy(path, { shape: [lines, samples], dataType: 'float32', values: pixels(1) })).toEqual([path])
    const bytes = readFileSync(path)
    const dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
    expect(bytes.subarray(0, 10)).toEqual(Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0]))
    expect(bytes.subarray(10, 128).toString()).toBe(`${dictionary.padEnd(117)}\n`)
    expect(range(12).map((n) => bytes.readFloatLE(128 + 4 * n))).toEqual([...pixels(1)])
    expect(bytes.length).toBe(128 + 48)
  })

  it('writes bytes and one axis', async () => {
    const path = folder.file('decisions.npy')
    const writer = await openNpy(path, { shape: [3], dataType: 'uint8' })
    await writer.writeLines(Uint8Array.of(1, 0))
    await writer.writeLines(Uint8Array.of(1))
    await writer.commit()
    const bytes = readFileSync(path)
    expect(bytes.subarray(10, 70).toString()).toContain("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }")
    expect([...bytes.subarray(128)]).toEqual([1, 0, 1])
  })
})
