import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { spectrumAtBands } from '../../src/engine/cube/spectral-library/at-bands'
import { describeLibrary, entryIndex, openLibrary } from '../../src/engine/cube/spectral-library/library'
import type { SmallCube } from './support/envi-files'
import { dataBytes, plainCube, writeSmallCube } from './support/envi-files'
import { problemOf, temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const data = process.env.CUVETTE_DATA_DIR ?? resolve(import.meta.dirname, '../../../shared/data')

/** An ENVI library of three spectra with five channels, 100 n + channel. */
function writeLibrary(name: string, more: string, change: Partial<SmallCube> = {}): string {
  const cube: SmallCube = { ...plainCube, lines: 3, samples: 5, bands: 1, code: 4, dtype: 'float32', value: (line, sample) => 100 * line + sample, ...change }
  scratch.file(`${name}.hdr`, `ENVI\nsamples = 5\nlines = 3\nbands = 1\nheader offset = ${cube.offset}\nfile type = ENVI Spectral Library\ndata type = ${cube.code}\ninterleave = bsq\nbyte order = ${cube.little ? 0 : 1}\n${more}`)
  return scratch.file(`${name}.sli`, dataBytes(cube))
}

const axis = 'wavelength units = Micrometers\nwavelength = {0.4, 0.5, 0.6, 0.7, 0.8}\n'

describe('an ENVI spectral library', () => {
  it.each([
    ['float32', {}],
    ['big-endian float64 after an offset', { code: 5, dtype: 'float64', little: false, offset: 7 }],
    ['int16', { code: 2, dtype: 'int16' }],
  ] as [string, Partial<SmallCube>][])('%s: names, wavelengths, one spectrum', async (name, change) => {
    const path = writeLibrary(name.replace(/\W/g, ''), `${axis}spectra names = {grass, soil, talc}\nbbl = {1, 1, 0, 1, 1}\nreflectance scale factor = 1000\n`, change)
    for (const opened of [path, path.replace('.sli', '.hdr')]) {
      const library = await openLibrary(opened)
      expect(library.description).toMatchObject({ shape: [3, 1, 5], wavelengths: [0.4, 0.5, 0.6, 0.7, 0.8], wavelengthUnit: 'µm', badBands: [2], scale: 1000, library: { spectra: ['grass', 'soil', 'talc'] }, warnings: [] })
      expect([...(await library.spectrum(2))]).toEqual([200, 201, 202, 203, 204])
      expect((await problemOf(() => library.spectrum(3))).message).toContain('holds 3 spectra; there is no number 4')
      await library.close()
    }
  })

  it('numbers spectra without a name', async () => {
    expect((await describeLibrary(writeLibrary('nameless', axis))).library.spectra).toEqual(['Spectrum 1', 'Spectrum 2', 'Spectrum 3'])
  })

  it('refuses an image, a picture and a letter', async () => {
    const image = writeSmallCube(scratch.file('image.img'), plainCube)
    expect(await problemOf(() => openLibrary(image))).toMatchObject({ code: 'not-a-cube', message: expect.stringContaining('image.img is an image, not a spectral library') })
    expect((await problemOf(() => openLibrary(scratch.file('letter.doc', 'Dear analyst,')))).code).toBe('not-a-cube')
    expect((await problemOf(() => openLibrary(scratch.file('gone.csv')))).code).toBe('missing-file')
    expect((await problemOf(() => openLibrary(scratch.path))).code).toBe('not-a-cube')
  })

  it.skipIf(!existsSync(join(data, 'envi')))('a real one', async () => {
    const library = await openLibrary(join(data, 'envi/library_berlin.sli'))
    expect(library.description.library.spectra).toHaveLength(75)
    const spectrum = await library.spectrum(0)
    expect(spectrum).toHaveLength(177)
    expect(spectrum.every(Number.isFinite)).toBe(true)
    await library.close()
  })
})

describe('a table as a library', () => {
  it('is described like an ENVI library', async () => {
    const path = scratch.file('field.csv', 'wavelength,grass,soil\n400,0.1,0.2\n500,0.2,0.3\n')
    const library = await openLibrary(path)
    expect(library.description).toMatchObject({ path, format: 'Table of spectra', shape: [2, 1, 2], wavelengths: [400, 500], wavelengthUnit: 'nm', wavelengthUnitGuessed: true, warnings: ['The table does not give the wavelength unit; nm is assumed from the values.'] })
    expect([...(await library.spectrum(1))]).toEqual([0.2, 0.3])
    expect((await problemOf(() => library.spectrum(2))).code).toBe('bad-argument')
  })
})

describe('an entry', () => {
  const description = { path: 'l.csv', library: { spectra: ['grass', 'Soil', 'talc', 'talc'] } } as Parameters<typeof entryIndex>[0]

  it('is found by its name, in any letter case, or by its number from 1', () => {
    expect(entryIndex(description, 'grass')).toBe(0)
    expect(entryIndex(description, ' soil')).toBe(1)
    expect(entryIndex(description, 4)).toBe(3)
  })

  it('is refused with a sentence', async () => {
    expect((await problemOf(() => entryIndex(description, 'talc'))).message).toBe('l.csv holds 2 spectra called "talc"; name the one that is meant by its number, 3 or 4.')
    expect((await problemOf(() => entryIndex(description, 'clay'))).message).toBe('l.csv holds no spectrum called "clay"; it holds grass, Soil, talc, talc.')
    expect((await problemOf(() => entryIndex(description, 0))).message).toBe('l.csv holds 4 spectra, numbered from 1; there is no number 0.')
  })
})

describe('at the bands of a cube', () => {
  const cube = { path: 'scene.img', wavelengths: [450, 900], wavelengthUnit: 'nm', fwhm: null, scale: null }

  it('comes in the numbers of the cube', async () => {
    const library = await openLibrary(writeLibrary('scaled', `${axis}reflectance scale factor = 100\n`))
    expect([...(await spectrumAtBands(library, 1, cube))]).toEqual([expect.closeTo(1.005, 9), NaN])
    expect([...(await spectrumAtBands(library, 1, { ...cube, scale: 10000 }))]).toEqual([expect.closeTo(10050, 5), NaN])
    await library.close()
  })

  it('is refused where one of them states no wavelengths', async () => {
    const library = await openLibrary(writeLibrary('bare', ''))
    expect((await problemOf(() => spectrumAtBands(library, 0, cube))).message).toContain('bare.sli states no wavelengths, so its spectra')
    await library.close()
    const good = await openLibrary(writeLibrary('good', axis))
    expect((await problemOf(() => spectrumAtBands(good, 0, { ...cube, wavelengths: null }))).message).toContain('scene.img states no wavelengths in a unit of length')
    await good.close()
  })
})
