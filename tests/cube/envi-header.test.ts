import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import { CuvetteError } from '../../src/shared/problem'
import { openCube } from '../../src/engine/cube/open-cube'
import { decodeHeaderText, isEnviHeader, nameList, numberList, parseEnviHeader } from '../../src/engine/cube/formats/envi-header'
import { dataBytes, headerText, plainCube } from './support/envi-files'
import { problemOf, temporaryFolder } from './support/temporary'

const folder = temporaryFolder()
let number = 0

/** Opens a cube of 3 x 4 x 5 whose header has these lines besides the layout. */
async function describeWith(lines: string | Uint8Array): Promise<CubeDescription> {
  number += 1
  const data = folder.file(`header-${number}.img`, dataBytes(plainCube))
  const base = new TextEncoder().encode(headerText(plainCube))
  folder.file(`header-${number}.hdr`, Buffer.concat([base, typeof lines === 'string' ? Buffer.from(lines) : lines]))
  const cube = await openCube(data)
  await cube.close()
  return cube.description
}

describe('reading "key = value" lines', () => {
  it('takes comments, also inside braces and with "=", leading commas, values over many lines, and any case', () => {
    const header = parseEnviHeader(
      [
        'ENVI', '; a comment = 1', 'Samples=4', '  LINES  =  3 ', 'Data   Type = 12', 'empty =', '',
        'wavelength = {', '379.027', ',379.663', ';Pixel0 = 12.3658', ',380.3', '}', 'description = {a, "b" = c', '; hidden', '{nested} d}', ';last = 2',
      ].join('\r\n'),
      'x.hdr',
    )
    expect(Object.fromEntries([...header.entries].map(([key, { text }]) => [key, text]))).toEqual({
      samples: '4', lines: '3', 'data type': '12', empty: '', wavelength: '379.027\n,379.663\n,380.3', description: 'a, "b" = c\n{nested} d',
    })
    expect(header.warnings).toEqual([])
    expect(numberList(header.entries.get('wavelength')?.text ?? '')).toEqual([379.027, 379.663, 380.3])
  })

  it('says which lines it could not use', () => {
    expect(parseEnviHeader('ENVI\nsamples = 4\nsome words\nsamples = 5', 'x.hdr').warnings).toEqual([
      'Line 3 of the header is not "key = value" and was left out.',
      'The header gives "samples" twice; the one on line 4 is used.',
    ])
  })

  it('knows a header by its first line, also behind a byte order mark', () => {
    const bytes = (text: string) => new TextEncoder().encode(text)
    expect(isEnviHeader(bytes('ENVI\nsamples = 1'))).toBe(true)
    expect(isEnviHeader(bytes('\ufeffENVI \r\n'))).toBe(true)
    expect(isEnviHeader(bytes('ENVISAT product'))).toBe(false)
    expect(isEnviHeader(bytes('BYTEORDER I'))).toBe(false)
  })

  it('reads UTF-8, and Latin-1 where it is not', () => {
    expect(decodeHeaderText(Buffer.from('µm', 'utf8'))).toBe('µm')
    expect(decodeHeaderText(Buffer.from('µm', 'latin1'))).toBe('µm')
  })

  it('splits names by commas, or by lines where the names hold commas', () => {
    expect(nameList('a, b\n,c', 3)).toEqual(['a', 'b', 'c'])
    expect(nameList('a, , c', 3)).toEqual(['a', '', 'c'])
    expect(nameList('a, b,', 2)).toEqual(['a', 'b'])
    expect(nameList('red, wide,\nblue, narrow', 2)).toEqual(['red, wide', 'blue, narrow'])
    expect(nameList('a, b', 3)).toBeNull()
  })
})

describe('what a header says of the bands', () => {
  it('reads wavelengths, widths, names, bad bands, no-data, scale and proposed bands', async () => {
    const description = await describeWith(
      'wavelength units = Nanometers\nwavelength = {450, 550, 650, 750, 850}\nfwhm = {5, 5, 5, 6, 6}\nband names = {a, b, c, d, e}\n' +
      'bbl = {1, 0, 1.0, true, FALSE}\ndata ignore value = -9999\nreflectance scale factor = 10000\ndefault bands = {3, 2, 1}\n',
    )
    expect(description).toMatchObject({
      wavelengths: [450, 550, 650, 750, 850], wavelengthUnit: 'nm', fwhm: [5, 5, 5, 6, 6], bandNames: ['a', 'b', 'c', 'd', 'e'],
      badBands: [1, 4], noData: -9999, scale: 10000, defaultBands: [2, 1, 0], warnings: [],
    })
  })

  it.each([
    ['Nanometers', 'nm'], ['nm', 'nm'], ['Micrometers', 'µm'], ['Microns', 'µm'], ['µm', 'µm'], ['um', 'µm'], ['Wavenumber', 'cm⁻¹'], ['GHz', 'GHz'], ['furlongs', 'furlongs'],
  ])('writes the unit %s as %s', async (written, unit) => {
    expect((await describeWith(`wavelength units = ${written}\nwavelength = {1, 2, 3, 4, 5}\n`)).wavelengthUnit).toBe(unit)
  })

  it('reads a Latin-1 micro sign', async () => {
    const description = await describeWith(Buffer.from('wavelength units = µm\nwavelength = {1, 2, 3, 4, 5}\n', 'latin1'))
    expect(description).toMatchObject({ wavelengthUnit: 'µm', warnings: [] })
  })

  it('guesses a missing or unknown unit and says so', async () => {
    expect(await describeWith('wavelength = {450, 550, 650, 750, 850}\n')).toMatchObject({
      wavelengthUnit: 'nm', warnings: ['The header does not give the wavelength unit; nm is assumed from the values.'],
    })
    expect(await describeWith('wavelength units = Unknown\nwavelength = {0.45, 0.55, 0.65, 0.75, 0.85}\n')).toMatchObject({
      wavelengthUnit: 'µm', warnings: ['The header gives the wavelength unit as "Unknown"; µm is assumed from the values.'],
    })
    expect(await describeWith('wavelength = {1, 200, 650, 750, 850}\n')).toMatchObject({
      wavelengthUnit: null, warnings: ['The header does not give the wavelength unit, and the values do not tell it.'],
    })
  })

  it('takes wavelengths from the names where the list is missing', async () => {
    expect(await describeWith('band names = {376.44 Nanometers, 381.45 Nanometers, 386 Nanometers, 391.5 Nanometers, 400 Nanometers}\n')).toMatchObject({
      wavelengths: [376.44, 381.45, 386, 391.5, 400], wavelengthUnit: 'nm',
      warnings: ['The header has no usable "wavelength"; the wavelengths are taken from the band names.'],
    })
    expect(await describeWith('band names = {b1 (0.4 um), b2 (0.5 um), b3 (0.6 um), b4, b5 (0.8 um)}\n')).toMatchObject({ wavelengths: null, warnings: [] })
  })

  it('counts proposed bands from 1, and from 0 where a 0 occurs', async () => {
    expect((await describeWith('default bands = {1, 2, 5}\n')).defaultBands).toEqual([0, 1, 4])
    expect((await describeWith('default bands = { 2, 1, 0 }\n')).defaultBands).toEqual([2, 1, 0])
    expect((await describeWith('default bands = {4}\n')).defaultBands).toEqual([3])
    expect(await describeWith('default bands = {6, 2, 1}\n')).toMatchObject({
      defaultBands: null, warnings: ['"default bands" is "6, 2, 1", expected one or three bands of 5; it is left out.'],
    })
  })

  it('leaves out lists of the wrong length, and says so', async () => {
    const description = await describeWith('wavelength = {1, 2}\nfwhm = {1, x, 3, 4, 5}\nband names = {a, b}\nbbl = {1, 0}\ndata ignore value = none\nreflectance scale factor = 0\n')
    expect(description).toMatchObject({ wavelengths: null, fwhm: null, bandNames: null, badBands: [], noData: null })
    expect(description.warnings).toEqual([
      '"band names" does not list 5 names, one for each band; it is left out.',
      '"wavelength" lists 2 values for 5 bands; it is left out.',
      '"fwhm" holds something that is not a number; it is left out.',
      '"bbl" lists 2 values for 5 bands; it is left out.',
      '"data ignore value" is "none", which is not a number; it is left out.',
      '"reflectance scale factor" is 0, expected a number above 0; it is left out.',
    ])
  })

  it('takes little-endian, no offset and a standard file when the header is silent', async () => {
    const data = folder.file('silent.raw', dataBytes(plainCube))
    folder.file('silent.hdr', 'ENVI\nsamples = 4\nlines = 3\nbands = 5\ndata type = 12\ninterleave = BSQ\n')
    const cube = await openCube(data)
    expect(cube.description.warnings).toEqual(['The header does not give the byte order; little-endian (0) is assumed.'])
    expect([...(await cube.readPixels({ line: 2, sample: 3, lines: 1, samples: 1 }))]).toEqual([230, 231, 232, 233, 234])
    await cube.close()
  })

  it('keeps every key for writing back', async () => {
    const data = folder.file('kept.img', dataBytes(plainCube))
    folder.file('kept.hdr', headerText(plainCube, 'map info = {UTM, 1, 1, 5, 6, 2, 2, 11, North,WGS-84, rotation=-2}\nmy key = odd, text\n'))
    const cube = await openCube(data)
    expect(cube.headerFields?.get('map info')).toBe('{UTM, 1, 1, 5, 6, 2, 2, 11, North,WGS-84, rotation=-2}')
    expect(cube.headerFields?.get('my key')).toBe('odd, text')
    await cube.close()
  })
})

describe('headers that cannot be used', () => {
  const good = { samples: '4', lines: '3', bands: '5', 'data type': '12', interleave: 'bsq', 'byte order': '0' }
  const data = folder.file('bad.img', dataBytes(plainCube))
  const hdr = `${folder.path}/bad.hdr`

  async function problemWith(changes: Record<string, string | undefined>) {
    const entries = Object.entries({ ...good, ...changes }).filter(([, value]) => value !== undefined)
    folder.file('bad.hdr', `ENVI\n${entries.map(([key, value]) => `${key} = ${value}`).join('\n')}\n`)
    const { code, message, where } = await problemOf(() => openCube(data))
    return { code, message, where }
  }

  it.each<[Record<string, string | undefined>, string, string]>([
    [{ bands: undefined }, 'bands', 'has no "bands"; an ENVI header gives samples, lines, bands, data type and interleave.'],
    [{ samples: '' }, 'samples', 'has no "samples"; an ENVI header gives samples, lines, bands, data type and interleave.'],
    [{ interleave: undefined }, 'interleave', 'has no "interleave"; an ENVI header gives samples, lines, bands, data type and interleave.'],
  ])('refuses %j', async (changes, where, rest) => {
    expect(await problemWith(changes)).toEqual({ code: 'bad-header', where, message: `${hdr} ${rest}` })
  })

  it.each<[Record<string, string>, string, string]>([
    [{ 'data type': '7' }, 'data type', 'data type 7 is unknown; expected one of 1, 2, 3, 4, 5, 6, 9, 12, 13, 14, 15.'],
    [{ lines: '-3' }, 'lines', '"lines" is "-3"; expected a whole number from 1.'],
    [{ lines: '3.5' }, 'lines', '"lines" is "3.5"; expected a whole number from 1.'],
    [{ 'header offset': 'x' }, 'header offset', '"header offset" is "x"; expected a whole number from 0.'],
    [{ interleave: 'tiled' }, 'interleave', 'the interleave "tiled" is unknown; expected bsq, bil or bip.'],
    [{ 'byte order': '2' }, 'byte order', 'the byte order "2" is unknown; expected 0 (little-endian) or 1 (big-endian).'],
    [{ lines: '9007199254740991' }, 'lines', '9007199254740991 lines x 4 samples x 5 bands is larger than any file; correct the header.'],
    [{ wavelength: '{450, 550' }, 'wavelength', 'the braces of "wavelength", opened on line 8, are never closed; add the missing "}".'],
  ])('refuses %j', async (changes, where, rest) => {
    expect(await problemWith(changes)).toEqual({ code: 'bad-header', where, message: `${hdr}: ${rest}` })
  })

  it('refuses what would need more than plain numbers', async () => {
    expect(await problemWith({ 'major frame offsets': '{0, 128}' })).toEqual({
      code: 'unsupported', where: 'major frame offsets', message: `${hdr} has "major frame offsets", which cannot be read; save the image again without frame offsets.`,
    })
    expect(await problemWith({ 'file type': 'TIFF' })).toEqual({
      code: 'unsupported', where: 'file type', message: `${hdr}: the file type "TIFF" cannot be read; save the image as ENVI Standard.`,
    })
  })

  it('gives a sentence or a cube for any mangled header, never a defect', async () => {
    const text = headerText(plainCube, 'wavelength = {1, 2, 3, 4, 5}\nband names = {a, b, c, d, e}\nbbl = {1, 1, 0, 1, 1}\ndefault bands = {1, 2, 3}\n')
    const change = fc.record({ at: fc.nat(text.length - 1), remove: fc.nat(12), insert: fc.constantFrom('', '{', '}', '=', ';', '\n', ',', '-', '9', 'x', '\0', '\u00b5') })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const mangled = changes.reduce((now, { at, remove, insert }) => now.slice(0, at) + insert + now.slice(at + remove), text)
        folder.file('bad.hdr', mangled)
        await openCube(data).then((cube) => cube.close(), (error: unknown) => expect(error, mangled).toBeInstanceOf(CuvetteError))
      }),
      { seed: 20261123, numRuns: 300 },
    )
  })

  it('accepts frame offsets that are zero', async () => {
    expect((await describeWith('major frame offsets = {0, 0}\nminor frame offsets = {0, 0}\n')).shape).toEqual([3, 4, 5])
  })
})
