import type { CubeDataType, Interleave } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { BYTES_PER_ELEMENT } from '../numbers'
import { guessedUnit, normalisedUnit } from '../wavelengths'
import type { EnviHeader } from './envi-header'
import { nameList, numberList } from './envi-header'

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
  fwhm: number[] | null
  bandNames: string[] | null
  badBands: number[]
  defaultBands: number[] | null
  noData: number | null
  scale: number | null
  warnings: string[]
}

/** Reads the meaning of a header. Throws CuvetteError: 'bad-header', 'unsupported', or 'not-a-cube' for a spectral library. */
export function enviFields(header: EnviHeader): EnviFields {
  const { path, entries } = header
  const warnings = [...header.warnings]
  refuseOtherFileTypes(header)

  const samples = wholeNumber(header, 'samples', 1)
  const lines = wholeNumber(header, 'lines', 1)
  const bands = wholeNumber(header, 'bands', 1)
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
  const bandNames = readBandNames(header, bands, warnings)
  const { wavelengths, wavelengthUnit } = readWavelengths(header, bands, bandNames, warnings)
  if (entries.get('data gain values')?.text || entries.get('data offset values')?.text) {
    warnings.push('The header gives gains or offsets for each band; the numbers are shown as stored.')
  }

  return {
    lines, samples, bands, dtype, headerOffset, dataBytes, bandNames, wavelengths, wavelengthUnit, warnings,
    interleave: readInterleave(header),
    littleEndian: readByteOrder(header, BYTES_PER_ELEMENT[dtype] > 1, warnings),
    compressed: entries.has('file compression') && wholeNumber(header, 'file compression', 0) !== 0,
    fwhm: perBand(header, 'fwhm', bands, warnings),
    badBands: readBadBands(header, bands, warnings),
    defaultBands: readDefaultBands(header, bands, warnings),
    noData: optionalNumber(header, 'data ignore value', warnings),
    scale: readScale(header, warnings),
  }
}

function refuseOtherFileTypes({ path, entries }: EnviHeader): void {
  const type = entries.get('file type')?.text.toLowerCase() ?? ''
  if (type.includes('spectral library')) {
    const spectra = entries.get('lines')?.text
    throw new CuvetteError('not-a-cube', `${path} is an ENVI spectral library${spectra ? ` of ${spectra} spectra` : ''}, not a cube; open an image instead.`, { path, where: 'file type' })
  }
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

function readWavelengths(header: EnviHeader, bands: number, names: string[] | null, warnings: string[]): { wavelengths: number[] | null; wavelengthUnit: string | null } {
  const wavelengths = perBand(header, 'wavelength', bands, warnings)
  if (!wavelengths) {
    const named = names && wavelengthsInNames(names)
    if (named) warnings.push('The header has no usable "wavelength"; the wavelengths are taken from the band names.')
    return named || { wavelengths: null, wavelengthUnit: null }
  }
  const written = header.entries.get('wavelength units')?.text
  const unit = normalisedUnit(written)
  if (unit) return { wavelengths, wavelengthUnit: unit }
  const guess = guessedUnit(wavelengths)
  const found = written ? `gives the wavelength unit as "${written}"` : 'does not give the wavelength unit'
  warnings.push(guess ? `The header ${found}; ${guess} is assumed from the values.` : `The header ${found}, and the values do not tell it.`)
  return { wavelengths, wavelengthUnit: guess }
}

/** "376.44 Nanometers" in every name, with one unit. */
function wavelengthsInNames(names: readonly string[]): { wavelengths: number[]; wavelengthUnit: string | null } | null {
  const found = names.map((name) => /(\d+(?:\.\d+)?)\s*(nm|nanomet(?:er|re)s?|µm|um|micromet(?:er|re)s?|microns?)(?![a-z])/i.exec(name))
  const units = new Set(found.map((match) => normalisedUnit(match?.[2])))
  const [unit] = units
  if (units.size !== 1 || unit === null) return null
  return { wavelengths: found.map((match) => Number(match?.[1])), wavelengthUnit: unit }
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
