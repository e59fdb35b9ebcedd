import type { CubeDataType, CubeDescription, VariableSummary } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { OpenOptions } from '../cube'
import { BYTES_PER_ELEMENT } from '../numbers'

/** A variable of a file, as far as the choice of the cube needs it. */
export interface Variable extends VariableSummary {
  /** Real numbers or logical values in a plain array. */
  numeric: boolean
}

/** What a column-major array (lines, samples, bands) says of itself: its size and type, and no spectral facts. */
export function describeArray(path: string, format: string, { name, shape: [lines, samples, bands = 1] }: Variable, dtype: CubeDataType, variables: readonly Variable[]): CubeDescription {
  return {
    path,
    variable: name,
    format,
    shape: [lines, samples, bands],
    dtype,
    interleave: 'bsq',
    wavelengths: null,
    wavelengthUnit: null,
    fwhm: null,
    bandNames: null,
    badBands: [],
    defaultBands: null,
    noData: null,
    scale: null,
    variables: summaries(variables),
    mask: null,
    warnings: [],
  }
}

/** The variable that the options ask for: the cube, or the mask of a cube. */
export function chooseVariable<V extends Variable>(variables: readonly V[], options: OpenOptions, path: string): V {
  const wanted = options.variable ?? null
  return options.maskFor ? chooseMask(variables, wanted, options.maskFor, path) : chooseCube(variables, wanted, path)
}

/**
 * The variable that is the cube: the one that was named, otherwise the largest numeric array with three
 * axes. Throws CuvetteError('not-a-cube' | 'bad-argument') with the list of what is there.
 */
function chooseCube<V extends Variable>(variables: readonly V[], wanted: string | null, path: string): V {
  if (wanted !== null) return namedCube(variables, wanted, path)
  const cubes = variables.filter(({ numeric, shape }) => numeric && shape.length === 3 && shape.every((size) => size > 0))
  if (cubes.length === 0) {
    throw new CuvetteError('not-a-cube', `${path} holds no numeric array with three axes (lines, samples, bands); ${listed(variables)}${flattened(variables)}.`, { path })
  }
  const largest = Math.max(...cubes.map(elements))
  const best = cubes.filter((cube) => elements(cube) === largest)
  if (best.length === 1) return best[0]
  throw new CuvetteError(
    'bad-argument',
    `${path} holds several cubes of the same size (${best.map(({ name }) => name).join(', ')}); choose one by writing its name after "#", as in ${path}#${best[0].name}.`,
    { path },
  )
}

/** An image whose lines and samples were made one axis is common; it cannot be told apart from an image for sure. */
function flattened(variables: readonly Variable[]): string {
  const flat = variables.find(({ numeric, shape }) => numeric && shape.length === 2 && shape[1] >= 8 && shape[0] >= 4 * shape[1])
  return flat ? `; if ${flat.name} is pixels x bands, save it as lines x samples x bands` : ''
}

function namedCube<V extends Variable>(variables: readonly V[], wanted: string, path: string): V {
  const place = { path, where: wanted }
  const found = variables.find(({ name }) => name === wanted)
  if (!found) throw new CuvetteError('bad-argument', `${path} has no variable "${wanted}"; ${listed(variables)}.`, place)
  // MATLAB drops a last axis of length 1, so an image of one band has two axes.
  const usable = found.numeric && (found.shape.length === 2 || found.shape.length === 3) && found.shape.every((size) => size > 0)
  if (usable) return found
  throw new CuvetteError('not-a-cube', `The variable ${summary(found)} of ${path} is not a cube; expected a numeric array with three axes (lines, samples, bands).`, place)
}

/** The named array, or the only one with two axes of the size of the cube. Throws CuvetteError('bad-mask'). */
function chooseMask<V extends Variable>(variables: readonly V[], wanted: string | null, size: readonly [number, number], path: string): V {
  const images = variables.filter(({ numeric, shape }) => numeric && shape.length === 2)
  if (wanted !== null) {
    const named = images.find(({ name }) => name === wanted)
    if (named) return named
    throw new CuvetteError('bad-mask', `${path} has no mask "${wanted}"; expected a numeric array with two axes, but ${listed(variables)}.`, { path, where: wanted })
  }
  const fitting = images.filter((image) => couldBeMask(image, size))
  if (fitting.length === 1) return fitting[0]
  if (fitting.length === 0 && images.length === 1) return images[0]
  const problem = fitting.length > 1
    ? `holds several masks of that size (${fitting.map(({ name }) => name).join(', ')}); choose one by writing its name after "#"`
    : `holds no mask of ${size[0]} lines x ${size[1]} samples; ${listed(variables)}`
  throw new CuvetteError('bad-mask', `${path} ${problem}.`, { path })
}

/** Whether an array could be the mask of a cube of that size: numeric, two axes, equal. */
export function couldBeMask({ shape, dtype }: VariableSummary, [lines, samples]: readonly [number, number]): boolean {
  return (dtype === 'logical' || dtype === 'bool' || dtype in BYTES_PER_ELEMENT) && shape.length === 2 && shape[0] === lines && shape[1] === samples
}

/** "it holds data (100 x 100 x 191 uint16), map (100 x 100 uint8)" */
export function listed(variables: readonly VariableSummary[]): string {
  if (variables.length === 0) return 'it holds no variables'
  const shown = variables.slice(0, 12).map(summary)
  if (variables.length > shown.length) shown.push(`and ${variables.length - shown.length} more`)
  return `it holds ${shown.join(', ')}`
}

function summary({ name, shape, dtype }: VariableSummary): string {
  return `${name} (${shape.length === 0 ? dtype : `${shape.join(' x ')} ${dtype}`})`
}

function elements({ shape }: VariableSummary): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** As descriptions list them. */
export function summaries(variables: readonly Variable[]): VariableSummary[] {
  return variables.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }))
}
