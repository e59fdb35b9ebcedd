import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float64 } from '../onnx/tensor'
import { channelCount, choice, describe, image, numbers } from './describe'
import type { NodeType, Parameters, WriteContext } from './node'
import { bestOf } from './nearest-reference'
import { keptTargets, targetParameter, targetsOf, targetState } from './targets'

/** Shorter spectra have no direction; their angle to everything is a right angle. */
const SHORTEST = 1e-12

export const spectralAngleMapper: NodeType = {
  description: describe({
    type: 'SpectralAngleMapper',
    family: 'statistical',
    role: 'transform',
    summary: 'Angle between every pixel and reference spectra, whatever their brightness: small where the material is the same.',
    formula: 'angle = arccos(x\' r / (|x| |r|)) in radians, 0 to pi; best: the smallest angle; identity: number of its reference, from 1',
    source: 'Kruse et al., The Spectral Image Processing System (SIPS), Remote Sensing of Environment 44 (1993); cuvis.ai SpectralAngleMapper.',
    inputs: [
      image('cube', 'C', 'Cube.', { aliases: ['data'] }),
      { name: 'spectral_signature', dtype: 'float32', shape: ['K', 'C'], description: 'Reference spectra; without them, those of target or spectra.', optional: true, aliases: ['signatures'] },
    ],
    outputs: [
      image('scores', 'K', 'Angle to every reference.'),
      image('best_scores', 1, 'Smallest angle, or its negative.', { aliases: ['output'] }),
      image('identity_mask', 1, 'Number of the nearest reference, from 1.', { dtype: 'int32' }),
    ],
    parameters: [
      channelCount('num_channels', 'Number of channels.'),
      targetParameter,
      numbers('spectra', null, 'Reference spectra one after the other, num_channels numbers each.', { nullable: true }),
      choice('best', ['angle', 'negative_angle'], 'angle', 'angle: a decider behind best_scores flags what is unlike every reference; negative_angle: it flags what is like one of them.'),
    ],
  }),
  locality: 'pixel',
  autoChannels: { num_channels: 'cube' },
  targets: { port: 'cube', instead: ['spectral_signature', 'spectra'] },
  // The reference has no targets of its own; they come from another node.
  repositoryParameters: { target: null },
  state: targetState,
  check(parameters) {
    const { spectra, num_channels: channels } = parameters
    if (Array.isArray(spectra) && targetsOf(parameters).length > 0) {
      throw new CuvetteError('bad-pipeline', 'Both target and spectra state what is looked for; keep one of them.', { where: 'spectra' })
    }
    if (!Array.isArray(spectra) || typeof channels !== 'number') return
    if (spectra.length === 0 || spectra.length % channels !== 0) {
      throw new CuvetteError('bad-pipeline', `The list spectra has ${spectra.length} numbers; a multiple of the ${channels} channels is expected.`, { where: 'spectra' })
    }
  },
  channels: (parameters) => {
    const { spectra, num_channels: channels } = parameters
    if (Array.isArray(spectra) && typeof channels === 'number' && spectra.length % channels !== 0) {
      throw new CuvetteError('bad-pipeline', `The list spectra has ${spectra.length} numbers; a multiple of the ${channels} channels that arrive is expected.`, { where: 'spectra' })
    }
    const listed = Array.isArray(spectra) && typeof channels === 'number' ? spectra.length / channels : -1
    return { scores: targetsOf(parameters).length || listed, best_scores: 1, identity_mask: 1 }
  },
  write(context) {
    const { graph, parameters, inputs, rows } = context
    const wide = (value: Value): Value => graph.op('Cast', [value], { to: onnxTypeOf('float64') })
    const references = 'spectral_signature' in inputs ? wide(inputs.spectral_signature) : givenSpectra(context, wide)
    const cosine = graph.op('MatMul', [unit(graph, wide(rows('cube'))), graph.op('Transpose', [unit(graph, references)], { perm: [1, 0] })])
    const angles = angleOf(graph, cosine)
    const found = bestOf(graph, angles, 'smallest')
    return { ...found, best_scores: parameters.best === 'negative_angle' ? graph.op('Neg', [found.best_scores]) : found.best_scores }
  },
}

/** The spectra of the parameters [K, C], as float64. */
function givenSpectra(context: WriteContext, wide: (value: Value) => Value): Value {
  const { spectra, num_channels: channels }: Parameters = context.parameters
  if (!Array.isArray(spectra)) return wide(keptTargets(context, ', list spectra, or connect spectral_signature'))
  return context.graph.constant(float64([spectra.length / (channels as number), channels as number], spectra))
}

/** Rows of length 1. */
function unit(graph: Graph, rows: Value): Value {
  return graph.op('Div', [rows, graph.op('Max', [graph.op('ReduceL2', [rows], { axes: [1], keepdims: 1 }), graph.constant(float64([1, 1], [SHORTEST]))])])
}

/** The angle of a float64 cosine, through the tangent of half of it: float32 numbers that are exact for small angles too. */
function angleOf(graph: Graph, cosine: Value): Value {
  const one = graph.constant(float64([1, 1], [1]))
  const zero = graph.constant(float64([1, 1], [0]))
  const above = graph.op('Max', [graph.op('Sub', [one, cosine]), zero])
  const below = graph.op('Max', [graph.op('Add', [one, cosine]), zero])
  const half = graph.op('Cast', [graph.op('Sqrt', [graph.op('Div', [above, below])])], { to: onnxTypeOf('float32') })
  return graph.op('Mul', [graph.op('Atan', [half]), graph.constant({ type: 'float32', shape: [1, 1], data: Float32Array.of(2) })])
}
