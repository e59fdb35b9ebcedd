import type { Graph, Value } from '../onnx/graph'
import { float32 } from '../onnx/tensor'

// Conversions between colour spaces, on rows of three numbers [N, 3], as differentiable operators.

/** Literal of one number that broadcasts over rows. */
export function cell(graph: Graph, number: number): Value {
  return graph.constant(float32([1, 1], [number]))
}

/** Encoded sRGB to linear light (IEC 61966-2-1), its straight part continued below 0. */
export function linearOfSRGB(graph: Graph, encoded: Value): Value {
  const start = 0.04045
  // The power is taken of what lies above the start only: below, its slope would not be a number.
  const base = graph.op('Div', [graph.op('Add', [graph.op('Clip', [encoded, graph.scalar(start)]), cell(graph, 0.055)]), cell(graph, 1.055)])
  const isLow = graph.op('LessOrEqual', [encoded, cell(graph, start)])
  return graph.op('Where', [isLow, graph.op('Div', [encoded, cell(graph, 12.92)]), graph.op('Pow', [base, cell(graph, 2.4)])])
}

/** Linear light to encoded sRGB (IEC 61966-2-1), its straight part continued below 0. */
export function sRGBOfLinear(graph: Graph, linear: Value): Value {
  const start = 0.0031308
  const power = graph.op('Pow', [graph.op('Clip', [linear, graph.scalar(start)]), cell(graph, 1 / 2.4)])
  const high = graph.op('Sub', [graph.op('Mul', [power, cell(graph, 1.055)]), cell(graph, 0.055)])
  const isLow = graph.op('LessOrEqual', [linear, cell(graph, start)])
  return graph.op('Where', [isLow, graph.op('Mul', [linear, cell(graph, 12.92)]), high])
}

/** Linear sRGB to cone responses, and their cube roots to OKLab, one row a result (Ottosson, A perceptual color space for image processing, 2020). */
const CONES = [0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376, 0.6299787005]
const OKLAB = [0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662, -0.808675766]

/** Smallest size of a cone response, so that its cube root has a slope everywhere. */
const LEAST_RESPONSE = 1e-12

/** Rows of linear sRGB [N, 3] to OKLab: lightness, green-red, blue-yellow. */
export function oklabOfLinear(graph: Graph, linear: Value): Value {
  const responses = timesTransposed(graph, linear, CONES)
  const size = graph.op('Clip', [graph.op('Abs', [responses]), graph.scalar(LEAST_RESPONSE)])
  const roots = graph.op('Mul', [graph.op('Sign', [responses]), graph.op('Pow', [size, cell(graph, 1 / 3)])])
  return timesTransposed(graph, roots, OKLAB)
}

/** rows [N, 3] times the transpose of a matrix [3, 3] given row by row. */
export function timesTransposed(graph: Graph, rows: Value, matrix: readonly number[]): Value {
  const turned = matrix.map((_, at) => matrix[(at % 3) * 3 + Math.floor(at / 3)])
  return graph.op('MatMul', [rows, graph.constant(float32([3, 3], turned))])
}
