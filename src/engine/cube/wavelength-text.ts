import type { SpectralAxis } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { guessedUnit, normalisedUnit } from './wavelengths'

interface Row {
  /** 1-based. */
  line: number
  fields: string[]
}

type Column = 'band' | 'wavelength' | 'fwhm' | 'other'

const UNIT = /(?:^|[\s_([/])(nm|nanomet(?:er|re)s?|µm|μm|um|micromet(?:er|re)s?|microns?|cm-1|cm\^-1|wavenumbers?|angstroms?)(?=$|[\s)\]_:])/i
const LARGEST = 4 * 2 ** 20

/**
 * Wavelengths of `bands` bands from text: one number a line, a list, or a table with a band number before and a band width
 * after, separated by tabs, semicolons, commas or blanks; a first line of words names the columns and may name the unit.
 * Lines that begin with # or ; are comments. Decimal commas are read where something else separates.
 * Throws CuvetteError('bad-data') with the line.
 */
export function parseWavelengthText(text: string, bands: number, name: string): SpectralAxis {
  if (text.length > LARGEST) throw bad(name, `it has ${text.length} characters, more than the ${LARGEST} that a list of wavelengths may have`)
  const rows = rowsOf(text)
  if (rows.length === 0) throw bad(name, 'there is no number in it')
  const titled = rows[0].fields.some((field) => /\p{L}/u.test(field) && !/^nan$|^[+-]?inf/i.test(field))
  const [title, body] = titled ? [rows[0], rows.slice(1)] : [null, rows]
  const stated = normalisedUnit(title && UNIT.exec(title.fields.join(' '))?.[1])
  const numbers = body.map((row) => ({ ...row, values: row.fields.map((field) => numberOf(field, row, name)) }))
  if (!title) {
    const list = numbers.flatMap(({ line, values }) => values.map((value) => ({ line, value })))
    if (list.length === bands) return axis(list.map(({ value, line }) => positive(value, line, name)), null, stated)
  }
  if (numbers.length !== bands) throw bad(name, `it gives ${numbers.length} ${numbers.length === 1 ? 'line' : 'lines'} of numbers, but the cube has ${bands} bands; give one line for each band`)
  const columns = title ? titledColumns(title, name) : plainColumns(numbers.map(({ values }) => values))
  const at = columns.indexOf('wavelength')
  const width = columns.indexOf('fwhm')
  for (const { line, values } of numbers) {
    if (values.length !== columns.length) throw bad(name, `line ${line} has ${values.length} values where ${columns.length} are expected`, line)
  }
  const wavelengths = numbers.map(({ line, values }) => positive(values[at], line, name))
  return axis(wavelengths, width < 0 ? null : numbers.map(({ line, values }) => positive(values[width], line, name)), stated)
}

function axis(wavelengths: number[], fwhm: number[] | null, stated: string | null): SpectralAxis {
  const guess = stated === null ? guessedUnit(wavelengths) : null
  return { wavelengths, wavelengthUnit: stated ?? guess, wavelengthUnitGuessed: guess !== null, fwhm }
}

function rowsOf(text: string): Row[] {
  return text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).flatMap((written, index) => {
    const line = written.replace(/[{}[\]]/g, ' ').trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) return []
    const fields = fieldsOf(line)
    return fields.length === 0 ? [] : [{ line: index + 1, fields }]
  })
}

function fieldsOf(line: string): string[] {
  // A semicolon or a tab separates columns; then a comma is the sign before decimals.
  if (/[;\t]/.test(line)) return trimmed(line.split(/[;\t]/)).map((field) => (/^[+-]?\d+,\d+$/.test(field) ? field.replace(',', '.') : field))
  return line.includes(',') ? trimmed(line.split(',')).flatMap((field) => (/\p{L}/u.test(field) ? [field] : field.split(/\s+/))) : line.split(/\s+/)
}

/** Nothing stands behind the last separator of a list that runs on. */
function trimmed(fields: string[]): string[] {
  const clean = fields.map((field) => field.trim().replace(/^"(.*)"$/, '$1').trim())
  while (clean.length > 0 && clean[clean.length - 1] === '') clean.pop()
  return clean
}

function numberOf(field: string, { line }: Row, name: string): number {
  const value = field === '' ? NaN : Number(field)
  if (Number.isFinite(value)) return value
  throw bad(name, `line ${line} holds "${field.slice(0, 40)}" where a number is expected`, line)
}

function positive(value: number, line: number, name: string): number {
  if (value > 0) return value
  throw bad(name, `line ${line} gives ${value}, expected a number above 0`, line)
}

function titledColumns({ line, fields }: Row, name: string): Column[] {
  const columns = fields.map((field): Column => {
    if (/fwhm|width/i.test(field)) return 'fwhm'
    if (/wave|lambda|λ|cent(er|re)|^wl\b/i.test(field)) return 'wavelength'
    return UNIT.test(field) ? 'wavelength' : 'other'
  })
  if (fields.length === 1 && columns[0] === 'other') return ['wavelength']
  const count = columns.filter((column) => column === 'wavelength').length
  if (count === 1) return columns
  throw bad(name, `line ${line} names ${count === 0 ? 'no column' : `${count} columns`} of wavelengths among ${fields.join(', ').slice(0, 100)}; call one of them "wavelength"`, line)
}

/** Without names: a first column that counts the bands is their number, the next is the wavelength, then the width. */
function plainColumns(rows: number[][]): Column[] {
  const columns = rows[0].length
  const counts = columns > 1 && [0, 1].some((first) => rows.every(([value], index) => value === index + first))
  const meaning: Column[] = counts ? ['band', 'wavelength', 'fwhm'] : ['wavelength', 'fwhm']
  return Array.from({ length: columns }, (_, at) => meaning[at] ?? 'other')
}

function bad(name: string, what: string, line?: number): CuvetteError {
  return new CuvetteError('bad-data', `The wavelengths in ${name} cannot be used: ${what}.`, line === undefined ? {} : { where: `line ${line}` })
}
