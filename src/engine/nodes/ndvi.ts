import { CuvetteError } from '../../shared/problem'
import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { cell } from './color-spaces'
import { describe, image, number } from './describe'
import { bandInfo, cubePorts, nearestBand, requireWavelengths, selectionPorts, singleBands, writeSelection } from './false-color'
import type { Selection } from './false-color'
import type { NodeType, Parameters } from './node'

const OPERANDS = ['nir', 'red'] as const

export const ndviSelector: NodeType = {
  description: describe({
    type: 'NDVISelector',
    family: 'false-color',
    role: 'transform',
    summary: 'The vegetation index of every pixel, and a rainbow picture of it.',
    formula: 'index = (nir - red) / (nir + red), 0 where |nir + red| <= eps; bands nearest to nir_nm and red_nm; picture: hue (index - colormap_min) / (colormap_max - colormap_min) of the colour wheel, from red over green and blue back to red',
    source: 'Rouse, Haas, Schell and Deering, Monitoring vegetation systems in the Great Plains with ERTS (NASA SP-351, 1974); cuvis.ai NDVISelector.',
    inputs: cubePorts,
    outputs: [
      image('rgb_image', 3, 'Picture of the index, from 0 to 1.', { aliases: ['rgb'] }),
      image('index_image', 1, 'The index, from -1 to 1 for reflectances.', { aliases: ['scores'] }),
      ...selectionPorts(OPERANDS),
    ],
    parameters: [
      number('nir_nm', 827, 'Wavelength of the near infrared.', { exclusiveMinimum: 0, unit: 'nm' }),
      number('red_nm', 668, 'Wavelength of red.', { exclusiveMinimum: 0, unit: 'nm' }),
      number('colormap_min', -0.7, 'Index at the start of the colour wheel.'),
      number('colormap_max', 0.5, 'Index at the end of the colour wheel.'),
      number('eps', 1e-6, 'Largest sum of both bands that counts as nothing.', { minimum: 0 }),
    ],
  }),
  locality: 'pixel',
  check({ colormap_min: low, colormap_max: high }) {
    if ((low as number) >= (high as number)) throw new CuvetteError('bad-pipeline', `The colour wheel starts at the index ${String(low)} and ends at ${String(high)}; the end must be above the start.`, { where: 'colormap_max' })
  },
  channels(parameters, inputs, { wavelengthsNm }) {
    if (wavelengthsNm !== undefined) select(parameters, requireWavelengths(inputs.cube, wavelengthsNm))
    return { rgb_image: 3, index_image: 1, selection_weights: inputs.cube, band_wavelengths_nm: 2 }
  },
  measurement: bandInfo(OPERANDS),
  write(context) {
    const { graph, parameters, rows } = context
    const wavelengths = requireWavelengths(rows('cube').shape[1] as number, context.wavelengthsNm)
    const { mixed, ports } = writeSelection(context, select(parameters, wavelengths))
    const [nir, red] = [0, 1].map((column) => graph.op('Gather', [mixed, graph.constant(int64([1], [column]))], { axis: 1 }))
    const sum = graph.op('Add', [nir, red])
    const isSomething = graph.op('Greater', [graph.op('Abs', [sum]), cell(graph, parameters.eps as number)])
    const quotient = graph.op('Div', [graph.op('Sub', [nir, red]), graph.op('Where', [isSomething, sum, cell(graph, 1)])])
    const index = graph.op('Where', [isSomething, quotient, cell(graph, 0)])
    const [low, high] = [parameters.colormap_min as number, parameters.colormap_max as number]
    const position = graph.op('Div', [graph.op('Sub', [index, cell(graph, low)]), cell(graph, high - low)])
    return { rgb_image: hues(graph, graph.op('Clip', [position, graph.scalar(0), graph.scalar(1)])), index_image: index, ...ports }
  },
}

function select({ nir_nm: nir, red_nm: red }: Parameters, wavelengths: readonly number[]): Selection {
  return singleBands([nir, red].map((target) => nearestBand(wavelengths, target as number)), wavelengths.length)
}

/** Fully saturated colours [N, 3] of hues [N, 1] from 0 to 1, once around the wheel. */
function hues(graph: Graph, position: Value): Value {
  const row = (numbers: number[]): Value => graph.constant(float32([1, 3], numbers))
  // Red is full around 0 and 6 sixths, green around 2, blue around 4; each falls off over one sixth.
  const distance = graph.op('Abs', [graph.op('Sub', [graph.op('Mul', [position, cell(graph, 6)]), row([3, 2, 4])])])
  const level = graph.op('Add', [graph.op('Mul', [distance, row([1, -1, -1])]), row([-1, 2, 2])])
  return graph.op('Clip', [level, graph.scalar(0), graph.scalar(1)])
}
