import type { ParameterDescription } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { SRGB_OF_XYZ, bandWidths, colorMatching } from './color-matching'
import { boolean, describe, number, numbers } from './describe'
import { COLORS, bandInfo, bandsWithin, colorPorts, cubePorts, fixedSelector, meansOfBands, nearestBand, requireWavelengths, singleBands, writeSelection } from './false-color'
import type { Selection } from './false-color'
import { float32 } from '../onnx/tensor'
import type { NodeType, Parameters } from './node'

export const fixedWavelengthSelector = fixedSelector({
  type: 'FixedWavelengthSelector',
  summary: 'Shows the bands next to three wavelengths as red, green and blue.',
  formula: 'colour k = band nearest to target_wavelengths[k]',
  parameters: [
    numbers('target_wavelengths', [650, 550, 450], 'Wavelengths of red, green and blue.', { exclusiveMinimum: 0, unit: 'nm' }),
    boolean('normalize_output', true, 'Whether the picture is brought to the range from 0 to 1; false: the numbers of the cube.'),
  ],
  check: ({ target_wavelengths: targets }) => requireCount('target_wavelengths', targets as number[], 3),
  select: ({ target_wavelengths: targets }, wavelengths) => singleBands((targets as number[]).map((target) => nearestBand(wavelengths, target)), wavelengths.length),
  isRendered: ({ normalize_output: rendered }) => rendered === true,
})

export const cirSelector = fixedSelector({
  type: 'CIRSelector',
  summary: 'Colour infrared: near infrared as red, red as green, green as blue; vegetation shows red.',
  formula: 'red, green, blue = bands nearest to nir_nm, red_nm, green_nm',
  parameters: [
    number('nir_nm', 860, 'Wavelength of the near infrared, shown as red.', { exclusiveMinimum: 0, unit: 'nm' }),
    number('red_nm', 670, 'Wavelength of red, shown as green.', { exclusiveMinimum: 0, unit: 'nm' }),
    number('green_nm', 560, 'Wavelength of green, shown as blue.', { exclusiveMinimum: 0, unit: 'nm' }),
  ],
  select: (parameters, wavelengths) => singleBands(['nir_nm', 'red_nm', 'green_nm'].map((name) => nearestBand(wavelengths, parameters[name] as number)), wavelengths.length),
})

const rangeParameters: ParameterDescription[] = [
  numbers('red_range', [580, 650], 'First and last wavelength of red.', { minimum: 0, unit: 'nm' }),
  numbers('green_range', [500, 580], 'First and last wavelength of green.', { minimum: 0, unit: 'nm' }),
  numbers('blue_range', [420, 500], 'First and last wavelength of blue.', { minimum: 0, unit: 'nm' }),
]

const RANGES = ['red_range', 'green_range', 'blue_range']

function checkRanges(parameters: Parameters): void {
  for (const name of RANGES) {
    const range = parameters[name] as number[]
    requireCount(name, range, 2)
    if (range[0] > range[1]) throw new CuvetteError('bad-pipeline', `The range ${name} starts at ${range[0]} nm and ends at ${range[1]} nm; the start must not be above the end.`, { where: name })
  }
}

/** Bands of each colour; some may be without. */
function bandsOfRanges(parameters: Parameters, wavelengths: readonly number[]): number[][] {
  const bands = RANGES.map((name) => bandsWithin(wavelengths, parameters[name] as number[]))
  if (bands.every((some) => some.length === 0)) throw outside(wavelengths, 'the ranges of red, green and blue', 'red_range')
  return bands
}

export const rangeAverageFalseRGBSelector = fixedSelector({
  type: 'RangeAverageFalseRGBSelector',
  summary: 'Shows the mean of all bands in a range of wavelengths as each colour; less noise than single bands.',
  formula: 'colour k = mean of the bands with min_k <= wavelength <= max_k; 0 where a range has no band',
  parameters: rangeParameters,
  check: checkRanges,
  select: (parameters, wavelengths) => meansOfBands(bandsOfRanges(parameters, wavelengths), wavelengths.length),
})

export const cieTristimulusFalseRGBSelector = fixedSelector({
  type: 'CIETristimulusFalseRGBSelector',
  aliases: ['CIETristimulusRGBSelector'],
  summary: 'Shows a cube as the eye would see it, by the CIE 1931 standard observer.',
  formula: 'XYZ = sum over bands of value (x, y, z)(wavelength) width of the band, x, y, z as sums of Gaussians; linear sRGB (D65) = M XYZ, negative colours cut off; then bounds and curve as set',
  source: 'Wyman, Sloan and Shirley, Simple Analytic Approximations to the CIE XYZ Color Matching Functions (JCGT 2, 2013); IEC 61966-2-1.',
  parameters: [],
  clipped: true,
  select(_parameters, wavelengths) {
    const widths = bandWidths(wavelengths)
    const shares = new Float64Array(3 * wavelengths.length)
    wavelengths.forEach((wavelength, band) => {
      const xyz = colorMatching(wavelength)
      SRGB_OF_XYZ.forEach((row, color) => {
        shares[color * wavelengths.length + band] = widths[band] * row.reduce((sum, factor, at) => sum + factor * xyz[at], 0)
      })
    })
    if (shares.every((share) => share === 0)) throw outside(wavelengths, 'the visible range from 380 nm to 780 nm')
    return { rows: 3, bands: wavelengths.length, shares }
  },
})

const PEAKS = [['r', 'Red', 610, 40], ['g', 'Green', 540, 35], ['b', 'Blue', 460, 30]] as const

export const cameraEmulationFalseRGBSelector = fixedSelector({
  type: 'CameraEmulationFalseRGBSelector',
  summary: 'Shows a cube as a colour camera would, with smooth overlapping filters.',
  formula: 'colour k = sum over bands of value w_k, w_k = exp(-((wavelength - peak_k) / sigma_k)^2 / 2), scaled to the sum 1',
  parameters: [
    ...PEAKS.map(([letter, color, peak]) => number(`${letter}_peak`, peak, `${color}: wavelength the filter passes best.`, { exclusiveMinimum: 0, unit: 'nm' })),
    ...PEAKS.map(([letter, color, , sigma]) => number(`${letter}_sigma`, sigma, `${color}: standard deviation of the filter.`, { exclusiveMinimum: 0, unit: 'nm' })),
  ],
  select(parameters, wavelengths) {
    const shares = new Float64Array(3 * wavelengths.length)
    PEAKS.forEach(([letter], color) => {
      const [peak, sigma] = [parameters[`${letter}_peak`] as number, parameters[`${letter}_sigma`] as number]
      const passed = wavelengths.map((wavelength) => Math.exp(-0.5 * ((wavelength - peak) / sigma) ** 2))
      const total = Math.max(passed.reduce((sum, value) => sum + value, 0), 1e-10)
      passed.forEach((value, band) => {
        shares[color * wavelengths.length + band] = value / total
      })
    })
    return { rows: 3, bands: wavelengths.length, shares }
  },
})

/** What a value of 100 % reflectance is in the integers that cameras store. */
const FULL_REFLECTANCE = 10_000

export const fastRGBSelector: NodeType = {
  description: describe({
    type: 'FastRGBSelector',
    family: 'false-color',
    role: 'transform',
    summary: 'Shows means of ranges of bands in 256 steps, scaled by the mean brightness of the image; quick, for live pictures.',
    formula: 'colour k = mean of the bands from the first to the last inside of range k; y = round(colour f), cut to 0 ... 255, / 255; f = 128 normalization_strength / mean of the image, 0 for a dark image, or 255 / 10000 where normalization_strength is at most 0.001 (reflectance stored as 0 to 10000)',
    source: 'cuvis.ai FastRGBSelector.',
    inputs: cubePorts,
    outputs: colorPorts(COLORS),
    parameters: [...rangeParameters, number('normalization_strength', 0.75, 'Mean brightness of the picture, as a share of its middle.', { minimum: 0 })],
  }),
  locality: ({ normalization_strength: strength }) => ((strength as number) > 1e-3 ? 'image' : 'pixel'),
  check: checkRanges,
  channels(parameters, inputs, { wavelengthsNm }) {
    if (wavelengthsNm !== undefined) blocksOfRanges(parameters, requireWavelengths(inputs.cube, wavelengthsNm))
    return { rgb_image: 3, selection_weights: inputs.cube, band_wavelengths_nm: 3 }
  },
  measurement: bandInfo(COLORS),
  write(context) {
    const { graph, parameters, inputs, rows } = context
    const { mixed, ports } = writeSelection(context, blocksOfRanges(parameters, requireWavelengths(rows('cube').shape[1] as number, context.wavelengthsNm)))
    const strength = parameters.normalization_strength as number
    const cell = (value: number) => graph.constant(float32([1, 1, 1, 1], [value]))
    const image = graph.reshape(mixed, [...[0, 1, 2].map((axis) => ({ of: inputs.cube, axis })), 3])
    let factor = cell(255 / FULL_REFLECTANCE)
    if (strength > 1e-3) {
      const isMissing = graph.op('IsNaN', [image])
      const total = (value: typeof image) => graph.op('ReduceSum', [value, graph.constant({ type: 'int64', shape: [3], data: BigInt64Array.of(1n, 2n, 3n) })], { keepdims: 1 })
      const mean = graph.op('Div', [total(graph.op('Where', [isMissing, cell(0), image])), total(graph.op('Where', [isMissing, cell(0), cell(1)]))])
      const isDark = graph.op('LessOrEqual', [mean, cell(1e-12)])
      factor = graph.op('Where', [isDark, cell(0), graph.op('Div', [cell(128 * strength), graph.op('Where', [isDark, cell(1), mean])])])
    }
    const steps = graph.op('Clip', [graph.op('Round', [graph.op('Mul', [image, factor])]), graph.scalar(0), graph.scalar(255)])
    return { rgb_image: graph.op('Div', [steps, cell(255)]), ...ports }
  },
}

/** Means of whole blocks of bands, from the first to the last inside of each range. */
function blocksOfRanges(parameters: Parameters, wavelengths: readonly number[]): Selection {
  const blocks = bandsOfRanges(parameters, wavelengths).map((bands) => (bands.length === 0 ? [] : Array.from({ length: bands[bands.length - 1] - bands[0] + 1 }, (_, at) => bands[0] + at)))
  return meansOfBands(blocks, wavelengths.length)
}

function requireCount(name: string, values: readonly number[], count: number): void {
  if (values.length !== count) throw new CuvetteError('bad-pipeline', `The list ${name} has ${values.length} numbers; ${count} are expected.`, { where: name })
}

function outside(wavelengths: readonly number[], what: string, where?: string): CuvetteError {
  const [shortest, longest] = wavelengths.reduce(([a, b], wavelength) => [Math.min(a, wavelength), Math.max(b, wavelength)], [Infinity, -Infinity])
  return new CuvetteError('bad-pipeline', `No band of the cube, whose wavelengths run from ${shortest} nm to ${longest} nm, lies in ${what}; choose other wavelengths or another selector.`, { where })
}
