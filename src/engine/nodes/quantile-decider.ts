import { CuvetteError } from '../../shared/problem'
import type { Graph, Value } from '../onnx/graph'
import { choice, describe, image, integers, number } from './describe'
import type { NodeType, Parameters } from './node'
import { rowQuantile } from './row-quantile'

export const quantileBinaryDecider: NodeType = {
  description: describe({
    type: 'QuantileBinaryDecider',
    family: 'deciders',
    role: 'decider',
    summary: 'Flags the pixels whose score reaches a quantile of the scores of the image.',
    formula: 'decision = score >= quantile(scores of the image), linear interpolation between neighbours; with a threshold: score >= threshold',
    source: 'cuvis.ai QuantileBinaryDecider; torch.quantile.',
    inputs: [image('logits', 'C', 'Scores.', { aliases: ['scores', 'data'] })],
    outputs: [image('decisions', 1, 'Whether a pixel is flagged.', { dtype: 'bool', aliases: ['output'] })],
    parameters: [
      number('quantile', 0.995, 'Share of the pixels below the threshold.', { minimum: 0, maximum: 1 }),
      number('threshold', null, 'A fixed threshold, chosen on a picture, instead of the quantile; null: the quantile decides.', { nullable: true }),
      integers('reduce_dims', null, 'Axes of [B, H, W, C] over which one threshold is shared; null: all but the first.', { nullable: true, minimum: -4, maximum: 3 }),
      choice('nan_policy', ['omit', 'propagate'], 'omit', 'omit: scores that are not finite are left out of the quantile; propagate: one NaN makes every decision of the image false.'),
    ],
  }),
  locality: 'image',
  // The reference writes a threshold of its base class, which this decider never looks at.
  repositoryParameters: { nan_policy: 'propagate', threshold: null },
  channels: (_parameters, inputs) => ({ decisions: inputs.logits }),
  check(parameters) {
    if (Array.isArray(parameters.reduce_dims) && parameters.reduce_dims.length === 0) {
      throw new CuvetteError('bad-pipeline', 'The list reduce_dims is empty; name at least one axis, or null for all but the first.', { where: 'reduce_dims' })
    }
    const axes = reducedAxes(parameters)
    if (new Set(axes).size !== axes.length) {
      throw new CuvetteError('bad-pipeline', `The list reduce_dims names an axis twice: ${String(parameters.reduce_dims)}; name each once.`, { where: 'reduce_dims' })
    }
  },
  write({ graph, parameters, inputs, setting }) {
    const scores = inputs.logits
    if (typeof parameters.threshold === 'number') return { decisions: graph.op('GreaterOrEqual', [scores, setting('threshold', parameters.threshold)]) }
    const threshold = quantileThreshold(graph, scores, reducedAxes(parameters), setting('quantile', parameters.quantile as number), parameters.nan_policy === 'omit')
    return { decisions: graph.op('GreaterOrEqual', [scores, threshold]) }
  },
}

function reducedAxes({ reduce_dims: dims }: Parameters): number[] {
  const axes = Array.isArray(dims) ? dims.map((axis) => (axis < 0 ? axis + 4 : axis)) : [1, 2, 3]
  return axes.sort((a, b) => a - b)
}

/** torch.quantile over `axes` of scores [B, H, W, C], kept as axes of size 1. */
export function quantileThreshold(graph: Graph, scores: Value, axes: readonly number[], quantile: Value, omit: boolean): Value {
  const kept = [0, 1, 2, 3].filter((axis) => !axes.includes(axis))
  const perm = [...kept, ...axes]
  const moved = perm.every((axis, at) => axis === at) ? scores : graph.op('Transpose', [scores], { perm })
  const rows = graph.op('Flatten', [moved], { axis: kept.length })
  const threshold = rowQuantile(graph, rows, quantile, omit)
  return graph.reshape(threshold, [0, 1, 2, 3].map((dimension) => (axes.includes(dimension) ? 1 : { of: scores, axis: dimension })))
}
