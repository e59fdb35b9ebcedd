import { float32 } from '../onnx/tensor'
import { squaredDistance } from './deep-svdd'
import { describe, image, number, scalar, vector } from './describe'
import type { NodeType } from './node'

/** Sharpness of the softplus that keeps the radius positive. */
const BETA = 10

export const deepSVDDSoftBoundaryLoss: NodeType = {
  description: describe({
    type: 'DeepSVDDSoftBoundaryLoss',
    family: 'losses',
    role: 'loss',
    summary: 'Pulls the embeddings into a sphere whose radius is learned too; a share nu may stay outside.',
    formula: 'weight (R^2 + mean(max(0, ||z - c||^2 - R^2)) / nu), R = ln(1 + exp(10 r)) / 10',
    source: 'cuvis.ai DeepSVDDSoftBoundaryLoss; Ruff et al., Deep One-Class Classification (ICML 2018), equation 3.',
    inputs: [image('embeddings', 'D', 'Embeddings.'), vector('center', 'D', 'Centre.')],
    outputs: [scalar('loss', 'The loss.')],
    parameters: [
      number('nu', 0.05, 'Share of pixels that may lie outside.', { exclusiveMinimum: 0, exclusiveMaximum: 1 }),
      number('weight', 1, 'Factor of this loss in the sum.'),
    ],
    trainable: true,
  }),
  locality: 'pixel',
  reduction: 'mean',
  state: () => [{ name: 'r_unconstrained', shape: [], kind: 'parameter' }],
  initialise: () => ({ r_unconstrained: float32([], [0]) }),
  write({ graph, parameters, judgedRows, inputs, state }) {
    const radius = graph.op('Div', [graph.op('Softplus', [graph.op('Mul', [state.r_unconstrained, graph.scalar(BETA)])]), graph.scalar(BETA)])
    const squared = graph.op('Mul', [radius, radius])
    const outside = graph.op('Relu', [graph.op('Sub', [squaredDistance(graph, judgedRows('embeddings'), inputs.center), squared])])
    const mean = graph.op('ReduceMean', [outside], { keepdims: 0 })
    const loss = graph.op('Add', [squared, graph.op('Mul', [mean, graph.scalar(1 / (parameters.nu as number))])])
    const weight = parameters.weight as number
    return { loss: weight === 1 ? loss : graph.op('Mul', [loss, graph.scalar(weight)]) }
  },
}
