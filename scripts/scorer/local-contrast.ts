import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { float32, int64 } from '../../src/engine/onnx/tensor'

const CHANNELS = 3
/** Pixels that are averaged into a target, and pixels around it: the sides of two squares, odd. */
const NEAR = 3
const AROUND = 31

/**
 * A scorer without weights for images of three channels: how far the mean of a pixel's nearest neighbours is from the mean
 * of its surroundings, in standard deviations of these, root mean square over the channels. image float32
 * [B, 3, H, W] -> scores [B, 1, H, W].
 */
export function localContrast(): Uint8Array {
  const graph = new Graph()
  const image = graph.input('image', 'float32', ['B', CHANNELS, 'H', 'W'])
  // The mean over a square is the mean over lines of the means over samples, at a fraction of the work.
  const mean = (value: Value, side: number): Value => along(along(value, [side, 1]), [1, side])
  const along = (value: Value, [lines, samples]: [number, number]): Value => {
    const [before, beside] = [(lines - 1) / 2, (samples - 1) / 2]
    return graph.op('AveragePool', [value], { kernel_shape: [lines, samples], pads: [before, beside, before, beside], count_include_pad: 0 })
  }
  const square = (value: Value): Value => graph.op('Mul', [value, value])
  const around = mean(image, AROUND)
  const variance = mean(square(graph.op('Sub', [image, around])), AROUND)
  const ratio = graph.op('Div', [square(graph.op('Sub', [mean(image, NEAR), around])), graph.op('Add', [variance, graph.constant(float32([1, 1, 1, 1], [1e-6]))])])
  const total = graph.op('Div', [graph.op('ReduceSum', [ratio, graph.constant(int64([1], [1]))], { keepdims: 1 }), graph.constant(float32([1, 1, 1, 1], [CHANNELS]))])
  graph.output('scores', graph.op('Sqrt', [graph.op('Add', [total, graph.constant(float32([1, 1, 1, 1], [1e-12]))])]))
  return encodeModel(graph, { name: 'local contrast' })
}
