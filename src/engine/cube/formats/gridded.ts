import type { CubeDataType, CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { OpenOptions } from '../cube'
import { parseVariable } from '../reference'
import type { Axes } from './arrangement'
import { arrange, interleaveOf } from './arrangement'
import { spectralFacts } from './spectral-facts'
import { reciprocal } from './tiff-metadata'
import type { Variable } from './variables'
import { chooseVariable, summaries } from './variables'

/** An array of a file that describes itself (HDF5, NetCDF). Axes as the file lists them, slowest first. */
export interface GriddedVariable extends Variable {
  /** Names of the axes; null where an axis has none. */
  dimensions: readonly (string | null)[]
  /** By name; texts and lists of numbers. */
  attributes: ReadonlyMap<string, string | readonly number[]>
  /** null for text, references, structures. */
  stored: CubeDataType | null
}

export interface Gridded<V> {
  variable: V
  dtype: CubeDataType
  axes: Axes
  description: CubeDescription
}

/** Longer lists are no bands of a cube, and are not read. */
const LARGEST_LIST = 65_536

/** Chooses the cube (or the mask) of a file, its axes, and what other arrays and attributes say of it. Throws as `chooseVariable`. */
export async function describeGridded<V extends GriddedVariable>(path: string, format: string, variables: readonly V[], options: OpenOptions, read: (variable: V) => Promise<number[]>): Promise<Gridded<V>> {
  const { name, bandAxis } = parseVariable(options.variable)
  // Paths inside the file may be written from the root.
  const variable = chooseVariable(variables, { ...options, variable: name?.replace(/^\/+/, '') ?? null }, path)
  const dtype = variable.stored
  if (!dtype) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const { axes, warning } = arrange(variable, variables, { path, wanted: bandAxis, dimensions: variable.dimensions, otherwise: 'first', customary: false })
  const bands = axes.bands === null ? 1 : variable.shape[axes.bands]
  const dimension = axes.bands === null ? null : variable.dimensions[axes.bands]
  const lists = bands > 1 && bands <= LARGEST_LIST ? variables : []
  const { warnings, ...facts } = await spectralFacts(bands, dimension, lists, read, unitOf)
  const { scale, stated } = scaleOf(variable)
  return {
    variable, dtype, axes,
    description: {
      path,
      variable: bandAxis ? `${variable.name}@bands=${bandAxis}` : variable.name,
      format,
      shape: [variable.shape[axes.lines], variable.shape[axes.samples], bands],
      dtype,
      interleave: interleaveOf(axes),
      ...facts,
      bandNames: null,
      defaultBands: null,
      noData: noDataOf(variable),
      scale,
      variables: summaries(variables),
      mask: null,
      warnings: [...(warning ? [warning] : []), ...warnings, ...stated],
    },
  }
}

function unitOf({ attributes }: GriddedVariable): string | null {
  for (const key of ['units', 'unit', 'Units', 'Unit']) {
    const value = attributes.get(key)
    if (typeof value === 'string') return value
  }
  return null
}

function numberOf({ attributes }: GriddedVariable, ...keys: string[]): number | null {
  for (const key of keys) {
    const value = attributes.get(key)
    if (value !== undefined && typeof value !== 'string' && value.length > 0) return value[0]
  }
  return null
}

/** NaN marks are no-data anyway. */
function noDataOf(variable: GriddedVariable): number | null {
  const value = numberOf(variable, '_FillValue', 'missing_value')
  return value === null || Number.isNaN(value) ? null : value
}

/** value = stored * scale_factor + add_offset (CF conventions, section 8.1); ours divides. */
function scaleOf(variable: GriddedVariable): { scale: number | null; stated: string[] } {
  const factor = numberOf(variable, 'scale_factor') ?? 1
  const offset = numberOf(variable, 'add_offset') ?? 0
  if (offset === 0 && factor > 0) return { scale: factor === 1 ? null : reciprocal(factor), stated: [] }
  return { scale: null, stated: [`${variable.name} has scale_factor ${factor} and add_offset ${offset}; the numbers are shown as stored.`] }
}
