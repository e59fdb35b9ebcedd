import type { Graph, Value } from '../onnx/graph'
import { float32 } from '../onnx/tensor'
import { choice, describe, matrix, number, scalar, vector } from './describe'
import { asNumbers, weighted } from './mask-losses'
import type { NodeType } from './node'

// Losses that look at weights of bands, not at pixels.

export const distinctnessLoss: NodeType = {
  description: describe({
    type: 'DistinctnessLoss',
    family: 'losses',
    role: 'loss',
    summary: 'Keeps output channels from choosing the same bands: mean cosine between their weights.',
    formula: 'weight mean over pairs i < j of cos(w_i, w_j), rows divided by max(||w||, eps); 0 where there is one row',
    source: 'cuvis.ai DistinctnessLoss.',
    inputs: [matrix('selection_weights', 'K', 'C', 'Weights of the bands, one row per output channel.', { aliases: ['weights'] })],
    outputs: [scalar('loss', 'The loss, between -weight and weight.')],
    parameters: [
      number('weight', 0.1, 'Factor of this loss in the sum.'),
      number('eps', 1e-6, 'Smallest length that is divided by.', { exclusiveMinimum: 0 }),
      choice('pairs', ['all', 'nonzero'], 'all', 'all: mean over every pair of rows; nonzero: over the pairs whose cosine is not 0, as the reference has it, which is no number where no rows overlap.'),
    ],
  }),
  locality: 'pixel',
  reduction: 'mean',
  repositoryParameters: { pairs: 'nonzero' },
  write({ graph, parameters, inputs: { selection_weights: weights } }) {
    const count = weights.shape[0] as number
    if (count < 2) return { loss: graph.scalar(0) }
    const length = graph.op('ReduceL2', [weights], { axes: [1], keepdims: 1 })
    const rows = graph.op('Div', [weights, graph.op('Max', [length, graph.scalar(parameters.eps as number)])])
    const cosines = graph.op('Mul', [graph.op('Gemm', [rows, rows], { transB: 1 }), upperTriangle(graph, count)])
    const mean = parameters.pairs === 'all' ? graph.op('Div', [sum(graph, cosines), graph.scalar((count * (count - 1)) / 2)]) : meanOfNonzero(graph, cosines)
    return { loss: weighted(graph, mean, parameters.weight as number) }
  },
}

/** 1 above the diagonal, [size, size]. */
function upperTriangle(graph: Graph, size: number): Value {
  return graph.constant(float32([size, size], Array.from({ length: size * size }, (_, at) => (at % size > Math.floor(at / size) ? 1 : 0))))
}

function meanOfNonzero(graph: Graph, values: Value): Value {
  const isZero = graph.op('Equal', [values, graph.scalar(0)])
  // Selected, not multiplied: where nothing is left, the gradient is 0 while the mean is no number.
  const kept = graph.op('Where', [isZero, graph.scalar(0), values])
  return graph.op('Div', [sum(graph, kept), sum(graph, asNumbers(graph, graph.op('Not', [isZero])))])
}

/** Sum of all elements. */
function sum(graph: Graph, values: Value): Value {
  return graph.op('ReduceSum', [values], { keepdims: 0 })
}

export const orthogonalityLoss: NodeType = {
  description: describe({
    type: 'OrthogonalityLoss',
    family: 'losses',
    role: 'loss',
    summary: 'Keeps trained components at right angles and of length 1.',
    formula: 'weight sum of squares of (W W\' - I)',
    source: 'cuvis.ai OrthogonalityLoss.',
    inputs: [matrix('components', 'K', 'C', 'Components, one per row.', { aliases: ['weights'] })],
    outputs: [scalar('loss', 'The loss; 0 where the rows are orthonormal.')],
    parameters: [number('weight', 1, 'Factor of this loss in the sum.')],
  }),
  locality: 'pixel',
  reduction: 'mean',
  write({ graph, parameters, inputs: { components } }) {
    const size = components.shape[0] as number
    const identity = graph.constant(float32([size, size], Array.from({ length: size * size }, (_, at) => (at % (size + 1) === 0 ? 1 : 0))))
    const difference = graph.op('Sub', [graph.op('Gemm', [components, components], { transB: 1 }), identity])
    return { loss: weighted(graph, graph.op('ReduceSumSquare', [difference], { keepdims: 0 }), parameters.weight as number) }
  },
}

const bandWeights = vector('weights', 'C', 'Weight of every band.')

export const selectorEntropyRegularizer: NodeType = {
  description: describe({
    type: 'SelectorEntropyRegularizer',
    family: 'losses',
    role: 'loss',
    summary: 'Spreads the weights of a selector over the bands, or holds their entropy at a target.',
    formula: 'p = w / (sum w + eps); H = -sum p ln(p + eps); weight (-H), or weight (H - target_entropy)^2',
    source: 'Shannon, A Mathematical Theory of Communication (1948); cuvis.ai SelectorEntropyRegularizer.',
    inputs: [bandWeights],
    outputs: [scalar('loss', 'The loss.')],
    parameters: [
      number('weight', 0.01, 'Factor of this loss in the sum; below 0 the weights concentrate.'),
      number('target_entropy', null, 'Entropy to be held; null: as much as possible.', { nullable: true, minimum: 0, unit: 'nats' }),
      number('eps', 1e-6, 'Added to the sum of the weights and inside the logarithm.', { exclusiveMinimum: 0 }),
    ],
  }),
  locality: 'pixel',
  reduction: 'mean',
  write({ graph, parameters, inputs: { weights } }) {
    const eps = graph.scalar(parameters.eps as number)
    const shares = graph.op('Div', [weights, graph.op('Add', [sum(graph, weights), eps])])
    const negative = sum(graph, graph.op('Mul', [shares, graph.op('Log', [graph.op('Add', [shares, eps])])]))
    const target = parameters.target_entropy as number | null
    if (target === null) return { loss: weighted(graph, negative, parameters.weight as number) }
    const missing = graph.op('Add', [negative, graph.scalar(target)])
    return { loss: weighted(graph, graph.op('Mul', [missing, missing]), parameters.weight as number) }
  },
}

export const selectorDiversityRegularizer: NodeType = {
  description: describe({
    type: 'SelectorDiversityRegularizer',
    family: 'losses',
    role: 'loss',
    summary: 'Makes the weights of a selector differ from one another.',
    formula: '-weight mean((w - mean(w))^2)',
    source: 'cuvis.ai SelectorDiversityRegularizer.',
    inputs: [bandWeights],
    outputs: [scalar('loss', 'The loss.')],
    parameters: [number('weight', 0.01, 'Factor of this loss in the sum; below 0 the weights become equal.')],
  }),
  locality: 'pixel',
  reduction: 'mean',
  write({ graph, parameters, inputs: { weights } }) {
    const deviation = graph.op('Sub', [weights, graph.op('ReduceMean', [weights], { keepdims: 0 })])
    const variance = graph.op('ReduceMean', [graph.op('Mul', [deviation, deviation])], { keepdims: 0 })
    return { loss: graph.op('Mul', [variance, graph.scalar(-(parameters.weight as number))]) }
  },
}
