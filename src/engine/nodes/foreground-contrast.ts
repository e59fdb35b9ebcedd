import type { Graph, Value } from '../onnx/graph'
import { float32 } from '../onnx/tensor'
import { linearOfSRGB, oklabOfLinear } from './color-spaces'
import { boolean, choice, describe, image, number, scalar } from './describe'
import { asNumbers, weighted } from './mask-losses'
import type { NodeType, Parameters } from './node'

export const foregroundContrastLoss: NodeType = {
  description: describe({
    type: 'ForegroundContrastLoss',
    family: 'losses',
    role: 'loss',
    summary: 'Drives the mean colours of the masked pixels and of the others apart.',
    formula: 'weight mean over images of -sqrt(||f - b||^2 + eps) + compactness_weight mean(var of the foreground) + anchor_weight (mean((f - m)^2) + mean((b - m)^2)); f, b, m: mean colours of foreground, background and image. Images without foreground or without background do not count; without any image the loss is 0.',
    source: 'cuvis.ai ForegroundContrastLoss; OKLab: Ottosson, A perceptual color space for image processing (2020).',
    inputs: [
      image('rgb', 3, 'Image of three channels.', { aliases: ['rgb_image', 'data'] }),
      image('mask', 1, 'What is foreground: truth values [B, H, W, 1] such as those of Cube.mask, or class ids [B, H, W], of which those above 0 are foreground, such as those of DecisionToMask.mask.', {
        dtype: 'bool',
        aliases: ['targets'],
        alternatives: [{ dtype: 'int32', shape: ['B', 'H', 'W'] }],
      }),
    ],
    outputs: [scalar('loss', 'The loss; lower means more contrast.')],
    parameters: [
      number('weight', 1, 'Factor of this loss in the sum.'),
      number('compactness_weight', 0, 'Factor of the variance of the foreground; 0: left out.', { minimum: 0 }),
      number('anchor_weight', 0, 'Factor of the distance of both means from that of the image, which keeps colours from running away; 0: left out.', { minimum: 0 }),
      number('eps', 1e-6, 'Added under the root.', { exclusiveMinimum: 0 }),
      choice('color_space', ['rgb', 'oklab'], 'rgb', 'Where distances are measured: in the numbers as they come, or in OKLab, where they follow the eye.'),
      boolean('assume_srgb', true, 'Whether the image is encoded as sRGB, which OKLab must undo; false: linear light.'),
    ],
  }),
  // A mean over images of what each image shows.
  locality: 'image',
  write({ graph, parameters, rows, judged, inputs }) {
    const { rgb, mask } = inputs
    const space = parameters.color_space === 'oklab' ? oklab(graph, rows('rgb'), parameters.assume_srgb === true) : rows('rgb')
    // One matrix of pixels an image [B, N, 3], and foreground and background as rows of ones and zeros [B, 2, N].
    const pixels = graph.op('Reshape', [space, perImage(graph, rgb, [-1, 3])], {}, { shape: [rgb.shape[0], 'N', 3] })
    const isForeground = mask.type === 'bool' ? mask : graph.op('Greater', [mask, graph.constant({ type: 'int32', shape: [], data: Int32Array.of(0) })])
    const flat = graph.op('Reshape', [isForeground, perImage(graph, rgb, [1, -1])], {}, { shape: [rgb.shape[0], 1, 'N'] })
    const bothSides = graph.op('Concat', [flat, graph.op('Not', [flat])], { axis: 1 })
    const isJudged = judged()
    const counting = isJudged && graph.op('Reshape', [isJudged, perImage(graph, rgb, [1, -1])], {}, { shape: [rgb.shape[0], 1, 'N'] })
    const sides = asNumbers(graph, counting ? graph.op('And', [bothSides, counting]) : bothSides)
    const counts = graph.op('ReduceSum', [sides, axes(graph, [2])], { keepdims: 1 })
    const divisors = graph.op('Clip', [counts, graph.scalar(1)])
    const means = graph.op('Div', [graph.op('MatMul', [sides, pixels]), divisors])
    const [foreground, background] = [0, 1].map((side) => graph.op('Gather', [means, axes(graph, [side])], { axis: 1 }))

    let loss = separation(graph, foreground, background, parameters.eps as number)
    if ((parameters.compactness_weight as number) > 0) {
      const first = (value: Value): Value => graph.op('Gather', [value, axes(graph, [0])], { axis: 1 })
      const ofSquares = graph.op('Div', [graph.op('MatMul', [first(sides), graph.op('Mul', [pixels, pixels])]), first(divisors)])
      const variance = graph.op('Clip', [graph.op('Sub', [ofSquares, graph.op('Mul', [foreground, foreground])]), graph.scalar(0)])
      loss = graph.op('Add', [loss, weighted(graph, overColours(graph, 'ReduceMean', variance), parameters.compactness_weight as number)])
    }
    if ((parameters.anchor_weight as number) > 0) loss = graph.op('Add', [loss, anchor(graph, meanColour(graph, pixels, counting), means, parameters)])

    // An image counts when it has both sides.
    const counted = graph.op('Greater', [graph.op('ReduceMin', [counts], { axes: [1], keepdims: 1 }), graph.constant(float32([1, 1, 1], [0]))])
    const total = graph.op('ReduceSum', [graph.op('Where', [counted, loss, graph.constant(float32([1, 1, 1], [0]))])], { keepdims: 0 })
    const images = graph.op('Clip', [graph.op('ReduceSum', [asNumbers(graph, counted)], { keepdims: 0 }), graph.scalar(1)])
    return { loss: weighted(graph, graph.op('Div', [total, images]), parameters.weight as number) }
  },
}

function oklab(graph: Graph, pixels: Value, encoded: boolean): Value {
  return oklabOfLinear(graph, encoded ? linearOfSRGB(graph, pixels) : pixels)
}

/** Target of a reshape that keeps the images of `rgb` [B, H, W, 3] apart. */
function perImage(graph: Graph, rgb: Value, rest: readonly number[]): Value {
  return graph.op('Concat', [graph.op('Shape', [rgb], { start: 0, end: 1 }), axes(graph, rest)], { axis: 0 })
}

/** Minus the distance of two colours [B, 1, 3], as [B, 1, 1]. */
function separation(graph: Graph, one: Value, other: Value, eps: number): Value {
  const difference = graph.op('Sub', [one, other])
  const squared = overColours(graph, 'ReduceSum', graph.op('Mul', [difference, difference]))
  return graph.op('Neg', [graph.op('Sqrt', [graph.op('Add', [squared, graph.constant(float32([1, 1, 1], [eps]))])])])
}

/** Mean of the pixels [B, N, 3] that count, all or those of `counting` bool [B, 1, N], as [B, 1, 3]. */
function meanColour(graph: Graph, pixels: Value, counting: Value | null): Value {
  if (!counting) return graph.op('ReduceMean', [pixels], { axes: [1], keepdims: 1 })
  const shares = asNumbers(graph, counting)
  const count = graph.op('ReduceSum', [shares, axes(graph, [2])], { keepdims: 1 })
  return graph.op('Div', [graph.op('MatMul', [shares, pixels]), graph.op('Clip', [count, graph.scalar(1)])])
}

/** How far both means [B, 2, 3] are from that of the image [B, 1, 3], as [B, 1, 1]. */
function anchor(graph: Graph, mean: Value, means: Value, parameters: Parameters): Value {
  const away = graph.op('Sub', [means, mean])
  const squared = overColours(graph, 'ReduceMean', graph.op('Mul', [away, away]))
  return weighted(graph, graph.op('ReduceSum', [squared, axes(graph, [1])], { keepdims: 1 }), parameters.anchor_weight as number)
}

function overColours(graph: Graph, op: 'ReduceSum' | 'ReduceMean', value: Value): Value {
  return op === 'ReduceSum' ? graph.op(op, [value, axes(graph, [2])], { keepdims: 1 }) : graph.op(op, [value], { axes: [2], keepdims: 1 })
}

function axes(graph: Graph, values: readonly number[]): Value {
  return graph.constant({ type: 'int64', shape: [values.length], data: BigInt64Array.from(values.map(BigInt)) })
}
