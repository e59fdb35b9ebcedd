import type { ClassDescription, CubeDataType, Interleave } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { BYTES_PER_ELEMENT } from '../numbers'
import { guessedUnit, normalisedUnit } from '../wavelengths'
import type { EnviHeader } from './envi-header'
import { nameList, numberList } from './envi-header'

/** Of a classification in 16 bits. */
const MOST_CLASSES = 65_536

/** Codes of "data type" in ENVI headers. */
export const ENVI_DATA_TYPES: Record<number, CubeDataType> = {
  1: 'uint8', 2: 'int16', 3: 'int32', 4: 'float32', 5: 'float64', 6: 'complex64', 9: 'complex128',
  12: 'uint16', 13: 'uint32', 14: 'int64', 15: 'uint64',
}

/** What an ENVI header says, understood. */
export interface EnviFields {
  lines: number
  samples: number
  bands: number
  dtype: CubeDataType
  interleave: Interleave
  littleEndian: boolean
  headerOffset: number
  compressed: boolean
  /** Bytes that the data file must hold, with the offset. */
  dataBytes: number
  wavelengths: number[] | null
  wavelengthUnit: string | null
  wavelengthUnitGuessed: boolean
  fwhm: number[] | null
  bandNames: string[] | null
  badBands: number[]
  defaultBands: number[] | null
  noData: number | null
  scale: number | null
  gains: number[] | null
  offsets: number[] | null
  classes: ClassDescription[] | null
  /** Names of the spectra of a spectral library, which is read as a cube of one sample: (spectra, 1, channels). */
  spectra: string[] | null
  warnings: string[]
}

/** Reads the meaning of a header. Throws CuvetteError: 'bad-header' or 'unsupported'. */
export function enviFields(header: EnviHeader): EnviFields {
  const { path, entries } = header
  const warnings = [...header.warnings]
  refuseOtherFileTypes(header)

  const { lines, samples, bands, spectra } = readSizes(header)
  const code = wholeNumber(header, 'data type', 0)
  const dtype = ENVI_DATA_TYPES[code]
  if (!dtype) {
    throw new CuvetteError('bad-header', `${path}: data type ${code} is unknown; expected one of ${Object.keys(ENVI_DATA_TYPES).join(', ')}.`, { path, where: 'data type' })
  }
  const headerOffset = entries.has('header offset') ? wholeNumber(header, 'header offset', 0) : 0
  for (const key of ['major frame offsets', 'minor frame offsets']) {
    if (numberList(entries.get(key)?.text ?? '')?.some((offset) => offset !== 0)) {
      throw new CuvetteError('unsupported', `${path} has "${key}", which cannot be read; save the image again without frame offsets.`, { path, where: key })
    }
  }
  const dataBytes = headerOffset + lines * samples * bands * BYTES_PER_ELEMENT[dtype]
  if (!Number.isSafeInteger(dataBytes)) {
    throw new CuvetteError('bad-header', `${path}: ${lines} lines x ${samples} samples x ${bands} bands is larger than any file; correct the header.`, { path, where: 'lines' })
  }
  // The one band of a library has a name; its channels have none.
  const bandNames = spectra ? null : readBandNames(header, bands, warnings)
  const gains = perBand(header, 'data gain values', bands, warnings)
  const offsets = perBand(header, 'data offset values', bands, warnings)
  if (entries.get('data gain values')?.text || entries.get('data offset values')?.text) {
    warnings.push('The header gives gains or offsets for each band; the numbers are shown as stored.')
  }

  return {
    lines, samples, bands, dtype, headerOffset, dataBytes, bandNames, gains, offsets, spectra, warnings,
    ...readWavelengths(header, bands, bandNames, warnings),
    // A spectrum of a library lies in one line, channel after channel.
    interleave: spectra ? 'bip' : readInterleave(header),
    littleEndian: readByteOrder(header, BYTES_PER_ELEMENT[dtype] > 1, warnings),
    compressed: entries.has('file compression') && wholeNumber(header, 'file compression', 0) !== 0,
    fwhm: perBand(header, 'fwhm', bands, warnings),
    badBands: readBadBands(header, bands, warnings),
    defaultBands: readDefaultBands(header, bands, warnings),
    noData: optionalNumber(header, 'data ignore value', warnings),
    scale: readScale(header, warnings),
    classes: readClasses(header, warnings),
  }
}

/** A spectral library states its spectra as lines and their channels as samples of one band. */
function readSizes(header: EnviHeader): { lines: number; samples: number; bands: number; spectra: string[] | null } {
  const samples = wholeNumber(header, 'samples', 1)
  const lines = wholeNumber(header, 'lines', 1)
  const bands = wholeNumber(header, 'bands', 1)
  if (!isLibrary(header)) return { lines, samples, bands, spectra: null }
  if (bands !== 1) {
    throw new CuvetteError('bad-header', `${header.path} is an ENVI spectral library with ${bands} bands; a library has one, its spectra are the lines and their channels the samples.`, { path: header.path, where: 'bands' })
  }
  return { lines, samples: 1, bands: samples, spectra: nameList(header.entries.get('spectra names')?.text ?? '', lines) ?? [] }
}

function isLibrary({ entries }: EnviHeader): boolean {
  return (entries.get('file type')?.text.toLowerCase() ?? '').includes('spectral library')
}

/** Classes of a classification: "class names", and "class lookup" with red, green and blue of each. */
function readClasses({ entries }: EnviHeader, warnings: string[]): ClassDescription[] | null {
  const lookup = numberList(entries.get('class lookup')?.text ?? '') ?? []
  const stated = Number(entries.get('classes')?.text ?? NaN)
  const text = entries.get('class names')?.text ?? ''
  const count = Number.isSafeInteger(stated) && stated >= 1 ? stated : text.split(',').filter((name) => name.trim() !== '').length
  if (count === 0) return null
  if (count > MOST_CLASSES) {
    warnings.push(`"classes" is ${count}; names and colours of up to ${MOST_CLASSES} classes are read, so they are left out.`)
    return null
  }
  const names = nameList(text, count)
  if (text !== '' && !names) warnings.push(`"class names" does not list ${count} names, one for each class; it is left out.`)
  const colours = lookup.length === 3 * count && lookup.every((part) => Number.isInteger(part) && part >= 0 && part <= 255)
  if (lookup.length > 0 && !colours) warnings.push(`"class lookup" does not list red, green and blue from 0 to 255 for each of ${count} classes; it is left out.`)
  return Array.from({ length: count }, (_, id) => ({ id, name: names?.[id] ?? null, colour: colours ? [lookup[3 * id], lookup[3 * id + 1], lookup[3 * id + 2]] : null }))
}

function refuseOtherFileTypes({ path, entries }: EnviHeader): void {
  const type = entries.get('file type')?.text.toLowerCase() ?? ''
  if (/meta|tiff|nitf|hdf|jpeg|jp2|mrsid|virtual/.test(type)) {
    throw new CuvetteError('unsupported', `${path}: the file type "${entries.get('file type')?.text}" cannot be read; save the image as ENVI Standard.`, { path, where: 'file type' })
  }
}

function wholeNumber({ path, entries }: EnviHeader, key: string, minimum: number): number {
  const text = entries.get(key)?.text
  if (text === undefined || text === '') {
    throw new CuvetteError('bad-header', `${path} has no "${key}"; an ENVI header gives samples, lines, bands, data type and interleave.`, { path, where: key })
  }
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= minimum) return value
  throw new CuvetteError('bad-header', `${path}: "${key}" is "${text}"; expected a whole number from ${minimum}.`, { path, where: key })
}

function optionalNumber({ entries }: EnviHeader, key: string, warnings: string[]): number | null {
  const text = entries.get(key)?.text
  if (!text) return null
  if (/^nan$/i.test(text)) return null
  const value = Number(text)
  if (!Number.isNaN(value)) return value
  warnings.push(`"${key}" is "${text}", which is not a number; it is left out.`)
  return null
}

function readInterleave({ path, entries }: EnviHeader): Interleave {
  const text = entries.get('interleave')?.text
  const value = text?.toLowerCase()
  if (value === 'bsq' || value === 'bil' || value === 'bip') return value
  if (!text) {
    throw new CuvetteError('bad-header', `${path} has no "interleave"; an ENVI header gives samples, lines, bands, data type and interleave.`, { path, where: 'interleave' })
  }
  throw new CuvetteError('bad-header', `${path}: the interleave "${text}" is unknown; expected bsq, bil or bip.`, { path, where: 'interleave' })
}

function readByteOrder({ path, entries }: EnviHeader, matters: boolean, warnings: string[]): boolean {
  const text = entries.get('byte order')?.text
  if (!text) {
    if (matters) warnings.push('The header does not give the byte order; little-endian (0) is assumed.')
    return true
  }
  if (Number(text) === 0) return true
  if (Number(text) === 1) return false
  throw new CuvetteError('bad-header', `${path}: the byte order "${text}" is unknown; expected 0 (little-endian) or 1 (big-endian).`, { path, where: 'byte order' })
}

function perBand({ entries }: EnviHeader, key: string, bands: number, warnings: string[]): number[] | null {
  const text = entries.get(key)?.text
  if (!text) return null
  const numbers = numberList(text)
  if (!numbers) warnings.push(`"${key}" holds something that is not a number; it is left out.`)
  else if (numbers.length !== bands) warnings.push(`"${key}" lists ${numbers.length} values for ${bands} bands; it is left out.`)
  else return numbers
  return null
}

type Wavelengths = Pick<EnviFields, 'wavelengths' | 'wavelengthUnit' | 'wavelengthUnitGuessed'>

function readWavelengths(header: EnviHeader, bands: number, names: string[] | null, warnings: string[]): Wavelengths {
  const wavelengths = perBand(header, 'wavelength', bands, warnings)
  if (!wavelengths) {
    const named = names && wavelengthsInNames(names)
    if (!named) return { wavelengths: null, wavelengthUnit: null, wavelengthUnitGuessed: false }
    const guess = named.wavelengthUnitGuessed ? `, and ${named.wavelengthUnit} is assumed from the values` : ''
    warnings.push(`The header has no usable "wavelength"; the wavelengths are taken from the band names${guess}.`)
    return named
  }
  const written = header.entries.get('wavelength units')?.text
  const unit = normalisedUnit(written)
  if (unit) return { wavelengths, wavelengthUnit: unit, wavelengthUnitGuessed: false }
  const guess = guessedUnit(wavelengths)
  const found = written ? `gives the wavelength unit as "${written}"` : 'does not give the wavelength unit'
  warnings.push(guess ? `The header ${found}; ${guess} is assumed from the values.` : `The header ${found}, and the values do not tell it.`)
  return { wavelengths, wavelengthUnit: guess, wavelengthUnitGuessed: guess !== null }
}

/** "376.44 Nanometers" in every name, with one unit; or a rising number in parentheses at the end of every name: "Resize (Band 1) (426.82)". */
function wavelengthsInNames(names: readonly string[]): Wavelengths | null {
  const found = names.map((name) => /(\d+(?:\.\d+)?)\s*(nm|nanomet(?:er|re)s?|µm|um|micromet(?:er|re)s?|microns?)(?![a-z])/i.exec(name))
  const units = new Set(found.map((match) => normalisedUnit(match?.[2])))
  const [unit] = units
  if (units.size === 1 && unit !== null) return { wavelengths: found.map((match) => Number(match?.[1])), wavelengthUnit: unit, wavelengthUnitGuessed: false }
  const bare = names.map((name) => Number(/\((\d+(?:\.\d+)?)\)\s*$/.exec(name)?.[1] ?? NaN))
  const guess = guessedUnit(bare)
  if (bare.length < 2 || guess === null || bare.some((value, band) => band > 0 && !(value > bare[band - 1]))) return null
  return { wavelengths: bare, wavelengthUnit: guess, wavelengthUnitGuessed: true }
}

function readBandNames({ entries }: EnviHeader, bands: number, warnings: string[]): string[] | null {
  const text = entries.get('band names')?.text
  if (!text) return null
  const names = nameList(text, bands)
  if (!names) warnings.push(`"band names" does not list ${bands} names, one for each band; it is left out.`)
  return names
}

/** 1 is good, 0 is bad; floats and words occur. */
function readBadBands({ entries }: EnviHeader, bands: number, warnings: string[]): number[] {
  const text = entries.get('bbl')?.text
  if (!text) return []
  const flags = numberList(text.replace(/\btrue\b/gi, '1').replace(/\bfalse\b/gi, '0'))
  if (!flags || flags.length !== bands) {
    warnings.push(flags ? `"bbl" lists ${flags.length} values for ${bands} bands; it is left out.` : '"bbl" holds something that is not a number; it is left out.')
    return []
  }
  return flags.flatMap((flag, band) => (flag === 0 ? [band] : []))
}

/** 1-based, except where a 0 shows that somebody counted from 0. */
function readDefaultBands({ entries }: EnviHeader, bands: number, warnings: string[]): number[] | null {
  const text = entries.get('default bands')?.text
  if (!text) return null
  const listed = numberList(text)
  if (listed && (listed.length === 1 || listed.length === 3)) {
    const first = listed.includes(0) ? 0 : 1
    const chosen = listed.map((band) => band - first)
    if (chosen.every((band) => Number.isInteger(band) && band >= 0 && band < bands)) return chosen
  }
  warnings.push(`"default bands" is "${text}", expected one or three bands of ${bands}; it is left out.`)
  return null
}

function readScale(header: EnviHeader, warnings: string[]): number | null {
  const scale = optionalNumber(header, 'reflectance scale factor', warnings)
  if (scale === null || (scale > 0 && Number.isFinite(scale))) return scale
  warnings.push(`"reflectance scale factor" is ${scale}, expected a number above 0; it is left out.`)
  return null
}
