import { numberList } from './envi-header'
import { normalisedUnit } from '../wavelengths'

/** What GDAL writes about bands into tag 42112 (and beside the file into .aux.xml). */
export interface BandMetadata {
  wavelengths: number[] | null
  wavelengthUnit: string | null
  fwhm: number[] | null
  /** 0-based. */
  badBands: number[]
  bandNames: string[] | null
  /** Divisor, where every band has the same scale and no offset. */
  scale: number | null
  /** One per band, where one divisor does not say it all. */
  gains: number[] | null
  offsets: number[] | null
  /** Items of the whole image in the domain ENVI, with spaces for underscores: map info, coordinate system string, ... */
  envi: Map<string, string>
  warnings: string[]
}

interface Item {
  name: string
  /** 0-based band; null for the image. */
  sample: number | null
  domain: string
  text: string
}

/**
 * Reads the items of `<GDALMetadata>`, and those of the .aux.xml file that lies beside the image where the first has none.
 * Nothing but items is looked at, so a damaged text gives what can be read of it.
 */
export function gdalMetadata(xml: string, auxiliary: string, bands: number): BandMetadata {
  const own = itemsOf(xml)
  const items = [...auxiliaryItems(auxiliary).filter(({ name }) => !own.some((item) => item.name.toLowerCase() === name.toLowerCase())), ...own]
  const warnings: string[] = []

  function perBand(...names: string[]): (string | null)[] | null {
    const values = new Array<string | null>(bands).fill(null)
    let found = false
    for (const { name, sample, text } of items) {
      if (sample === null || !names.includes(name.toLowerCase()) || sample >= bands) continue
      values[sample] = text
      found = true
    }
    if (found) return values
    // A list in braces for the whole image, as GDAL passes on from ENVI headers.
    const list = items.find(({ name, sample, text }) => sample === null && names.includes(name.toLowerCase()) && text.trim().startsWith('{'))
    const parts = list?.text.trim().replace(/^\{|\}$/g, '').split(',').map((part) => part.trim())
    return parts?.length === bands ? parts : null
  }

  function numbersOf(...names: string[]): number[] | null {
    const texts = perBand(...names)
    if (!texts) return null
    const numbers = texts.map((text) => (text === null ? null : numberList(text)?.[0] ?? null))
    if (numbers.every((value) => value !== null)) return numbers
    warnings.push(`The metadata gives "${names[0]}" for ${numbers.filter((value) => value !== null).length} of ${bands} bands; it is left out.`)
    return null
  }

  const micrometres = numbersOf('central_wavelength_um')
  const written = numbersOf('wavelength', 'wavelengths')
  const wavelengths = written ?? micrometres
  const units = [...new Set((perBand('wavelength_units', 'wavelength_unit', 'wavelengthunits') ?? []).map((unit) => normalisedUnit(unit)))]
  const whole = items.find(({ name, sample }) => sample === null && /^wavelength_?units?$/i.test(name))
  const unit = written ? (units.length === 1 ? units[0] : normalisedUnit(whole?.text)) : micrometres ? 'µm' : null
  if (units.length > 1) warnings.push(`The metadata gives wavelengths in several units (${units.join(', ')}); their unit is left open.`)
  const good = perBand('bbl')
  return {
    wavelengths,
    wavelengthUnit: unit,
    fwhm: numbersOf('fwhm') ?? (written ? null : numbersOf('fwhm_um')),
    badBands: (good ?? []).flatMap((flag, band) => (flag !== null && /^(0+(\.0*)?|false)$/i.test(flag.trim()) ? [band] : [])),
    bandNames: namesOf(perBand('description')),
    ...scaleOf(perBand('scale'), perBand('offset'), bands, warnings),
    envi: new Map(items.filter(({ sample, domain }) => sample === null && domain.toUpperCase() === 'ENVI').map(({ name, text }) => [name.toLowerCase().replaceAll('_', ' '), text])),
    warnings,
  }
}

function itemsOf(xml: string): Item[] {
  const items: Item[] = []
  for (const [, attributes, text] of xml.matchAll(/<Item\b([^>]*)>([^<]*)<\/Item>/g)) {
    const read = (name: string): string | null => new RegExp(`\\b${name}\\s*=\\s*"([^"]*)"`).exec(attributes)?.[1] ?? null
    const name = read('name')
    const sample = read('sample')
    if (name === null || (sample !== null && !/^\d+$/.test(sample))) continue
    items.push({ name: unescaped(name), sample: sample === null ? null : Number(sample), domain: unescaped(read('domain') ?? ''), text: unescaped(text) })
  }
  return items
}

/** `<MDI>` elements of bands, and the domain of the whole image. */
function auxiliaryItems(xml: string): Item[] {
  const items: Item[] = []
  for (const [, band, content] of xml.matchAll(/<PAMRasterBand\b[^>]*\bband="(\d+)"[^>]*>([^]*?)<\/PAMRasterBand>/g)) {
    for (const [, key, text] of content.matchAll(/<MDI\b[^>]*\bkey="([^"]*)"[^>]*>([^<]*)<\/MDI>/g)) {
      items.push({ name: unescaped(key), sample: Number(band) - 1, domain: '', text: unescaped(text) })
    }
  }
  return items.filter(({ sample }) => sample !== null && sample >= 0)
}

function namesOf(texts: (string | null)[] | null): string[] | null {
  return texts && texts.map((text, band) => text ?? `Band ${band + 1}`)
}

/** GDAL's scale multiplies; ours divides. */
function scaleOf(scales: (string | null)[] | null, offsets: (string | null)[] | null, bands: number, warnings: string[]): Pick<BandMetadata, 'scale' | 'gains' | 'offsets'> {
  const multipliers = (scales ?? new Array<string | null>(bands).fill(null)).map((text) => Number(text ?? 1))
  const added = (offsets ?? new Array<string | null>(bands).fill(null)).map((text) => Number(text ?? 0))
  const [first] = multipliers
  if (multipliers.every((multiplier) => multiplier === first) && added.every((offset) => offset === 0) && first > 0) {
    return { scale: first === 1 ? null : reciprocal(first), gains: null, offsets: null }
  }
  if (![...multipliers, ...added].every(Number.isFinite)) {
    warnings.push('The metadata gives gains or offsets that are not numbers; they are left out.')
    return { scale: null, gains: null, offsets: null }
  }
  warnings.push('The metadata gives gains or offsets for each band; the numbers are shown as stored.')
  return { scale: null, gains: multipliers, offsets: added }
}

/** 1/0.0001 as 10000: rounded where the rounded number says the same. */
export function reciprocal(value: number): number {
  const rounded = Number((1 / value).toPrecision(12))
  return Math.abs(rounded * value - 1) < 1e-12 ? rounded : 1 / value
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return entities[name] ?? whole
    const code = /^#x/i.test(name) ? parseInt(name.slice(2), 16) : Number(name.slice(1))
    return code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** No-data of tag 42113; NaN marks are no-data anyway. */
export function noDataOf(text: string | null): { noData: number | null; warning: string | null } {
  const trimmed = text?.trim() ?? ''
  if (trimmed === '' || /^-?nan$/i.test(trimmed)) return { noData: null, warning: null }
  const value = /^[+-]?inf/i.test(trimmed) ? (trimmed.startsWith('-') ? -Infinity : Infinity) : Number(trimmed)
  if (!Number.isNaN(value)) return { noData: value, warning: null }
  return { noData: null, warning: `The no-data tag holds "${trimmed.slice(0, 40)}", which is not a number; it is left out.` }
}
