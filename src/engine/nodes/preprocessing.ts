import { CuvetteError } from '../../shared/problem'
import { describe, image, number, vector } from './describe'
import type { NodeType, Parameters } from './node'
import { takeBands } from './take-bands'

/** Keeps the bands inside a range of wavelengths. Which ones is known when the graph is written. */
export const bandpassByWavelength: NodeType = {
  description: describe({
    type: 'BandpassByWavelength',
    family: 'preprocessing',
    role: 'transform',
    summary: 'Keeps the bands whose wavelength lies in a range, in their order.',
    formula: 'keep band i when min <= wavelength[i] <= max',
    source: 'cuvis.ai BandpassByWavelength.',
    inputs: [
      image('data', 'C', 'Cube.', { aliases: ['cube'] }),
      vector('wavelengths', 'C', 'Wavelengths of the bands; those of the cube when it is not connected.', { dtype: 'int32', optional: true }),
    ],
    outputs: [image('filtered', 'K', 'Cube with the bands that were kept.', { aliases: ['output'] })],
    parameters: [
      number('min_wavelength_nm', null, 'Shortest wavelength that is kept; null: no limit.', { nullable: true, unit: 'nm' }),
      number('max_wavelength_nm', null, 'Longest wavelength that is kept; null: no limit.', { nullable: true, unit: 'nm' }),
    ],
  }),
  locality: 'pixel',
  check(parameters) {
    const [low, high] = bounds(parameters)
    if (low > high) throw new CuvetteError('bad-pipeline', `The range starts at ${low} nm and ends at ${high} nm; the start must not be above the end.`, { where: 'min_wavelength_nm' })
  },
  channels(parameters, inputs, { wavelengthsNm }) {
    if (isOpen(parameters)) return { filtered: inputs.data }
    if (wavelengthsNm === undefined) return { filtered: -1 }
    return { filtered: keptBands(parameters, inputs.data, wavelengthsNm).length }
  },
  write(context) {
    const pixels = context.rows('data')
    if (isOpen(context.parameters)) return { filtered: pixels }
    return { filtered: takeBands(context.graph, pixels, keptBands(context.parameters, pixels.shape[1] as number, context.wavelengthsNm)) }
  },
}

/** Bands inside the range, 0-based. Throws when there are none, or when the wavelengths are not those of the data. */
export function keptBands(parameters: Parameters, channels: number, wavelengthsNm: readonly number[] | null): number[] {
  const [low, high] = bounds(parameters)
  const range = `${low === -Infinity ? '' : `from ${low} nm `}${high === Infinity ? '' : `to ${high} nm `}`.trim()
  if (!wavelengthsNm) {
    throw new CuvetteError('bad-pipeline', `The band-pass ${range} needs wavelengths, and the cube states none; attach wavelengths to the cube or remove the limits.`, { where: 'min_wavelength_nm' })
  }
  if (channels >= 0 && channels !== wavelengthsNm.length) {
    throw new CuvetteError('bad-pipeline', `The band-pass ${range} gets ${channels} channels but ${wavelengthsNm.length} wavelengths; it must come before any node that changes the bands.`)
  }
  const bands = wavelengthsNm.flatMap((wavelength, band) => (wavelength >= low && wavelength <= high ? [band] : []))
  if (bands.length === 0) {
    const [shortest, longest] = wavelengthsNm.reduce(([a, b], wavelength) => [Math.min(a, wavelength), Math.max(b, wavelength)], [Infinity, -Infinity])
    throw new CuvetteError('bad-pipeline', `The band-pass ${range} leaves no band of the cube, whose wavelengths run from ${shortest} nm to ${longest} nm; choose a range inside.`, { where: 'min_wavelength_nm' })
  }
  return bands
}

function bounds({ min_wavelength_nm: low, max_wavelength_nm: high }: Parameters): [number, number] {
  return [typeof low === 'number' ? low : -Infinity, typeof high === 'number' ? high : Infinity]
}

function isOpen(parameters: Parameters): boolean {
  return bounds(parameters).every((bound) => !Number.isFinite(bound))
}
