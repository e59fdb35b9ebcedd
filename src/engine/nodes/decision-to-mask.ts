import { onnxTypeOf } from '../onnx/element-types'
import type { Value } from '../onnx/graph'
import { int64 } from '../onnx/tensor'
import { describe, image } from './describe'
import type { NodeType } from './node'

export const decisionToMask: NodeType = {
  description: describe({
    type: 'DecisionToMask',
    family: 'deciders',
    role: 'transform',
    summary: 'Keeps the identity of the pixels that are flagged: a mask of class ids with 0 elsewhere.',
    formula: 'mask = identity_mask where decided, else 0',
    source: 'cuvis.ai DecisionToMask.',
    inputs: [
      image('decisions', 1, 'Whether a pixel is flagged.', { dtype: 'bool' }),
      { name: 'identity_mask', dtype: 'int32', shape: ['B', 'H', 'W'], description: 'Identity of every pixel: [B, H, W], or [B, H, W, 1] such as that of SpectralAngleMapper.', optional: false, aliases: [], alternatives: [{ dtype: 'int32', shape: ['B', 'H', 'W', 1] }] },
    ],
    outputs: [{ name: 'mask', dtype: 'int32', shape: ['B', 'H', 'W'], description: 'Identity where flagged, 0 elsewhere.', optional: false, aliases: ['output'] }],
  }),
  locality: 'pixel',
  write({ graph, inputs }) {
    const flat = (value: Value): Value => (value.shape.length === 4 ? graph.op('Squeeze', [value, graph.constant(int64([1], [3]))]) : value)
    const decided = graph.op('Cast', [flat(inputs.decisions)], { to: onnxTypeOf('int32') })
    return { mask: graph.op('Mul', [flat(inputs.identity_mask), decided]) }
  },
}
