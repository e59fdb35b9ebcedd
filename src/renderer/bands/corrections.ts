import type { CubeEntry } from '../../shared/contract'
import type { Correctable, CubeCorrections } from '../../shared/cube'

// What a person says of a cube is kept as the difference to what its file says: what is said back is not kept.

/** What the cube's own file says, whatever was said of it. */
export function fileSays({ description }: Pick<CubeEntry, 'description'>): Correctable {
  if (description.fileSays) return description.fileSays
  const { badBands, wavelengths, wavelengthUnit, wavelengthUnitGuessed, fwhm, noData, scale } = description
  return { badBands, wavelengths, wavelengthUnit, wavelengthUnitGuessed, fwhm, noData, scale }
}

/** What holds: what is said, else the file. A unit that a person says is no guess. */
export function holds(file: Correctable, said: CubeCorrections): Correctable {
  return { ...file, ...said, wavelengthUnitGuessed: said.wavelengthUnit === undefined && file.wavelengthUnitGuessed }
}

/** The corrections with one more, or one less where the file says the same. A guessed unit is not said by the file. */
export function say<K extends keyof CubeCorrections>(file: Correctable, said: CubeCorrections, key: K, value: Exclude<CubeCorrections[K], undefined>): CubeCorrections {
  const sure = key !== 'wavelengthUnit' || !file.wavelengthUnitGuessed
  return sure && same(file[key], value) ? unsay(said, key) : { ...said, [key]: value }
}

export function unsay(said: CubeCorrections, key: keyof CubeCorrections): CubeCorrections {
  return Object.fromEntries(Object.entries(said).filter(([other]) => other !== key))
}

/** Whether two sets of corrections say the same, in whatever order. */
export function sameCorrections(one: CubeCorrections, other: CubeCorrections): boolean {
  const keys = Object.keys(one) as (keyof CubeCorrections)[]
  return keys.length === Object.keys(other).length && keys.every((key) => same(one[key], other[key]))
}

function same(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other
  return one.length === other.length && one.every((value, index) => value === other[index])
}
