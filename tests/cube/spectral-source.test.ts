import { describe, expect, it } from 'vitest'
import { readSpectralAxis } from '../../src/engine/cube/spectral-source'
import { parseWavelengthText } from '../../src/engine/cube/wavelength-text'
import { problemOf, temporaryFolder } from './support/temporary'

const scratch = temporaryFolder()
const read = (text: string, bands = 3) => parseWavelengthText(text, bands, 'the text')
const nm = { wavelengths: [450, 550.5, 650], wavelengthUnit: 'nm', wavelengthUnitGuessed: true, fwhm: null }

describe('wavelengths from text', () => {
  it.each([
    ['one a line', '450\n550.5\n650\n'],
    ['a list', '450, 550.5, 650'],
    ['a list of a header, over lines', '{450,\n 550.5,\r\n 650}'],
    ['blanks, comments and empty lines', '# band centres\n\n 450 \n; skipped\n550.5\n650'],
    ['band numbers from 0', '0 450\n1 550.5\n2 650'],
    ['band numbers from 1, with tabs', '1\t450\n2\t550.5\n3\t650'],
    ['decimal commas', '1;450,0\n2;550,5\n3;650,0'],
    ['quoted fields', '"1","450"\n"2","550.5"\n"3","650"'],
  ])('%s', (_, text) => expect(read(text)).toEqual(nm))

  it('takes the unit and the columns from a first line of words', () => {
    expect(read('Band,Wavelength (µm),FWHM\n1,0.45,0.01\n2,0.55,0.01\n3,0.65,0.02\n')).toEqual({
      wavelengths: [0.45, 0.55, 0.65], wavelengthUnit: 'µm', wavelengthUnitGuessed: false, fwhm: [0.01, 0.01, 0.02],
    })
    expect(read('wavelength_nm\n450\n550.5\n650')).toEqual({ ...nm, wavelengthUnitGuessed: false })
    expect(read('name;bandwidth;centre [nm]\n1;5;450\n2;6;550.5\n3;7;650')).toEqual({ ...nm, wavelengthUnitGuessed: false, fwhm: [5, 6, 7] })
  })

  it('takes a second column without a name as widths', () => {
    expect(read('450 5\n550.5 6\n650 7')).toEqual({ ...nm, fwhm: [5, 6, 7] })
  })

  it('guesses no unit from values that tell none', () => {
    expect(read('40000 50000 60000')).toMatchObject({ wavelengthUnit: null, wavelengthUnitGuessed: false })
  })

  it.each([
    ['450\n55o\n650', 'line 2 holds "55o" where a number is expected', 'line 2'],
    ['450\n550', 'it gives 2 lines of numbers, but the cube has 3 bands', undefined],
    ['450\n-1\n650', 'line 2 gives -1, expected a number above 0', 'line 2'],
    ['# none\n', 'there is no number in it', undefined],
    ['gain,offset\n1,2\n1,2\n1,2', 'line 1 names no column of wavelengths among gain, offset', 'line 1'],
    ['1 450\n2 550\n3', 'line 3 has 1 values where 2 are expected', 'line 3'],
    ['450,,\n550,1\n650', 'line 2 has 2 values', 'line 2'],
  ])('says what is wrong with %j', async (text, sentence, where) => {
    const problem = await problemOf(() => read(text))
    expect(problem).toMatchObject({ code: 'bad-data', where })
    expect(problem.message).toContain(sentence)
    expect(problem.message.startsWith('The wavelengths in the text cannot be used: ')).toBe(true)
  })
})

describe('wavelengths from a file', () => {
  const header = (bands: number, more = '') => `ENVI\nsamples = 5\nlines = 4\nbands = ${bands}\ndata type = 4\ninterleave = bip\nbyte order = 0\n${more}`

  it('from a header whose data is not there', async () => {
    const path = scratch.file('alone.hdr', header(3, 'wavelength units = Nanometers\nwavelength = {450, 550.5, 650}\nfwhm = {5, 6, 7}\n'))
    expect(await readSpectralAxis(path, 3)).toEqual({ ...nm, wavelengthUnitGuessed: false, fwhm: [5, 6, 7] })
  })

  it('from a list', async () => expect(await readSpectralAxis(scratch.file('list.csv', '450\n550.5\n650\n'), 3)).toEqual(nm))

  it('from another cube', async () => {
    scratch.file('other.hdr', header(3, 'wavelength units = Nanometers\nwavelength = {450, 550.5, 650}\n'))
    expect(await readSpectralAxis(scratch.file('other.img', new Uint8Array(240)), 3)).toEqual({ ...nm, wavelengthUnitGuessed: false })
  })

  it('says what does not fit', async () => {
    const path = scratch.file('four.hdr', header(4, 'wavelength = {1, 2, 3, 4}\n'))
    expect((await problemOf(() => readSpectralAxis(path, 3))).message).toContain('four.hdr has 4 bands, but the cube has 3')
    const bare = scratch.file('bare.hdr', header(3))
    expect((await problemOf(() => readSpectralAxis(bare, 3))).message).toContain('bare.hdr states no wavelengths')
    expect((await problemOf(() => readSpectralAxis(scratch.file('none.csv'), 3))).code).toBe('missing-file')
    const faulty = scratch.file('faulty.txt', '450\nx\n650\n')
    expect(await problemOf(() => readSpectralAxis(faulty, 3))).toMatchObject({ code: 'bad-data', where: 'line 2' })
    const letter = scratch.file('letter.doc', 'Dear analyst,')
    expect((await problemOf(() => readSpectralAxis(letter, 3))).code).toBe('not-a-cube')
  })
})
