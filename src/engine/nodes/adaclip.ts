import type { Graph, Value } from '../onnx/graph'
import { integers } from '../onnx/operators/adjoint'
import { antialiasMatrix, applyAlong } from '../onnx/operators/interpolation'
import { int64 } from '../onnx/tensor'
import { boolean, choice, describe, image, integer, number, text, vector } from './describe'
import type { NodeType, Parameters } from './node'
import { planModel, resizedTo, scored } from './onnx-model'

// AdaCLIP on top of an exported model: the preprocessing of CLIP, the model, the smoothing of its map.

/** CLIP's means and standard deviations of the channels, for values from 0 to 1 (Radford et al. 2021). */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711]

const weightsOnly = 'Kept with the document; the exported model decides.'

export const adaclipDetector: NodeType = {
  description: describe({
    type: 'AdaCLIPDetector',
    family: 'models',
    role: 'transform',
    summary: 'Scores a false-colour image by an exported AdaCLIP model: preprocessing of CLIP, frozen model, smoothed map.',
    formula: 'x = rgb (x 255 if its maximum is at most 1), limited to 0..255; bicubic resize with antialiasing to S x S; x / 255; (x - mean) / std; map = gauss(model(x)), resized back bilinearly',
    source: 'cuvis.ai AdaCLIPDetector (plugin 0.1.2); Cao et al. 2024, AdaCLIP; CLIP preprocessing.',
    inputs: [image('rgb_image', 3, 'Image with three channels, from 0 to 1 or from 0 to 255.', { aliases: ['rgb', 'data', 'image'] })],
    outputs: [image('scores', 1, 'One score per pixel.', { aliases: ['anomaly_map', 'output'] }), vector('anomaly_score', 'B', 'One score per image.')],
    parameters: [
      text('model', undefined, 'Path of the exported ONNX model, relative to the pipeline document. Its input takes [B, 3, S, S], prepared as CLIP wants it.'),
      text('input', null, 'Name of the input that takes the image; null: the only one.', { nullable: true }),
      text('output', null, 'Name of the output with the map; null: the first.', { nullable: true }),
      text('image_output', null, 'Name of the output with one score per image; null: the largest score of the map.', { nullable: true }),
      integer('channel', null, 'Which channel of a map with several holds the scores, 0-based; null: it has one.', { nullable: true, minimum: 0 }),
      text('weight_name', 'pretrained_all', `Name of the weights. ${weightsOnly}`),
      text('backbone', 'ViT-L-14-336', `Name of the backbone. ${weightsOnly}`),
      text('prompt_text', '', `Text that names what is looked at; it is part of the export. ${weightsOnly}`),
      integer('image_size', 518, 'Lines and samples S that the model wants.', { minimum: 1, unit: 'pixels' }),
      integer('prompting_depth', 4, `Layers with learned prompts. ${weightsOnly}`, { minimum: 0 }),
      integer('prompting_length', 5, `Length of the learned prompts. ${weightsOnly}`, { minimum: 0 }),
      number('gaussian_sigma', 4, 'Standard deviation of the smoothing of the map, in pixels of S x S; 0: none.', { minimum: 0, unit: 'pixels' }),
      boolean('use_half_precision', true, 'Kept with the document; the graph computes in float32.'),
      boolean('enable_warmup', true, 'Kept with the document; there is nothing to warm up.'),
      boolean('enable_gradients', false, 'Whether gradients flow through to the nodes before. If not, the image is rounded to whole numbers from 0 to 255 first.'),
      boolean('use_torch_preprocess', true, 'Kept with the document; the preprocessing is part of the graph.'),
      choice('layout', ['auto', 'nhwc', 'nchw'], 'auto', 'Order of the axes that the model takes; auto: as its shapes say.'),
    ],
  }),
  files: ['model'],
  locality: 'image',
  channels(parameters, inputs, { file }) {
    const model = file?.('model')
    if (model) planModel(withSize(parameters), model, inputs.rgb_image)
    return { scores: 1, anomaly_score: -1 }
  },
  write(context) {
    const { graph, parameters } = context
    const size = parameters.image_size as number
    const sigma = parameters.gaussian_sigma as number
    const rgb = context.inputs.rgb_image
    const prepared = clipImage(graph, rgb, size, parameters.enable_gradients === true)
    const finish = (maps: Value): Value => {
      if (sigma === 0) return maps
      const wide = maps.shape[2] === size && maps.shape[3] === size ? maps : resizedTo(graph, maps, [size, size], 'linear')
      return blurred(graph, wide, size, sigma)
    }
    return scored(context, context.file('model'), prepared, withSize(parameters), { frame: rgb, finish })
  },
}

function withSize(parameters: Parameters): Parameters {
  return { ...parameters, height: parameters.image_size, width: parameters.image_size }
}

/** [B, H, W, 3] from 0 to 1 or to 255, as CLIP wants it: [B, size, size, 3]. */
export function clipImage(graph: Graph, rgb: Value, size: number, gradients: boolean): Value {
  const number = (value: number): Value => graph.scalar(value)
  const row = (values: readonly number[]): Value => graph.constant({ type: 'float32', shape: [3], data: Float32Array.from(values) })
  // The range is a fact about the image, not something that moves with it.
  const largest = graph.detach(graph.op('ReduceMax', [rgb], { keepdims: 0 }))
  const factor = graph.op('Where', [graph.op('LessOrEqual', [largest, number(1)]), number(255), number(1)])
  let value = graph.op('Clip', [graph.op('Mul', [rgb, factor]), number(0), number(255)])
  if (!gradients) value = graph.op('Round', [value])
  value = graph.op('Transpose', [value], { perm: [0, 3, 1, 2] })
  value = applyAlong(graph, value, antialiasMatrix(graph, graph.size(rgb, 2), size, 'cubic'), 3)
  value = applyAlong(graph, value, antialiasMatrix(graph, graph.size(rgb, 1), size, 'cubic'), 2)
  value = graph.op('Transpose', [graph.op('Div', [value, number(255)])], { perm: [0, 2, 3, 1] })
  return graph.op('Div', [graph.op('Sub', [value, row(CLIP_MEAN)]), row(CLIP_STD)])
}

/**
 * Gaussian smoothing of maps [B, 1, size, size] as scipy.ndimage.gaussian_filter does it: cut off at 4 sigma, the image
 * mirrored at its borders. One product with a matrix per axis.
 */
export function blurred(graph: Graph, maps: Value, size: number, sigma: number): Value {
  const radius = Math.floor(4 * sigma + 0.5)
  const op = (name: string, ...inputs: Value[]): Value => graph.op(name, inputs)
  const number = (value: number): Value => graph.scalar(value)
  const scalar = (value: number): Value => graph.constant(int64([], [value]))
  const columns = graph.op('Cast', [graph.op('Range', [scalar(0), scalar(size), scalar(1)])], { to: 1 })
  const rows = graph.op('Unsqueeze', [columns, integers(graph, [1])])
  const weight = (distance: Value): Value => {
    const bell = op('Exp', op('Mul', op('Mul', distance, distance), number(-0.5 / (sigma * sigma))))
    return op('Where', op('LessOrEqual', op('Abs', distance), number(radius)), bell, number(0))
  }
  // The mirrored image repeats after twice its size.
  const reach = Math.ceil((radius + 1) / (2 * size))
  const parts: Value[] = []
  for (let period = -reach; period <= reach; period += 1) {
    const shift = number(2 * size * period)
    parts.push(weight(op('Sub', op('Sub', rows, columns), shift)), weight(op('Sub', op('Add', op('Add', rows, columns), number(1)), shift)))
  }
  const summed = parts.reduce((total, part) => op('Add', total, part))
  const matrix = op('Div', summed, graph.op('ReduceSum', [summed, integers(graph, [1])], { keepdims: 1 }))
  return applyAlong(graph, applyAlong(graph, maps, matrix, 3), matrix, 2)
}
