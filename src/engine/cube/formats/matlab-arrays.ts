import type { CubeDataType, CubeDescription } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { OpenOptions } from '../cube'
import { parseVariable } from '../reference'
import type { Axes } from './arrangement'
import { arrange, interleaveOf } from './arrangement'
import { spectralFacts } from './spectral-facts'
import type { Variable } from './variables'
import { chooseVariable, summaries } from './variables'

/** Chooses the cube (or the mask) of a MATLAB file, its axes, and the lists beside it. `shape` as MATLAB shows it, first axis fastest. */
export async function describeMatlab<V extends Variable & { stored: CubeDataType | null }>(
  path: string, format: string, variables: readonly V[], options: OpenOptions, read: (variable: V) => Promise<number[]>,
): Promise<{ variable: V; axes: Axes; description: CubeDescription }> {
  const { name, bandAxis } = parseVariable(options.variable)
  const variable = chooseVariable(variables, { ...options, variable: name }, path)
  if (!variable.stored) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const { axes, warning } = arrange(variable, variables, { path, wanted: bandAxis, otherwise: 'last', customary: true })
  const bands = axes.bands === null ? 1 : variable.shape[axes.bands]
  const { warnings, ...facts } = await spectralFacts(bands, null, bands > 1 ? variables : [], read, () => null)
  // Slowest first is the other way round.
  const interleave = axes.bands === null ? 'bsq' : interleaveOf({ ...axes, bands: 2 - axes.bands })
  return {
    variable, axes,
    description: {
      path,
      variable: bandAxis ? `${variable.name}@bands=${bandAxis}` : variable.name,
      format,
      shape: [variable.shape[axes.lines], variable.shape[axes.samples], bands],
      dtype: variable.stored,
      interleave,
      ...facts,
      bandNames: null,
      defaultBands: null,
      noData: null,
      scale: null,
      variables: summaries(variables),
      mask: null,
      warnings: [...(warning ? [warning] : []), ...warnings],
    },
  }
}
