import { guessedUnit, normalisedUnit } from '../wavelengths'
import { isList, isWavelengthList, lastName } from './arrangement'
import type { Variable } from './variables'

/** What lists beside a cube in the same file say of its bands. */
export interface SpectralFacts {
  wavelengths: number[] | null
  wavelengthUnit: string | null
  wavelengthUnitGuessed?: boolean
  fwhm: number[] | null
  /** 0-based. */
  badBands: number[]
  warnings: string[]
}

const WIDTHS = /^(.*[_ ])?(fwhms?|full_?width(_half_max(imum)?)?|bandwidths?)$/i
const GOOD = /^(good_?wavelengths?|good_?bands?|bbl)$/i

/**
 * Looks for the lists of a cube of so many bands: wavelengths, widths, flags of good bands (0 is bad). `dimension`: the
 * name of the band axis, whose own list counts where its unit is a length. Only what is taken is read.
 */
export async function spectralFacts<V extends Variable>(
  bands: number,
  dimension: string | null,
  variables: readonly V[],
  read: (variable: V) => Promise<number[]>,
  unitOf: (variable: V) => string | null,
): Promise<SpectralFacts> {
  const lists = variables.filter(({ numeric, shape }) => numeric && isList(shape) && Math.max(...shape) === bands)
  const named = lists.filter((list) => isWavelengthList(list))
  // "wavelengths" rather than "raw_wavelength".
  const wavelengthList = named.sort((a, b) => lastName(a.name).length - lastName(b.name).length)[0] ?? lists.find((list) => list.name === dimension && isLength(unitOf(list)))
  const facts: SpectralFacts = { wavelengths: null, wavelengthUnit: null, fwhm: null, badBands: [], warnings: [] }
  if (wavelengthList) {
    facts.wavelengths = await read(wavelengthList)
    facts.wavelengthUnit = normalisedUnit(unitOf(wavelengthList) ?? /_(nm|um)$/i.exec(wavelengthList.name)?.[1])
    if (!facts.wavelengthUnit) {
      facts.wavelengthUnit = guessedUnit(facts.wavelengths)
      if (facts.wavelengthUnit) facts.wavelengthUnitGuessed = true
      facts.warnings.push(facts.wavelengthUnit ? `The unit of ${wavelengthList.name} is not given; ${facts.wavelengthUnit} is assumed from the values.` : `The unit of ${wavelengthList.name} is not given, and the values do not tell it.`)
    }
  }
  const widths = lists.find(({ name }) => WIDTHS.test(lastName(name)))
  if (widths) facts.fwhm = await read(widths)
  const good = lists.find(({ name }) => GOOD.test(lastName(name)))
  if (good) facts.badBands = (await read(good)).flatMap((flag, band) => (flag === 0 ? [band] : []))
  return facts
}

function isLength(unit: string | null): boolean {
  return ['nm', 'µm', 'mm', 'cm', 'm', 'Å', 'cm⁻¹'].includes(normalisedUnit(unit) ?? '')
}
