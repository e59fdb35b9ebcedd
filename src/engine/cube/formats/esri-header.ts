import { CuvetteError } from '../../../shared/problem'
import type { EnviHeader, HeaderEntry } from './envi-header'

/** ENVI data types by bits and kind of number. */
const dataTypes: Record<string, number> = {
  '8 UNSIGNEDINT': 1, '16 UNSIGNEDINT': 12, '32 UNSIGNEDINT': 13, '64 UNSIGNEDINT': 15,
  '16 SIGNEDINT': 2, '32 SIGNEDINT': 3, '64 SIGNEDINT': 14, '32 FLOAT': 4, '64 FLOAT': 5,
}

/** Keys that have a counterpart in ENVI headers. */
const counterparts: Record<string, string> = { NROWS: 'lines', NCOLS: 'samples', NBANDS: 'bands', SKIPBYTES: 'header offset', NODATA: 'data ignore value', NODATA_VALUE: 'data ignore value' }

/**
 * An ESRI header (band interleaved by line, by pixel or sequential), which is also called .hdr, in the words of an ENVI
 * header: lines of a key, blanks and a value, and a block from WAVELENGTHS to WAVELENGTHS_END. Keys without a counterpart
 * are kept. Missing keys have the defaults of that format. Throws CuvetteError: 'bad-header', 'unsupported'.
 */
export function parseEsriHeader(text: string, path: string): EnviHeader {
  const values = new Map<string, HeaderEntry>()
  const warnings: string[] = []
  const wavelengths: string[] = []
  let block = 0
  text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).forEach((written, at) => {
    const line = written.trim()
    if (line === '') return
    const [key, ...rest] = line.split(/\s+/)
    const name = key.toUpperCase()
    if (name === 'WAVELENGTHS') block = at + 1
    else if (name === 'WAVELENGTHS_END') block = 0
    else if (block > 0) wavelengths.push(line)
    else if (rest.length === 0) warnings.push(`Line ${at + 1} of the header has no value and was left out.`)
    else {
      if (values.has(name)) warnings.push(`The header gives ${name} twice; the one on line ${at + 1} is used.`)
      values.set(name, { text: rest.join(' '), braced: false, line: at + 1 })
    }
  })
  if (block > 0) throw new CuvetteError('bad-header', `${path}: the block WAVELENGTHS, begun on line ${block}, has no WAVELENGTHS_END; add that line.`, { path, where: 'WAVELENGTHS' })

  const entries = new Map<string, HeaderEntry>()
  const put = (key: string, value: string): void => {
    entries.set(key, { text: value, braced: false, line: 0 })
  }
  for (const [name, entry] of values) entries.set(counterparts[name] ?? name.toLowerCase(), entry)
  for (const name of ['NROWS', 'NCOLS']) {
    if (!values.has(name)) throw new CuvetteError('bad-header', `${path} has no ${name}; an ESRI header gives NROWS, NCOLS, NBANDS, NBITS and LAYOUT.`, { path, where: name })
  }
  if (!values.has('NBANDS')) put('bands', '1')
  put('interleave', values.get('LAYOUT')?.text ?? 'BIL')
  put('byte order', byteOrderOf(values.get('BYTEORDER')?.text ?? 'I', path))
  const bits = values.get('NBITS')?.text ?? '8'
  const kind = values.get('PIXELTYPE')?.text.toUpperCase() ?? 'UNSIGNEDINT'
  const type = dataTypes[`${bits} ${kind}`]
  if (type === undefined) throw new CuvetteError('unsupported', `${path}: numbers of ${bits} bits (${kind}) cannot be read; expected 8, 16, 32 or 64, so save the image as ENVI.`, { path, where: 'NBITS' })
  put('data type', String(type))
  if (wavelengths.length > 0) put('wavelength', wavelengths.join(', '))
  return { path, entries, warnings, esri: true, gaps: gapsStated(values, Number(bits) / 8) }
}

function byteOrderOf(written: string, path: string): string {
  if (/^(i|lsbfirst)$/i.test(written)) return '0'
  if (/^(m|msbfirst)$/i.test(written)) return '1'
  throw new CuvetteError('bad-header', `${path}: the BYTEORDER "${written}" is unknown; expected I (Intel, little-endian) or M (Motorola, big-endian).`, { path, where: 'BYTEORDER' })
}

/** The key that states gaps between rows or bands, with its value; null when they follow each other. Real headers state it wrongly. */
function gapsStated(values: ReadonlyMap<string, HeaderEntry>, width: number): string | null {
  const number = (name: string): number => Number(values.get(name)?.text ?? NaN)
  const row = number('NCOLS') * width
  const bands = values.has('NBANDS') ? number('NBANDS') : 1
  const layout = values.get('LAYOUT')?.text.toUpperCase() ?? 'BIL'
  const expected: [string, number][] = [['BANDROWBYTES', row], ['TOTALROWBYTES', layout === 'BSQ' ? row : row * bands], ['BANDGAPBYTES', 0]]
  // Writers state the row of one band for bip as they like.
  const wrong = expected.find(([name, bytes]) => values.has(name) && number(name) !== bytes && !(layout === 'BIP' && name === 'BANDROWBYTES'))
  return wrong ? `${wrong[0]} as ${values.get(wrong[0])?.text} (without gaps it is ${wrong[1]})` : null
}
