import type { Interleave } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { BandAxis } from '../reference'
import type { Variable } from './variables'

// Which axis of an array is which: files of MATLAB, HDF5 and NetCDF do not say it in one way.

/** Positions in the shape of an array; no bands where it is an image. */
export interface Axes {
  lines: number
  samples: number
  bands: number | null
}

export interface Arrangement {
  axes: Axes
  /** A sentence where the choice is a guess; it says how to correct it. */
  warning: string | null
}

export interface ArrangementHints {
  path: string
  /** What the user wrote after "@bands=". */
  wanted: BandAxis | null
  /** Names of the axes, where the file gives them. */
  dimensions?: readonly (string | null)[]
  /** What is taken where nothing tells, and whether that is the convention of the format or a mere guess. */
  otherwise: BandAxis
  customary: boolean
}

const AXES: readonly BandAxis[] = ['first', 'middle', 'last']
const SPECTRAL = /^(n_?)?(bands?|wavelengths?|wave|wl|lambda|channels?|spectral.*|spectrum|spec)$/i

/**
 * The band axis of an array of three axes: the one that was named; otherwise the one whose name is spectral; the
 * one as long as a list of wavelengths; the one that an image of the size of the two others leaves; otherwise the
 * customary one. The two others are lines and samples, in their order.
 */
export function arrange(variable: Variable, variables: readonly Variable[], hints: ArrangementHints): Arrangement {
  const { path, wanted, dimensions = [], otherwise, customary } = hints
  const { name, shape } = variable
  if (shape.length === 2) {
    if (wanted) throw new CuvetteError('bad-argument', `The variable ${name} of ${path} has two axes, so none of them holds bands; leave out "@bands=${wanted}".`, { path, where: name })
    return { axes: { lines: 0, samples: 1, bands: null }, warning: null }
  }
  if (wanted) return { axes: axesOf(AXES.indexOf(wanted)), warning: null }
  const known = onlyOne(dimensions.map((dimension) => SPECTRAL.test(dimension ?? ''))) ?? byWavelengths(shape, variables)
  if (known !== null) return { axes: axesOf(known), warning: null }
  const guess = AXES.indexOf(otherwise)
  const order = [guess, ...[0, 1, 2].filter((axis) => axis !== guess)]
  const left = order.find((axis) => variables.some((other) => other.numeric && other.shape.length === 2 && isImage(other.shape, shape, axis)))
  if (left !== undefined) return { axes: axesOf(left), warning: null }
  const others = AXES.filter((axis) => axis !== otherwise)
  return {
    axes: axesOf(guess),
    warning: customary ? null : `Nothing in the file tells which axis of ${name} (${shape.join(' x ')}) holds the bands; the ${otherwise} is taken. If it is another, write #${name}@bands=${others[0]} or #${name}@bands=${others[1]}.`,
  }
}

function byWavelengths(shape: readonly number[], variables: readonly Variable[]): number | null {
  const lengths = new Set(variables.filter(isWavelengthList).map(({ shape: own }) => Math.max(...own)))
  return onlyOne(shape.map((size) => lengths.has(size)))
}

/** Names that lists of wavelengths have, in the last part of a path. */
const WAVELENGTHS = /^(.*[_ .-])?(wavelengths?|wave_?lengths?|wavelength_?(nm|um)|wave|wvls?|wl|lambdas?|(band_?|wavelength_?)cent(er|re)s?)$/i

/** Whether a variable is a list of wavelengths by its name and shape. */
export function isWavelengthList({ name, shape, numeric }: Variable): boolean {
  return numeric && isList(shape) && WAVELENGTHS.test(lastName(name))
}

/** One axis, or two of which one has length 1. */
export function isList(shape: readonly number[]): boolean {
  return shape.length >= 1 && shape.length <= 2 && shape.filter((size) => size > 1).length === 1
}

export function lastName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('.')) + 1)
}

function isImage(image: readonly number[], shape: readonly number[], bands: number): boolean {
  const [lines, samples] = shape.filter((_, axis) => axis !== bands)
  return image[0] === lines && image[1] === samples && lines > 1 && samples > 1
}

function onlyOne(flags: readonly boolean[]): number | null {
  return flags.filter(Boolean).length === 1 ? flags.indexOf(true) : null
}

function axesOf(bands: number): Axes {
  const [lines, samples] = [0, 1, 2].filter((axis) => axis !== bands)
  return { lines, samples, bands }
}

/** The interleave that the axes make, when the file lists them slowest first. */
export function interleaveOf({ bands }: Axes): Interleave {
  return bands === 1 ? 'bil' : bands === 2 ? 'bip' : 'bsq'
}
