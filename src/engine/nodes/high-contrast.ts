import type { Graph, Value } from '../onnx/graph'
import { float32, int64 } from '../onnx/tensor'
import { candidatesOf, checkWindows, windowsParameter } from './band-windows'
import { describe, number } from './describe'
import { COLORS, bandInfo, colorPorts, cubePorts, requireWavelengths } from './false-color'
import type { NodeType } from './node'
import { render, renderingParameters } from './rendering'

export const highContrastSelector: NodeType = {
  description: describe({
    type: 'HighContrastSelector',
    family: 'false-color',
    role: 'transform',
    summary: 'Picks, inside a window for each colour, the band of the image with the most contrast.',
    formula: 'score of a band = variance (divisor N) + alpha mean |laplacian|, the laplacian with four neighbours and repeated edges; the band with the largest score in each window, of an empty window the band nearest to its middle; bands are chosen by the first image of a batch',
    source: 'cuvis.ai HighContrastSelector.',
    inputs: cubePorts,
    outputs: colorPorts(COLORS),
    parameters: [
      windowsParameter([610, 700, 500, 580, 440, 500], 'red, green and blue'),
      number('alpha', 0.1, 'Weight of the laplacian, which stands for edges, against the variance.', { minimum: 0 }),
      ...renderingParameters(['running', 'per_frame']),
    ],
  }),
  locality: 'image',
  check: ({ windows }) => checkWindows(windows),
  channels(_parameters, inputs, { wavelengthsNm }) {
    if (wavelengthsNm !== undefined) requireWavelengths(inputs.cube, wavelengthsNm)
    return { rgb_image: 3, selection_weights: inputs.cube, band_wavelengths_nm: 3 }
  },
  measurement: bandInfo(COLORS),
  write(context) {
    const { graph, parameters, inputs, rows } = context
    const wavelengths = requireWavelengths(rows('cube').shape[1] as number, context.wavelengthsNm)
    const windows = candidatesOf(parameters.windows, wavelengths)
    const looked = [...new Set(windows.flat())].sort((a, b) => a - b)
    const first = graph.op('Gather', [inputs.cube, graph.constant(int64([], [0]))], { axis: 0 })
    const scores = contrast(graph, graph.op('Gather', [first, list(graph, looked)], { axis: 2 }), parameters.alpha as number)
    const chosen = windows.map((bands) => {
      const best = graph.op('ArgMax', [graph.op('Gather', [scores, list(graph, bands.map((band) => looked.indexOf(band)))], { axis: 0 })], { axis: 0, keepdims: 1 })
      return graph.op('Gather', [list(graph, bands), best], { axis: 0 })
    })
    const bands = graph.op('Concat', chosen, { axis: 0 })
    const ends = graph.constant(float32([2], [0, 1]))
    return {
      rgb_image: render(context, graph.op('Gather', [rows('cube'), bands], { axis: 1 })),
      selection_weights: graph.op('OneHot', [bands, graph.constant(int64([1], [wavelengths.length])), ends], { axis: 1 }),
      band_wavelengths_nm: graph.op('Gather', [graph.constant(float32([wavelengths.length], wavelengths)), bands], { axis: 0 }),
    }
  },
}

/** Variance and edges of every band of an image [H, W, K], as scores [K]. Pixels that are not numbers count as average. */
function contrast(graph: Graph, image: Value, alpha: number): Value {
  const cell = (value: number): Value => graph.constant(float32([1, 1, 1], [value]))
  const isMissing = graph.op('IsNaN', [image])
  const total = (value: Value): Value => graph.op('ReduceSum', [value, list(graph, [0, 1])], { keepdims: 1 })
  const mean = graph.op('Div', [total(graph.op('Where', [isMissing, cell(0), image])), graph.op('Clip', [total(graph.op('Where', [isMissing, cell(0), cell(1)])), graph.scalar(1)])])
  const centred = graph.op('Sub', [graph.op('Where', [isMissing, mean, image]), mean])
  const variance = graph.op('ReduceMean', [graph.op('Mul', [centred, centred])], { axes: [0, 1], keepdims: 0 })
  const edges = graph.op('ReduceMean', [graph.op('Abs', [laplacian(graph, centred)])], { axes: [0, 1], keepdims: 0 })
  const scores = graph.op('Add', [variance, graph.op('Mul', [edges, graph.constant(float32([1], [alpha]))])])
  return graph.op('Where', [graph.op('IsNaN', [scores]), graph.constant(float32([1], [-Infinity])), scores])
}

/** Sum of the four neighbours less four times the value; the edges of an image [H, W, K] repeat outwards. */
function laplacian(graph: Graph, image: Value): Value {
  const neighbours = [0, 1].flatMap((axis) => {
    const part = (from: number, to: number): Value => graph.op('Slice', [image, list(graph, [from]), list(graph, [to]), list(graph, [axis])])
    const shifted = (parts: Value[]): Value => graph.op('Concat', parts, { axis }, { shape: image.shape })
    const last = Number.MAX_SAFE_INTEGER
    return [shifted([part(0, 1), part(0, -1)]), shifted([part(1, last), part(-1, last)])]
  })
  const four = neighbours.reduce((sum, value) => graph.op('Add', [sum, value]))
  return graph.op('Sub', [four, graph.op('Mul', [image, graph.constant(float32([1, 1, 1], [4]))])])
}

function list(graph: Graph, values: readonly number[]): Value {
  return graph.constant(int64([values.length], values))
}
