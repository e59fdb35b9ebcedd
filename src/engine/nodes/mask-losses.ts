import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float32 } from '../onnx/tensor'
import { cell } from './color-spaces'
import { choice, describe, image, number, scalar } from './describe'
import type { NodeState, NodeType } from './node'

// Losses that compare one score per pixel with a mask.

const targets = image('targets', 1, 'What is anomalous.', { dtype: 'bool', aliases: ['mask'] })

export const anomalyBCEWithLogits: NodeType = {
  description: describe({
    type: 'AnomalyBCEWithLogits',
    family: 'losses',
    role: 'loss',
    summary: 'Binary cross-entropy between logits and the mask.',
    formula: 'weight reduce(-(pos_weight t ln p + (1 - t) ln(1 - p))), p = sigmoid(prediction), computed as softplus so that no logarithm of 0 occurs',
    source: 'torch.nn.functional.binary_cross_entropy_with_logits; cuvis.ai AnomalyBCEWithLogits.',
    inputs: [image('predictions', 1, 'Logits, one per pixel.', { aliases: ['logits', 'scores'] }), targets],
    outputs: [scalar('loss', 'The loss; with the reduction none one number per pixel, which a trainer refuses.')],
    parameters: [
      number('weight', 1, 'Factor of this loss in the sum.'),
      number('pos_weight', null, 'Factor of the anomalous pixels; null: 1.', { nullable: true, minimum: 0 }),
      choice('reduction', ['mean', 'sum', 'none'], 'mean', 'mean or sum over all pixels of the batch; none: one number per pixel.'),
    ],
  }),
  // The reference keeps the factor as two buffers.
  repositoryState: {
    write({ pos_weight: share }): NodeState {
      return typeof share === 'number' ? { _pos_weight: float32([1], [share]), 'loss_fn.pos_weight': float32([1], [share]) } : {}
    },
    read: (_parameters, { _pos_weight: _first, 'loss_fn.pos_weight': _second, ...stored }) => stored,
  },
  // A sum over the batch is not a mean of the sums over its pieces.
  locality: ({ reduction }) => (reduction === 'mean' ? 'pixel' : 'batch'),
  reduction: 'mean',
  write({ graph, parameters, rows, judgedRows, inputs: { predictions } }) {
    // Without a reduction the loss is an image again.
    const pixels = parameters.reduction === 'none' ? rows : judgedRows
    const truth = asNumbers(graph, pixels('targets'))
    // ln(1 + exp(-x)) where the pixel is anomalous, ln(1 + exp(x)) elsewhere.
    const sign = graph.op('Sub', [cell(graph, 1), graph.op('Mul', [truth, cell(graph, 2)])])
    let loss = graph.op('Softplus', [graph.op('Mul', [sign, pixels('predictions')])])
    const share = parameters.pos_weight as number | null
    if (share !== null) loss = graph.op('Mul', [loss, graph.op('Add', [graph.op('Mul', [truth, cell(graph, share - 1)]), cell(graph, 1)])])
    if (parameters.reduction === 'mean') loss = graph.op('ReduceMean', [loss], { keepdims: 0 })
    if (parameters.reduction === 'sum') loss = graph.op('ReduceSum', [loss], { keepdims: 0 })
    if (parameters.reduction === 'none') loss = graph.reshape(loss, [0, 1, 2].map((axis) => ({ of: predictions, axis })))
    return { loss: weighted(graph, loss, parameters.weight as number) }
  },
}

export const iouLoss: NodeType = {
  description: describe({
    type: 'IoULoss',
    family: 'losses',
    role: 'loss',
    summary: 'One minus the overlap of soft decisions and mask, over the whole batch.',
    formula: 'weight (1 - (sum p t + smooth) / (sum p + sum t - sum p t + smooth)); p = sigmoid(x), or x cut to [0, 1], or (x - min) / (max - min + smooth) over the batch, 0.5 where all are equal',
    source: 'Rahman and Wang, Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation (ISVC 2016); cuvis.ai IoULoss.',
    inputs: [image('predictions', 1, 'Scores, one per pixel.', { aliases: ['scores', 'logits'] }), targets],
    outputs: [scalar('loss', 'The loss, between 0 and weight.')],
    parameters: [
      number('weight', 1, 'Factor of this loss in the sum.'),
      number('smooth', 1e-6, 'Added to intersection and union, and to the range of minmax.', { minimum: 0 }),
      choice('normalize_method', ['sigmoid', 'clamp', 'minmax'], 'sigmoid', 'How scores become numbers from 0 to 1: sigmoid for logits, clamp for scores that are nearly there, minmax for any range.'),
    ],
  }),
  locality: 'batch',
  write({ graph, parameters, judgedRows }) {
    const smooth = parameters.smooth as number
    const soft = softDecisions(graph, judgedRows('predictions'), parameters.normalize_method as string, smooth)
    const truth = asNumbers(graph, judgedRows('targets'))
    const total = (value: Value): Value => graph.op('ReduceSum', [value], { keepdims: 0 })
    const intersection = total(graph.op('Mul', [soft, truth]))
    const union = graph.op('Sub', [graph.op('Add', [total(soft), total(truth)]), intersection])
    const added = graph.scalar(smooth)
    const overlap = graph.op('Div', [graph.op('Add', [intersection, added]), graph.op('Add', [union, added])])
    return { loss: weighted(graph, graph.op('Sub', [graph.scalar(1), overlap]), parameters.weight as number) }
  },
}

/** Scores [N, 1] as numbers from 0 to 1. */
function softDecisions(graph: Graph, scores: Value, method: string, smooth: number): Value {
  if (method === 'sigmoid') return graph.op('Sigmoid', [scores])
  if (method === 'clamp') return graph.op('Clip', [scores, graph.scalar(0), graph.scalar(1)])
  const [least, most] = ['ReduceMin', 'ReduceMax'].map((op) => graph.op(op, [scores], { keepdims: 1 }))
  const isConstant = graph.op('Equal', [least, most])
  const range = graph.op('Where', [isConstant, cell(graph, 1), graph.op('Add', [graph.op('Sub', [most, least]), cell(graph, smooth)])])
  const slope = graph.op('Where', [isConstant, cell(graph, 0), graph.op('Reciprocal', [range])])
  // Without a range every score is one half. A score that is not a number stays one: a loss must show it.
  return graph.op('Add', [graph.op('Mul', [graph.op('Sub', [scores, least]), slope]), graph.op('Where', [isConstant, cell(graph, 0.5), cell(graph, 0)])])
}

/** Truth values as 0 and 1. */
export function asNumbers(graph: Graph, truth: Value): Value {
  return graph.op('Cast', [truth], { to: onnxTypeOf('float32') })
}

/** The loss times its weight. */
export function weighted(graph: Graph, loss: Value, weight: number): Value {
  return weight === 1 ? loss : graph.op('Mul', [loss, graph.scalar(weight)])
}
