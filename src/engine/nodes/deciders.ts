import { CuvetteError } from '../../shared/problem'
import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { int64 } from '../onnx/tensor'
import { choice, describe, image, integers, number } from './describe'
import type { NodeType, Parameters } from './node'

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

/**
 * torch.quantile over `axes` of scores [B, H, W, C], kept as axes of size 1, in the float32 arithmetic of torch.
 * Only the largest elements down to the quantile are sorted.
 */
function quantileThreshold(graph: Graph, scores: Value, axes: readonly number[], quantile: Value, omit: boolean): Value {
  const kept = [0, 1, 2, 3].filter((axis) => !axes.includes(axis))
  const perm = [...kept, ...axes]
  const moved = perm.every((axis, at) => axis === at) ? scores : graph.op('Transpose', [scores], { perm })
  const rows = graph.op('Flatten', [moved], { axis: kept.length })

  const isNaN = graph.op('IsNaN', [rows])
  const missing = omit ? graph.op('Or', [isNaN, graph.op('IsInf', [rows])]) : isNaN
  const number = (value: number): Value => graph.scalar(value)
  const axis = graph.constant(int64([1], [1]))
  const asFloat = (value: Value): Value => graph.op('Cast', [value], { to: onnxTypeOf('float32') })
  const asInteger = (value: Value): Value => graph.op('Cast', [value], { to: onnxTypeOf('int64') })
  const count = graph.op('ReduceSum', [graph.op('Cast', [graph.op('Not', [missing])], { to: onnxTypeOf('int32') }), axis], { keepdims: 1 })
  const last = graph.op('Sub', [asFloat(count), number(1)])

  // Rank from below, as torch computes it; places from above, because the sorted part starts at the largest.
  const rank = graph.op('Max', [graph.op('Mul', [quantile, last]), number(0)])
  const floor = graph.op('Floor', [rank])
  const weight = graph.op('Sub', [rank, floor])
  const lowerPlace = asInteger(graph.op('Sub', [last, floor]))
  const upperPlace = graph.op('Max', [graph.op('Sub', [lowerPlace, graph.constant(int64([], [1]))]), graph.constant(int64([], [0]))])

  // A row without numbers has the place -1; one element must still be sorted.
  const deepest = graph.op('Max', [graph.op('ReduceMax', [lowerPlace], { keepdims: 0 }), graph.constant(int64([], [0]))])
  const depth = graph.op('Reshape', [graph.op('Add', [deepest, graph.constant(int64([], [1]))]), axis])
  const [sorted] = graph.ops('TopK', [graph.op('Where', [missing, number(-Infinity), rows]), depth], 2, { axis: 1, largest: 1, sorted: 1 })
  const size = graph.op('Squeeze', [graph.size(sorted, 1), graph.constant(int64([1], [0]))])
  const places = graph.op('Range', [graph.constant(int64([], [0])), size, graph.constant(int64([], [1]))])
  const at = (place: Value): Value => graph.op('ReduceSum', [graph.op('Where', [graph.op('Equal', [places, place]), sorted, number(0)]), axis], { keepdims: 1 })

  const value = lerp(graph, at(lowerPlace), at(upperPlace), weight)
  const refused = omit
    ? graph.op('Equal', [count, graph.constant({ type: 'int32', shape: [], data: Int32Array.of(0) })])
    : graph.op('Greater', [graph.op('ReduceMax', [asFloat(missing)], { axes: [1], keepdims: 1 }), number(0)])
  const threshold = graph.op('Where', [refused, number(Number.NaN), value])
  return graph.reshape(threshold, [0, 1, 2, 3].map((dimension) => (axes.includes(dimension) ? 1 : { of: scores, axis: dimension })))
}

/** torch.lerp: measured from the nearer end, so that both ends are exact. */
function lerp(graph: Graph, from: Value, to: Value, weight: Value): Value {
  const span = graph.op('Sub', [to, from])
  const near = graph.op('Add', [from, graph.op('Mul', [weight, span])])
  const far = graph.op('Sub', [to, graph.op('Mul', [span, graph.op('Sub', [graph.scalar(1), weight])])])
  return graph.op('Where', [graph.op('Less', [weight, graph.scalar(0.5)]), near, far])
}
