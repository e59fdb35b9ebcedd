import type { ParameterDescription, PortDescription } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import type { Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { image, matrix, namedNumbers, vector } from './describe'
import type { Measurement, NodeType, Parameters, WriteContext } from './node'
import { render, renderingFit, renderingParameters, renderingState } from './rendering'

// What the false-colour selectors share. A selection is a matrix of shares [rows, bands]: how much of every band goes
// into each colour.

export interface Selection {
  rows: number
  bands: number
  /** [rows, bands], row-major. */
  shares: Float64Array
}

export const COLORS = ['red', 'green', 'blue'] as const

export const cubePorts: PortDescription[] = [
  image('cube', 'C', 'Cube.', { aliases: ['data'] }),
  vector('wavelengths', 'C', 'Wavelengths of the bands; those of the cube when it is not connected.', { dtype: 'int32', optional: true }),
]

/** The picture, and what it is made of; `rows` names the rows of the selection. */
export function colorPorts(rows: readonly string[]): PortDescription[] {
  return [
    image('rgb_image', 3, 'Red, green and blue.', { aliases: ['rgb', 'output'] }),
    ...selectionPorts(rows),
  ]
}

export function selectionPorts(rows: readonly string[]): PortDescription[] {
  return [
    matrix('selection_weights', rows.length, 'C', `Share of every band in ${rows.join(', ')}.`),
    vector('band_wavelengths_nm', rows.length, 'Mean wavelength of the bands of each row of the selection, in nanometres; NaN where there is none.'),
    namedNumbers('band_info', `<row>/band (counted from 0, of the largest share), <row>/bands (how many) and <row>/nm for ${rows.join(', ')}.`),
  ]
}

/** Reports what a selection is made of. */
export function bandInfo(rows: readonly string[]): Measurement {
  return {
    ports: ['selection_weights', 'band_wavelengths_nm'],
    measure(_parameters, { selection_weights: weights, band_wavelengths_nm: wavelengths }) {
      const bands = weights.shape[1]
      return Object.fromEntries(rows.flatMap((row, at) => {
        const shares = Array.from((weights.data as Float32Array).subarray(at * bands, (at + 1) * bands))
        const used = shares.filter((share) => share !== 0).length
        return [[`${row}/band`, used === 0 ? NaN : shares.indexOf(Math.max(...shares))], [`${row}/bands`, used], [`${row}/nm`, Number(wavelengths.data[at])]]
      }))
    },
  }
}

/** Wavelengths of the bands that arrive. Throws CuvetteError('bad-pipeline') when there are none or another number of them. */
export function requireWavelengths(channels: number, wavelengthsNm: readonly number[] | null): readonly number[] {
  if (!wavelengthsNm) throw new CuvetteError('bad-pipeline', 'This selector chooses bands by wavelength, and the cube states none; attach wavelengths to the cube.')
  if (channels >= 0 && channels !== wavelengthsNm.length) {
    throw new CuvetteError('bad-pipeline', `This selector gets ${channels} channels but ${wavelengthsNm.length} wavelengths; it must come before any node that changes the bands.`)
  }
  return wavelengthsNm
}

/** Index of the band next to a wavelength, the first of equally near ones. */
export function nearestBand(wavelengthsNm: readonly number[], target: number): number {
  let nearest = 0
  wavelengthsNm.forEach((wavelength, band) => {
    if (Math.abs(wavelength - target) < Math.abs(wavelengthsNm[nearest] - target)) nearest = band
  })
  return nearest
}

/** Indices of the bands inside a range, bounds included. */
export function bandsWithin(wavelengthsNm: readonly number[], [low, high]: readonly number[]): number[] {
  return wavelengthsNm.flatMap((wavelength, band) => (wavelength >= low && wavelength <= high ? [band] : []))
}

/** One band for each row. */
export function singleBands(bands: readonly number[], count: number): Selection {
  const shares = new Float64Array(bands.length * count)
  bands.forEach((band, row) => {
    shares[row * count + band] = 1
  })
  return { rows: bands.length, bands: count, shares }
}

/** The mean of some bands for each row; no share at all for a row without bands. */
export function meansOfBands(bands: readonly (readonly number[])[], count: number): Selection {
  const shares = new Float64Array(bands.length * count)
  bands.forEach((some, row) => {
    for (const band of some) shares[row * count + band] = 1 / some.length
  })
  return { rows: bands.length, bands: count, shares }
}

/** Writes a selection that is known now: pixels in colours [N, rows], and the ports that say what they are made of. */
export function writeSelection({ graph, rows, wavelengthsNm }: WriteContext, selection: Selection): { mixed: Value; ports: Record<string, Value> } {
  const pixels = rows('cube')
  const { rows: count, bands, shares } = selection
  const weights = graph.constant(float32([count, bands], shares))
  const single = singleBandsOf(selection)
  const mixed = single ? graph.op('Gather', [pixels, graph.constant(int64([count], single))], { axis: 1 }) : graph.op('Gemm', [pixels, weights], { transB: 1 })
  const means = Array.from({ length: count }, (_, row) => meanWavelength(shares.subarray(row * bands, (row + 1) * bands), wavelengthsNm))
  return {
    mixed,
    ports: { selection_weights: graph.op('Identity', [weights]), band_wavelengths_nm: graph.op('Identity', [graph.constant(float32([count], means))]) },
  }
}

function singleBandsOf({ rows, bands, shares }: Selection): number[] | null {
  const found = Array.from({ length: rows }, (_, row) => {
    const own = shares.subarray(row * bands, (row + 1) * bands)
    return own.every((share) => share === 0 || share === 1) && own.filter((share) => share === 1).length === 1 ? own.indexOf(1) : -1
  })
  return found.includes(-1) ? null : found
}

function meanWavelength(shares: Float64Array, wavelengthsNm: readonly number[] | null): number {
  if (!wavelengthsNm || wavelengthsNm.length !== shares.length) return NaN
  const total = shares.reduce((sum, share) => sum + share, 0)
  return total === 0 ? NaN : shares.reduce((sum, share, band) => sum + share * wavelengthsNm[band], 0) / total
}

interface FixedSelector {
  type: string
  aliases?: string[]
  summary: string
  formula: string
  source?: string
  parameters: ParameterDescription[]
  check?(parameters: Parameters): void
  /** Shares of the bands in red, green and blue. Throws CuvetteError('bad-pipeline') where the wavelengths do not allow one. */
  select(parameters: Parameters, wavelengthsNm: readonly number[]): Selection
  /** Whether the picture is brought to the range from 0 to 1; default: it is. */
  isRendered?(parameters: Parameters): boolean
  /** Colours cannot be negative. */
  clipped?: boolean
}

/** A selector whose colours are fixed mixtures of bands, rendered in one of the usual ways. */
export function fixedSelector({ type, aliases = [], summary, formula, source, parameters, check, select, isRendered = () => true, clipped = false }: FixedSelector): NodeType {
  const rendering = renderingFit((values, channels, wavelengthsNm) => select(values, requireWavelengths(channels, wavelengthsNm)))
  return {
    description: {
      type, aliases, summary, formula,
      source: `${source ? `${source} ` : ''}cuvis.ai ${type}.`,
      family: 'false-color', role: 'transform', inputs: cubePorts, outputs: colorPorts(COLORS),
      parameters: [...parameters, ...renderingParameters(['running', 'statistical', 'per_frame'])],
      needsStatistics: true, trainable: false,
    },
    locality: (values) => (!isRendered(values) || values.norm_mode === 'statistical' ? 'pixel' : 'image'),
    check,
    channels(values, inputs, { wavelengthsNm }) {
      if (wavelengthsNm !== undefined) select(values, requireWavelengths(inputs.cube, wavelengthsNm))
      return { rgb_image: 3, selection_weights: inputs.cube, band_wavelengths_nm: 3 }
    },
    state: (values) => (isRendered(values) ? renderingState(values) : []),
    fit: { ...rendering, needed: (values) => isRendered(values) && values.norm_mode === 'statistical' },
    measurement: bandInfo(COLORS),
    write(context) {
      const { graph, parameters: values } = context
      const selection = select(values, requireWavelengths(context.rows('cube').shape[1] as number, context.wavelengthsNm))
      const { mixed, ports } = writeSelection(context, selection)
      const colors = clipped ? graph.op('Clip', [mixed, graph.scalar(0)]) : mixed
      return { rgb_image: isRendered(values) ? render(context, colors) : colors, ...ports }
    },
  }
}
