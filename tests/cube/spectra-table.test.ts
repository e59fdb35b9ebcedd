import { describe, expect, it } from 'vitest'
import { parseSpectraTable } from '../../src/engine/cube/spectral-library/spectra-table'
import { problemOf } from './support/temporary'

const read = (text: string) => parseSpectraTable(text, 'spectra.csv')
const plain = (text: string) => {
  const { spectra, ...rest } = read(text)
  return { ...rest, spectra: spectra.map((spectrum) => [...spectrum]) }
}
const two = { names: ['grass', 'soil'], wavelengths: [450, 460.5, 470], wavelengthUnit: 'nm', spectra: [[0.04, 0.05, 0.06], [0.11, 0.12, 0.13]], warnings: [] }
const unnamed = { ...two, names: ['Spectrum 1', 'Spectrum 2'], wavelengthUnit: null }

describe('a table of spectra', () => {
  it.each([
    ['columns and commas', 'wavelength (nm),grass,soil\n450,0.04,0.11\n460.5,0.05,0.12\n470,0.06,0.13\n'],
    ['columns, semicolons and decimal commas', 'Wavelength [nm];grass;soil\r\n450;0,04;0,11\r\n460,5;0,05;0,12\r\n470;0,06;0,13\r\n'],
    ['columns and tabs', 'wavelength_nm\tgrass\tsoil\n450\t0.04\t0.11\n460.5\t5e-2\t0.12\n470\t0.06\t0.13\n'],
    ['columns, blanks and decimal commas', 'nm grass soil\n450 0,04 0,11\n460,5 0,05 0,12\n470 0,06 0,13\n'],
    ['comments and empty lines', '# field spectra\n// of July\n% two\n\nwavelength (nm),grass,soil\n450,0.04,0.11\n; in between\n460.5,0.05,0.12\n470,0.06,0.13\n\n'],
    ['quoted titles', '"wavelength (nm)","grass","soil"\n"450","0.04","0.11"\n460.5,0.05,0.12\n470,0.06,0.13\n'],
    ['a separator at every end', 'wavelength (nm);grass;soil;\n450;0.04;0.11;\n460.5;0.05;0.12;\n470;0.06;0.13;\n'],
    ['band numbers and widths', 'band,wavelength (nm),FWHM,grass,soil\n1,450,5,0.04,0.11\n2,460.5,5,0.05,0.12\n3,470,5,0.06,0.13\n'],
    ['a byte order mark', '\ufeffwavelength (nm),grass,soil\n450,0.04,0.11\n460.5,0.05,0.12\n470,0.06,0.13'],
    ['lines', 'name (nm),450,460.5,470\ngrass,0.04,0.05,0.06\nsoil,0.11,0.12,0.13\n'],
    ['lines with units', 'material;450 nm;460.5 nm;470 nm\ngrass;0,04;0,05;0,06\nsoil;0,11;0,12;0,13\n'],
  ])('%s', (_, text) => expect(plain(text)).toEqual(two))

  it.each([
    ['columns', '450 0.04 0.11\n460.5 0.05 0.12\n470 0.06 0.13\n'],
    ['columns after band numbers', '1,450,0.04,0.11\n2,460.5,0.05,0.12\n3,470,0.06,0.13\n'],
    ['lines', '450,460.5,470\n0.04,0.05,0.06\n0.11,0.12,0.13\n'],
  ])('without titles: %s', (_, text) => expect(plain(text)).toEqual(unnamed))

  it('leaves percent as they are, and gaps as gaps', () => {
    expect(plain('wavelength (um),a\n0.45,12.5\n0.46,\n0.47,NaN\n')).toEqual({ names: ['a'], wavelengths: [0.45, 0.46, 0.47], wavelengthUnit: 'µm', spectra: [[12.5, NaN, NaN]], warnings: [] })
  })

  it('keeps falling wavenumbers and names with commas', () => {
    expect(plain('"wavenumber (cm-1)","talc, fine"\n4000,0.5\n3990,0.6\n')).toEqual({ names: ['talc, fine'], wavelengths: [4000, 3990], wavelengthUnit: 'cm⁻¹', spectra: [[0.5, 0.6]], warnings: [] })
  })

  it('tells names that are numbers from wavelengths by the corner', () => {
    expect(plain('wavelength,1,2\n450,0.1,0.2\n460,0.3,0.4\n')).toMatchObject({ names: ['1', '2'], wavelengths: [450, 460] })
    expect(plain('sample,450,460\n101,0.1,0.2\n102,0.3,0.4\n')).toMatchObject({ names: ['101', '102'], wavelengths: [450, 460] })
  })

  it('says which spectra are empty', () => {
    expect(read('nm,a,b\n450,1,\n460,2,\n').warnings).toEqual(['The table holds no number for b.'])
  })

  it.each([
    ['', 'there is nothing in it', undefined],
    ['# only\n', 'there is nothing in it', undefined],
    ['wavelength,grass\n', 'it has one line only', undefined],
    ['450\n460\n', 'line 1 has one value only', 'line 1'],
    ['wavelength,grass\n450,0.1\n460,0.1,0.2\n', 'line 3 has 3 values where line 1 has 2', 'line 3'],
    ['wavelength,grass\n450,0.1\nabc,0.2\n', 'line 3 holds "abc" where a wavelength is expected', 'line 3'],
    ['wavelength,grass\n450,0.1\n-460,0.2\n', 'line 3 holds "-460" where a wavelength is expected', 'line 3'],
    ['wavelength,grass\n450,0.1\n460,high\n', 'line 3 holds "high" where the value of a spectrum is expected', 'line 3'],
    ['wavelength,fwhm\n450,5\n460,5\n', 'it has a column of wavelengths, but none of values', 'line 1'],
    ['wavelength,a\n450,\n460,\n', 'no spectrum has a number', undefined],
    ['Dear analyst,\nplease find the spectra attached.\n', 'line 2 has 5 values where line 1 has 2', 'line 2'],
  ])('says what is wrong with %j', async (text, sentence, where) => {
    const problem = await problemOf(() => read(text))
    expect(problem).toMatchObject({ code: 'bad-data', path: 'spectra.csv', where })
    expect(problem.message).toContain(sentence)
  })
})
