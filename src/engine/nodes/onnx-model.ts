import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Dimension, Graph, Value } from '../onnx/graph'
import { inlineModel, modelInterface } from '../onnx/reading/decode'
import { int64 } from '../onnx/tensor'
import { boolean, choice, describe, image, integer, number, numbers, text, vector } from './describe'
import type { NodeFile, NodeType, Parameters, WriteContext } from './node'

// A frozen model that the analyst brings, as a part of the pipeline. It never trains; gradients go through it to what
// stands before it.

export const onnxModel: NodeType = {
  description: describe({
    type: 'OnnxModel',
    aliases: ['ONNXModel'],
    family: 'models',
    role: 'transform',
    summary: 'Scores images by a frozen ONNX file of yours; gradients flow through it to the nodes before it.',
    formula: 'scores = model((scale data - mean) / std), resized to the size of the cube',
    source: 'ONNX operators of opset 11 to 21.',
    inputs: [image('data', 'C', 'Image with as many channels as the model takes.', { aliases: ['rgb', 'rgb_image', 'image'] })],
    outputs: [
      image('scores', 1, 'One score per pixel. A score per image stands at each of its pixels.', { aliases: ['anomaly_map', 'output'] }),
      vector('anomaly_score', 'B', 'One score per image: the output image_output, or the largest score of its pixels.'),
    ],
    parameters: [
      text('model', undefined, 'Path of the ONNX file, relative to the pipeline document.'),
      text('input', null, 'Name of the input that takes the image; null: the only one.', { nullable: true }),
      text('output', null, 'Name of the output with the scores; null: the first.', { nullable: true }),
      text('image_output', null, 'Name of an output with one score per image; null: none, and the largest pixel score is taken.', { nullable: true }),
      integer('channel', null, 'Which channel of an output with several holds the scores, 0-based; null: it has one.', { nullable: true, minimum: 0 }),
      choice('layout', ['auto', 'nhwc', 'nchw'], 'auto', 'Order of the axes that the model takes; auto: as its shapes say.'),
      integer('height', null, 'Lines that the model wants; null: as its file states, or those of the cube.', { nullable: true, minimum: 1 }),
      integer('width', null, 'Samples that the model wants; null: as its file states, or those of the cube.', { nullable: true, minimum: 1 }),
      choice('resize', ['bilinear', 'bicubic'], 'bilinear', 'How the image is brought to that size. Scores come back bilinearly.'),
      number('scale', 1, 'Factor on the image before anything else.'),
      numbers('mean', null, 'Subtracted from each channel after the scale; one number, or one per channel; null: nothing.', { nullable: true }),
      numbers('std', null, 'By which each channel is divided then; null: nothing.', { nullable: true }),
      boolean('per_pixel', false, 'The model looks at single pixels: scenes of any size are scored in pieces.'),
    ],
  }),
  files: ['model'],
  locality: ({ per_pixel: perPixel }) => (perPixel === true ? 'pixel' : 'image'),
  check(parameters) {
    for (const name of ['mean', 'std']) {
      const list = parameters[name]
      if (Array.isArray(list) && list.length === 0) throw new CuvetteError('bad-pipeline', `The list ${name} is empty; one number, or one per channel, is expected.`, { where: name })
      if (name === 'std' && Array.isArray(list) && list.includes(0)) throw new CuvetteError('bad-pipeline', 'The list std holds a 0, by which nothing can be divided.', { where: name })
    }
  },
  channels(parameters, inputs, { file }) {
    const model = file?.('model')
    if (inputs.data >= 0) requireChannelLists(parameters, inputs.data)
    if (model) planModel(parameters, model, inputs.data)
    return { scores: 1, anomaly_score: -1 }
  },
  write(context) {
    const { parameters, graph } = context
    const data = context.inputs.data
    const channels = data.shape[3]
    if (typeof channels === 'number') requireChannelLists(parameters, channels)
    const scaled = normalised(graph, data, parameters)
    return scored(context, context.file('model'), scaled, parameters)
  },
}

function requireChannelLists(parameters: Parameters, channels: number): void {
  for (const name of ['mean', 'std']) {
    const list = parameters[name]
    if (Array.isArray(list) && list.length > 1 && list.length !== channels) {
      throw new CuvetteError('bad-pipeline', `The list ${name} has ${list.length} numbers for ${channels} channels; one number, or one per channel, is expected.`, { where: name })
    }
  }
}

/** (scale data - mean) / std */
function normalised(graph: Graph, data: Value, { scale, mean, std }: Parameters): Value {
  const row = (list: readonly number[]): Value => graph.constant({ type: 'float32', shape: [list.length], data: Float32Array.from(list) })
  let value = data
  if (typeof scale === 'number' && scale !== 1) value = graph.op('Mul', [value, graph.scalar(scale)])
  if (Array.isArray(mean)) value = graph.op('Sub', [value, row(mean)])
  if (Array.isArray(std)) value = graph.op('Div', [value, row(std)])
  return value
}

/** How a model is called. */
interface Plan {
  input: Value
  output: Value
  imageOutput: Value | null
  layout: 'nhwc' | 'nchw' | 'rows'
  /** Sizes that the model wants; null: those of the cube. */
  height: number | null
  width: number | null
}

function refuse(sentence: string, where?: string): never {
  throw new CuvetteError('bad-pipeline', sentence, { where })
}

/** Works out the call from what the file states. `channels`: those that arrive, -1 where unknown. Throws CuvetteError('bad-pipeline'). */
export function planModel(parameters: Parameters, { path, bytes }: NodeFile, channels: number): Plan {
  const { inputs, outputs } = modelInterface(bytes, path)
  const names = (values: readonly Value[]): string => values.map(({ name }) => name).join(', ') || 'none'
  const named = (values: readonly Value[], parameter: 'input' | 'output' | 'image_output'): Value | undefined => {
    const wanted = parameters[parameter]
    if (typeof wanted !== 'string') return undefined
    return values.find(({ name }) => name === wanted) ?? refuse(`The model ${path} has no ${parameter === 'input' ? 'input' : 'output'} ${wanted}; it has ${names(values)}.`, parameter)
  }
  const input = named(inputs, 'input') ?? (inputs.length === 1 ? inputs[0] : refuse(`The model ${path} has ${inputs.length} inputs (${names(inputs)}); name the one that takes the image in the parameter input.`, 'input'))
  const others = inputs.filter((other) => other !== input)
  if (others.length > 0) refuse(`The model ${path} needs further inputs (${names(others)}), which the pipeline cannot give; export it with them built in.`, 'input')
  if (input.type !== 'float32' && input.type !== 'float64') refuse(`The input ${input.name} of the model ${path} is ${input.type}; a floating-point image is expected.`, 'input')
  const output = named(outputs, 'output') ?? outputs[0] ?? refuse(`The model ${path} has no output.`, 'output')

  const layout = layoutOf(parameters, input, channels, path)
  const axes = layout === 'nchw' ? { channel: 1, height: 2, width: 3 } : { channel: input.shape.length - 1, height: 1, width: 2 }
  const stated = input.shape[axes.channel]
  if (channels >= 0 && typeof stated === 'number' && stated !== channels) {
    refuse(`The model ${path} takes ${stated} channels at its input ${input.name} [${input.shape.join(', ')}], but ${channels} arrive; put a node before it that makes ${stated}, such as a band selector.`, 'model')
  }
  const size = (parameter: 'height' | 'width'): number | null => {
    if (layout === 'rows') return null
    const fixed = input.shape[axes[parameter]]
    const wanted = parameters[parameter]
    if (typeof fixed === 'number' && typeof wanted === 'number' && fixed !== wanted) refuse(`The model ${path} wants a ${parameter} of ${fixed}, but the parameter says ${wanted}; leave it out.`, parameter)
    return typeof wanted === 'number' ? wanted : typeof fixed === 'number' ? fixed : null
  }
  return { input, output, imageOutput: named(outputs, 'image_output') ?? null, layout, height: size('height'), width: size('width') }
}

function layoutOf({ layout }: Parameters, { name, shape }: Value, channels: number, path: string): Plan['layout'] {
  if (shape.length === 2) return 'rows'
  if (shape.length !== 4) return refuse(`The input ${name} of the model ${path} has ${shape.length} axes [${shape.join(', ')}]; an image with 4 axes, or rows of pixels with 2, are expected.`, 'input')
  if (layout === 'nhwc' || layout === 'nchw') return layout
  const fits = (size: Dimension): boolean => typeof size === 'number' && (channels < 0 ? size <= 4 : size === channels)
  const [first, last] = [fits(shape[1]), fits(shape[3])]
  if (first !== last) return first ? 'nchw' : 'nhwc'
  // A number among symbols is the number of channels.
  if (!first && typeof shape[1] === 'number' && typeof shape[3] !== 'number') return 'nchw'
  if (!first && typeof shape[3] === 'number' && typeof shape[1] !== 'number') return 'nhwc'
  // With all four sizes known and no count to compare, channels are the small one.
  if (!first && typeof shape[1] === 'number' && typeof shape[3] === 'number' && shape[1] !== shape[3]) return shape[1] < shape[3] ? 'nchw' : 'nhwc'
  return refuse(`The shape [${shape.join(', ')}] of the input ${name} of the model ${path} does not say where the channels are; set layout to nhwc or nchw.`, 'layout')
}

/**
 * Writes the model for an image [B, H, W, C] that is scaled as it wants it. For nodes on top of a model: `frame` is the
 * image whose size the scores get, `finish` what happens to maps [B, 1, h, w] before they are resized to it.
 */
export function scored(context: WriteContext, file: NodeFile, data: Value, parameters: Parameters, { frame = data, finish = (maps) => maps }: { frame?: Value; finish?: (maps: Value) => Value } = {}): { scores: Value; anomaly_score: Value } {
  const { graph } = context
  const arriving = typeof data.shape[3] === 'number' ? data.shape[3] : -1
  const call = planModel(parameters, file, arriving)
  const taken = asTaken(graph, data, call, parameters.resize === 'bicubic' ? 'cubic' : 'linear')
  const wanted = [call.output.name, ...(call.imageOutput ? [call.imageOutput.name] : [])]
  // A folder of its own: a file may use the names that the node itself would give.
  const results = inlineModel(graph, file.bytes, file.path, `${context.scope}/model`, { [call.input.name]: taken }, [...new Set(wanted)])
  const raw = asFloat(graph, results[call.output.name], call.output.name, file.path)
  const scores = call.layout === 'rows' ? rowsAsImage(graph, raw, data, call, file.path) : pixelScores(graph, raw, frame, call, parameters, file.path, finish)
  const largest = (): Value => graph.op('ReduceMax', [scores], { axes: [1, 2, 3], keepdims: 0 })
  const perImage = call.imageOutput ? imageScores(graph, asFloat(graph, results[call.imageOutput.name], call.imageOutput.name, file.path), call.imageOutput.name, file.path) : largest()
  return { scores, anomaly_score: perImage }
}

function asFloat(graph: Graph, value: Value, name: string, path: string): Value {
  if (value.type === 'float32') return value
  if (value.type === 'float64') return graph.op('Cast', [value], { to: onnxTypeOf('float32') })
  return refuse(`The output ${name} of the model ${path} is ${value.type}; floating-point scores are expected.`, 'output')
}

/** The image in the layout, size and type that the model takes. */
function asTaken(graph: Graph, data: Value, call: Plan, mode: 'linear' | 'cubic'): Value {
  let value = data
  const { input } = call
  if (call.layout === 'rows') value = graph.op('Flatten', [data], { axis: 3 })
  else {
    const right = (size: Dimension, wanted: number | null): boolean => wanted === null || size === wanted
    const fits = right(data.shape[1], call.height) && right(data.shape[2], call.width)
    if (!fits) value = resized(graph, value, [call.height ?? graph.size(data, 1), call.width ?? graph.size(data, 2)], mode)
    else if (call.layout === 'nchw') value = graph.op('Transpose', [value], { perm: [0, 3, 1, 2] })
    // A resize works on channels first.
    if (!fits && call.layout === 'nhwc') value = graph.op('Transpose', [value], { perm: [0, 2, 3, 1] })
    // A model that was exported for one image states so; its own reshapes rely on it.
    const batch = input.shape[0]
    if (typeof batch === 'number' && value.shape[0] !== batch) {
      const rest = value.shape.slice(1).map((size, axis) => (typeof size === 'number' ? size : { of: value, axis: axis + 1 }))
      value = { ...graph.reshape(value, [batch, ...rest]), shape: [batch, ...value.shape.slice(1)] }
    }
  }
  return input.type === 'float64' ? graph.op('Cast', [value], { to: onnxTypeOf('float64') }) : value
}

/** [B, H, W, C] to [B, C, height, width] as torch.nn.functional.interpolate does it with align_corners False, without antialiasing. */
function resized(graph: Graph, data: Value, size: readonly [number | Value, number | Value], mode: 'linear' | 'cubic'): Value {
  return resizedTo(graph, graph.op('Transpose', [data], { perm: [0, 3, 1, 2] }), size, mode)
}

/** [B, C, h, w] to another size as torch.nn.functional.interpolate does it with align_corners False, without antialiasing. */
export function resizedTo(graph: Graph, channelsFirst: Value, size: readonly [number | Value, number | Value], mode: 'linear' | 'cubic'): Value {
  const parts = size.map((one) => (typeof one === 'number' ? graph.constant(int64([1], [one])) : one))
  const sizes = graph.op('Concat', [graph.op('Shape', [channelsFirst], { start: 0, end: 2 }), ...parts], { axis: 0 })
  return graph.op('Resize', [channelsFirst, null, null, sizes], { mode, coordinate_transformation_mode: 'half_pixel' })
}

/** Scores [B, H, W, 1] from whatever shape a model gives them. */
function pixelScores(graph: Graph, raw: Value, data: Value, call: Plan, parameters: Parameters, path: string, finish: (maps: Value) => Value): Value {
  const { shape } = raw
  const said = `The output ${call.output.name} of the model ${path} has the shape [${shape.join(', ')}]`
  if (shape.length <= 2) return spread(graph, imageScores(graph, raw, call.output.name, path), data)
  if (shape.length !== 3 && shape.length !== 4) return refuse(`${said}; scores per pixel ([B, H, W] or with one channel) or per image ([B]) are expected.`, 'output')
  const axis = channelAxis(shape, call.layout)
  let maps = raw
  if (shape.length === 3) maps = graph.op('Unsqueeze', [raw, graph.constant(int64([1], [1]))])
  else {
    if (axis === 3) maps = graph.op('Transpose', [raw], { perm: [0, 3, 1, 2] })
    const count = maps.shape[1]
    const channel = parameters.channel
    if (typeof channel === 'number') {
      if (typeof count === 'number' && channel >= count) refuse(`${said}, ${count} channels; the parameter channel is ${channel}.`, 'channel')
      maps = graph.op('Gather', [maps, graph.constant(int64([1], [channel]))], { axis: 1 })
    } else if (count !== 1) refuse(`${said}, ${count} channels; say in the parameter channel which of them holds the scores.`, 'channel')
  }
  maps = finish(maps)
  // Scores in the size of the cube need no resize.
  const same = call.height === null && call.width === null && maps.shape[2] === data.shape[1] && maps.shape[3] === data.shape[2]
  const scores = graph.op('Transpose', [same ? maps : resizedTo(graph, maps, [graph.size(data, 1), graph.size(data, 2)], 'linear')], { perm: [0, 2, 3, 1] })
  return { ...scores, shape: [data.shape[0], data.shape[1], data.shape[2], 1] }
}

/** Where an output has its channels: beside the batch unless the last axis alone can be one. */
function channelAxis(shape: readonly Dimension[], layout: Plan['layout']): 1 | 3 {
  if (shape[1] === 1 && shape[3] !== 1) return 1
  if (shape[3] === 1 && shape[1] !== 1) return 3
  return layout === 'nhwc' ? 3 : 1
}

/** [B] from [B], [B, 1] or [1]. */
function imageScores(graph: Graph, raw: Value, name: string, path: string): Value {
  const { shape } = raw
  if (shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) refuse(`The output ${name} of the model ${path} has the shape [${shape.join(', ')}]; one score per image ([B] or [B, 1]) is expected.`, 'output')
  return graph.op('Reshape', [raw, graph.constant(int64([1], [-1]))], {}, { shape: ['B'] })
}

function spread(graph: Graph, perImage: Value, data: Value): Value {
  const column = graph.op('Reshape', [perImage, graph.constant(int64([4], [-1, 1, 1, 1]))], {}, { shape: [data.shape[0], 1, 1, 1] })
  const frame = graph.op('Concat', [graph.op('Shape', [data], { start: 0, end: 3 }), graph.constant(int64([1], [1]))], { axis: 0 })
  return graph.op('Expand', [column, frame], {}, { shape: [...data.shape.slice(0, 3), 1] })
}

function rowsAsImage(graph: Graph, raw: Value, data: Value, call: Plan, path: string): Value {
  if (raw.shape.length > 2 || (raw.shape.length === 2 && raw.shape[1] !== 1)) {
    refuse(`The output ${call.output.name} of the model ${path} has the shape [${raw.shape.join(', ')}] for rows of pixels; one score per row is expected.`, 'output')
  }
  const frame = graph.op('Concat', [graph.op('Shape', [data], { start: 0, end: 3 }), graph.constant(int64([1], [1]))], { axis: 0 })
  return graph.op('Reshape', [raw, frame], {}, { shape: [...data.shape.slice(0, 3), 1] })
}
