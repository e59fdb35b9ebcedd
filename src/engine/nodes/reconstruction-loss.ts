import { choice, describe, image, number, scalar } from './describe'
import { weighted } from './mask-losses'
import type { NodeType } from './node'

export const mseReconstructionLoss: NodeType = {
  description: describe({
    type: 'MSEReconstructionLoss',
    family: 'losses',
    role: 'loss',
    summary: 'Mean squared difference of two images.',
    formula: 'weight reduce((a - b)^2)',
    source: 'torch.nn.functional.mse_loss; cuvis.ai MSEReconstructionLoss.',
    inputs: [image('reconstruction', 'C', 'What a node made.'), image('target', 'C', 'What it should be; of as many channels.')],
    outputs: [scalar('loss', 'The loss; with the reduction none one number per value, which a trainer refuses.')],
    parameters: [
      number('weight', 1, 'Factor of this loss in the sum.'),
      choice('reduction', ['mean', 'sum', 'none'], 'mean', 'mean or sum over all values of the batch; none: one number per value.'),
    ],
  }),
  // A sum over the batch is not a mean of the sums over its pieces.
  locality: ({ reduction }) => (reduction === 'mean' ? 'pixel' : 'batch'),
  reduction: 'mean',
  write({ graph, parameters, rows, judgedRows, inputs: { reconstruction } }) {
    // Without a reduction the loss is an image again.
    const pixels = parameters.reduction === 'none' ? rows : judgedRows
    const difference = graph.op('Sub', [pixels('reconstruction'), pixels('target')])
    const weight = parameters.weight as number
    const squares = graph.op('Mul', [difference, difference])
    if (parameters.reduction === 'none') {
      return { loss: weighted(graph, graph.reshape(squares, [0, 1, 2, 3].map((axis) => ({ of: reconstruction, axis }))), weight) }
    }
    return { loss: weighted(graph, graph.op(parameters.reduction === 'sum' ? 'ReduceSum' : 'ReduceMean', [squares], { keepdims: 0 }), weight) }
  },
}
