import { CuvetteError } from '../../../shared/problem'
import { guessedUnit, normalisedUnit } from '../wavelengths'

// Tables of spectra as people and instruments write them. Two forms:
//
//   wavelength (nm), grass, soil        one spectrum a column
//   450, 0.04, 0.11
//
//   name, 450, 460, 470                 one spectrum a line
//   grass, 0.04, 0.05, 0.06

/** What a table holds. */
export interface SpectraTable {
  names: string[]
  /** One per channel, as written. */
  wavelengths: number[]
  /** null where no title says it. */
  wavelengthUnit: string | null
  /** [channels] each; NaN where a cell is empty. Numbers are as written: percent stay percent. */
  spectra: Float64Array[]
  /** Sentences. */
  warnings: string[]
}

interface Row {
  /** 1-based. */
  line: number
  cells: string[]
}

/** Cells of a table; a library of a few thousand spectra stays far below. */
const MOST_CELLS = 16 * 2 ** 20
const LONGEST_NAME = 200

const UNIT = /(?:^|[\s_([/])(nm|nanomet(?:er|re)s?|µm|μm|um|micromet(?:er|re)s?|microns?|cm-1|cm\^-1|cm⁻¹|1\/cm|wavenumbers?|angstroms?)(?=$|[\s)\]_:])/i
const AXIS_TITLE = /wave|lambda|λ|^wl\b|^nm$|^µm$|^um$/i
const NAME_TITLE = /name|^id$|label|sample|spectrum|spectra|class|material|target/i
/** Columns that are no spectra. */
const OTHER_TITLE = /^(band|channel|no\.?|index|#)$|fwhm|band ?width/i
const EMPTY = /^(|nan|na|n\/a|null|-|--)$/i

/**
 * Reads a table of spectra in either form: separated by tabs, semicolons, commas or blanks; with a decimal comma where
 * something else separates; with or without a line of titles; lines that begin with #, % or // are comments, and those
 * with ; where it separates nothing. Columns of band numbers and of band widths are left out. Throws
 * CuvetteError('bad-data') with the line.
 */
export function parseSpectraTable(text: string, path: string): SpectraTable {
  const rows = rowsOf(text, path)
  if (rows.length === 0) throw bad(path, 'there is nothing in it')
  const [first] = rows
  const titled = first.cells.some(isWord)
  const body = titled ? rows.slice(1) : rows
  if (body.length === 0) throw bad(path, 'it has one line only; expected a line of titles and lines of numbers')
  for (const { line, cells } of body) {
    if (cells.length !== first.cells.length) throw bad(path, `line ${line} has ${cells.length} values where line ${first.line} has ${first.cells.length}`, line)
  }
  if (first.cells.length < 2) throw bad(path, `line ${first.line} has one value only`, first.line)
  return hasSpectraInLines(rows, titled) ? spectraInLines(rows, titled, path) : spectraInColumns(titled ? first : null, body, path)
}

/** Whether the first line holds the wavelengths rather than the first column. */
function hasSpectraInLines(rows: readonly Row[], titled: boolean): boolean {
  const [first, ...others] = rows
  const across = first.cells.slice(titled ? 1 : 0).map(wavelengthIn)
  if (!isAxis(across)) return false
  const down = (titled ? others : rows).map(({ cells }) => numberOf(cells[0]))
  if (!isAxis(down)) return true
  // Both could be: the corner says it. Without a word there, names that are numbers are rarer than a column of wavelengths.
  return titled && NAME_TITLE.test(first.cells[0]) && !AXIS_TITLE.test(first.cells[0])
}

/** Wavelengths, by their looks: positive numbers that rise or fall, in a range that some unit makes plausible. */
function isAxis(values: readonly number[]): boolean {
  if (values.length < 2 || !values.every((value) => value > 0 && Number.isFinite(value)) || guessedUnit(values) === null) return false
  const rises = values[1] > values[0]
  return values.every((value, at) => at === 0 || (rises ? value > values[at - 1] : value < values[at - 1]))
}

function spectraInColumns(title: Row | null, body: readonly Row[], path: string): SpectraTable {
  const titles = title?.cells ?? []
  const width = body[0].cells.length
  const stated = titles.findIndex((cell) => AXIS_TITLE.test(cell) && !OTHER_TITLE.test(cell))
  // Without a title that says it: the first column; the second where the first counts the bands.
  const counts = width > 2 && [0, 1].some((start) => body.every(({ cells }, at) => numberOf(cells[0]) === at + start))
  const axis = stated >= 0 ? stated : counts || OTHER_TITLE.test(titles[0] ?? '') ? 1 : 0
  const columns = Array.from({ length: width }, (_, at) => at).filter((at) => at !== axis && !OTHER_TITLE.test(titles[at] ?? '') && !(counts && at === 0))
  if (columns.length === 0) throw bad(path, 'it has a column of wavelengths, but none of values', title?.line)
  const wavelengths = body.map(({ line, cells }) => wavelengthOf(cells[axis], line, path))
  const spectra = columns.map((column) => Float64Array.from(body, ({ line, cells }) => valueOf(cells[column], line, path)))
  const names = columns.map((column, at) => nameOf(titles[column], at))
  return checked({ names, wavelengths, wavelengthUnit: normalisedUnit(UNIT.exec(titles[axis] ?? '')?.[1]), spectra, warnings: [] }, path)
}

/** `named`: a column of names comes first. */
function spectraInLines(rows: readonly Row[], named: boolean, path: string): SpectraTable {
  const [first, ...others] = rows
  const start = named ? 1 : 0
  const wavelengths = first.cells.slice(start).map(wavelengthIn)
  const spectra = others.map(({ line, cells }) => Float64Array.from(cells.slice(start), (cell) => valueOf(cell, line, path)))
  const names = others.map(({ cells }, at) => nameOf(named ? cells[0] : undefined, at))
  const unit = UNIT.exec(first.cells[0])?.[1] ?? /[a-zµμ]+$/i.exec(first.cells[1])?.[0]
  return checked({ names, wavelengths, wavelengthUnit: normalisedUnit(unit), spectra, warnings: [] }, path)
}

function checked(table: SpectraTable, path: string): SpectraTable {
  const empty = table.spectra.flatMap((spectrum, at) => (spectrum.every(Number.isNaN) ? [table.names[at]] : []))
  if (empty.length === table.spectra.length) throw bad(path, 'no spectrum has a number')
  return empty.length === 0 ? table : { ...table, warnings: [`The table holds no number for ${empty.slice(0, 5).join(', ')}${empty.length > 5 ? ` and ${empty.length - 5} more` : ''}.`] }
}

function nameOf(title: string | undefined, at: number): string {
  return title?.slice(0, LONGEST_NAME) || `Spectrum ${at + 1}`
}

function isWord(cell: string): boolean {
  return !EMPTY.test(cell) && Number.isNaN(numberOf(cell))
}

/** NaN for what is no number. */
function numberOf(cell: string): number {
  return cell === '' ? NaN : Number(cell)
}

/** The number of a title such as "450", "450.5 nm" or "X450". */
function wavelengthIn(cell: string): number {
  return Number(/^[Xx]?(\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?:nm|µm|μm|um|cm-1)?$/i.exec(cell)?.[1] ?? NaN)
}

function wavelengthOf(cell: string, line: number, path: string): number {
  const value = numberOf(cell)
  if (Number.isFinite(value) && value > 0) return value
  throw bad(path, `line ${line} holds "${cell.slice(0, 40)}" where a wavelength is expected, a number above 0`, line)
}

function valueOf(cell: string, line: number, path: string): number {
  if (EMPTY.test(cell)) return NaN
  const value = numberOf(cell)
  if (Number.isFinite(value)) return value
  throw bad(path, `line ${line} holds "${cell.slice(0, 40)}" where the value of a spectrum is expected`, line)
}

function rowsOf(text: string, path: string): Row[] {
  const written = text.replace(/^\ufeff/, '').split(/\r\n|\n|\r/).flatMap((line, index) => {
    const trimmed = line.trim()
    return trimmed === '' || /^(#|%|\/\/)/.test(trimmed) ? [] : [{ line: index + 1, text: line }]
  })
  const separator = separatorOf(written.map((row) => row.text).filter((line) => !line.trim().startsWith(';')))
  const rows: Row[] = []
  let cells = 0
  for (const { line, text: content } of written) {
    if (separator !== ';' && content.trim().startsWith(';')) continue
    const found = cellsOf(content, separator)
    cells += found.length
    if (cells > MOST_CELLS) throw bad(path, `it has more than the ${MOST_CELLS} values that a table of spectra may have`)
    rows.push({ line, cells: found })
  }
  // Some programs end every line with a separator.
  const runsOn = rows.length > 0 && rows.every((row) => row.cells.length > 1 && row.cells[row.cells.length - 1] === '')
  return runsOn ? rows.map((row) => ({ ...row, cells: row.cells.slice(0, -1) })) : rows
}

type Separator = '\t' | ';' | ',' | ' '

/** What separates most of the last lines: titles come first. */
function separatorOf(lines: readonly string[]): Separator {
  const sample = lines.slice(-5).map((line) => line.replace(/"[^"]*"/g, ''))
  const inMost = (mark: string): boolean => sample.filter((line) => line.includes(mark)).length * 2 > sample.length
  if (inMost('\t')) return '\t'
  if (inMost(';')) return ';'
  // "450,5 0,12": blanks separate, and the comma stands before decimals.
  const numeric = sample.filter((line) => /^\s*[+-]?\d/.test(line))
  if (numeric.length > 0 && numeric.every((line) => /^\s*[+-]?\d+(,\d+)?(\s+[+-]?\d+(,\d+)?(e[+-]?\d+)?)+\s*$/i.test(line))) return ' '
  return inMost(',') ? ',' : ' '
}

function cellsOf(line: string, separator: Separator): string[] {
  const parts = separator === ' ' ? line.trim().match(/"[^"]*"|\S+/g) ?? [] : splitQuoted(line, separator)
  const cells = parts.map((cell) => cell.trim().replace(/^"(.*)"$/s, '$1').trim())
  return separator === ',' ? cells : cells.map((cell) => (/^[+-]?\d*,\d+(e[+-]?\d+)?$/i.test(cell) ? cell.replace(',', '.') : cell))
}

function splitQuoted(line: string, separator: string): string[] {
  if (!line.includes('"')) return line.split(separator)
  const cells: string[] = []
  let start = 0
  let quoted = false
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === '"') quoted = !quoted
    else if (line[at] === separator && !quoted) {
      cells.push(line.slice(start, at))
      start = at + 1
    }
  }
  return [...cells, line.slice(start)]
}

function bad(path: string, what: string, line?: number): CuvetteError {
  return new CuvetteError('bad-data', `${path} cannot be read as a table of spectra: ${what}; expected a column of wavelengths and one column for each spectrum, or a line of wavelengths and one line for each spectrum.`, { path, ...(line !== undefined && { where: `line ${line}` }) })
}
