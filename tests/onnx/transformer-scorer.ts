import { Graph } from '../../src/engine/onnx/graph'
import type { Attribute, Value } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { int64 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { randomSource } from '../../src/engine/nodes/random'

export interface ScorerShape {
  channels: number
  /** Lines and samples of the image. */
  size: number
  patch: number
  width: number
  heads: number
  seed: number
  type?: 'float32' | 'float64'
}

export const SMALL_SCORER: ScorerShape = { channels: 3, size: 16, patch: 2, width: 8, heads: 2, seed: 11 }

/**
 * A small randomly initialised transformer scorer, image [B, channels, size, size] to scores [B, 1, size, size]: patch
 * embedding, position embedding, two blocks of attention and perceptron, one score per patch, bilinear to the image.
 * The head looks along what a brighter patch does to its token, so that brighter is more anomalous.
 */
export function writeScorer(graph: Graph, image: Value, shape: ScorerShape): Value {
  const { channels, size, patch, width, heads, seed, type = 'float32' } = shape
  const random = randomSource(seed, 'scorer')
  const side = size / patch
  const weight = (name: string, dims: number[], draw: () => number): Value => {
    const numbers = Array.from({ length: dims.reduce((total, one) => total * one, 1) }, draw)
    const tensor: Tensor = { type, shape: dims, data: type === 'float64' ? Float64Array.from(numbers) : Float32Array.from(numbers) }
    return graph.initializer(name, tensor)
  }
  const normal = (name: string, dims: number[], deviation: number): Value => weight(name, dims, () => deviation * random.normal())
  const list = (...values: number[]): Value => graph.constant(int64([values.length], values))
  const number = (value: number): Value => graph.constant({ type, shape: [], data: type === 'float64' ? Float64Array.of(value) : Float32Array.of(value) })
  const epsilon: Attribute = { kind: 'float', value: 1e-5 }
  const norm = (x: Value, name: string): Value =>
    graph.op('LayerNormalization', [x, weight(`${name}.weight`, [width], () => 1 + 0.1 * random.normal()), normal(`${name}.bias`, [width], 0.1)], { axis: -1, epsilon })
  const linear = (x: Value, name: string, from: number, to: number): Value =>
    graph.op('Add', [graph.op('MatMul', [x, normal(`${name}.weight`, [from, to], 1 / Math.sqrt(from))]), normal(`${name}.bias`, [to], 0.1)])
  const gelu = (x: Value): Value =>
    graph.op('Mul', [graph.op('Mul', [x, number(0.5)]), graph.op('Add', [graph.op('Erf', [graph.op('Div', [x, number(Math.SQRT2)])]), number(1)])])

  // Every patch weighs its pixels alike, so that the token says how bright the patch is in each channel.
  const direction = Array.from({ length: width }, () => random.normal())
  const embedding = weight('embed.weight', [width, channels, patch, patch], (() => {
    let index = -1
    return () => {
      index += 1
      return (2 * direction[Math.floor(index / (channels * patch * patch))]) / (patch * patch) + 0.02 * random.normal()
    }
  })())
  const patches = graph.op('Conv', [image, embedding, normal('embed.bias', [width], 0.1)], { strides: [patch, patch], kernel_shape: [patch, patch] })
  const rows = graph.op('Transpose', [graph.op('Reshape', [patches, list(0, width, -1)])], { perm: [0, 2, 1] })
  let x = graph.op('Add', [rows, normal('position', [1, side * side, width], 0.02)])
  for (const block of ['block0', 'block1']) {
    const parts = graph.ops('Split', [linear(norm(x, `${block}.norm1`), `${block}.qkv`, width, 3 * width)], 3, { axis: -1 })
    const [q, k, v] = parts.map((part, index) =>
      graph.op('Transpose', [graph.op('Reshape', [part, list(0, 0, heads, width / heads)])], { perm: index === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3] }),
    )
    const attention = graph.op('Softmax', [graph.op('Div', [graph.op('MatMul', [q, k]), number(Math.sqrt(width / heads))])], { axis: -1 })
    const mixed = graph.op('Reshape', [graph.op('Transpose', [graph.op('MatMul', [attention, v])], { perm: [0, 2, 1, 3] }), list(0, 0, width)])
    x = graph.op('Add', [x, graph.op('Mul', [linear(mixed, `${block}.projection`, width, width), number(0.3)])])
    const hidden = gelu(linear(norm(x, `${block}.norm2`), `${block}.fc1`, width, 2 * width))
    x = graph.op('Add', [x, graph.op('Mul', [linear(hidden, `${block}.fc2`, 2 * width, width), number(0.3)])])
  }
  const head = weight('head', [width, 1], (() => {
    let index = -1
    return () => direction[(index += 1)] / width
  })())
  const map = graph.op('Reshape', [graph.op('Transpose', [graph.op('MatMul', [x, head])], { perm: [0, 2, 1] }), list(0, 1, side, side)])
  const scales = graph.constant({ type: 'float32', shape: [4], data: Float32Array.of(1, 1, patch, patch) })
  return graph.op('Resize', [map, null, scales], { mode: 'linear', coordinate_transformation_mode: 'half_pixel' })
}

/** Bytes of a scorer as an .onnx file: input `image`, output `scores`. */
export function scorerFile(shape: ScorerShape = SMALL_SCORER): Uint8Array {
  const graph = new Graph()
  const image = graph.input('image', 'float32', ['batch', shape.channels, shape.size, shape.size])
  graph.output('scores', writeScorer(graph, image, shape))
  return encodeModel(graph, { name: 'scorer' })
}
