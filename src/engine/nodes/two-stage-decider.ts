import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { float64, int64 } from '../onnx/tensor'
import { choice, describe, image, integers, number } from './describe'
import type { NodeType } from './node'
import { rowQuantile } from './row-quantile'

export const twoStageBinaryDecider: NodeType = {
  description: describe({
    type: 'TwoStageBinaryDecider',
    family: 'deciders',
    role: 'decider',
    summary: 'First decides whether an image holds anything anomalous at all, by its largest scores; then flags the pixels above a quantile.',
    formula: 'pixel = largest score of its channels; image = mean of the k largest pixels, k = max(1, ceil(pixels top_k_fraction)); image < image_threshold: nothing; otherwise decision = pixel >= quantile(all scores of the image). With a threshold: pixel >= threshold',
    source: 'cuvis.ai TwoStageBinaryDecider.',
    inputs: [image('logits', 'C', 'Scores.', { aliases: ['scores', 'data'] })],
    outputs: [image('decisions', 1, 'Whether a pixel is flagged.', { dtype: 'bool', aliases: ['output'] })],
    parameters: [
      number('image_threshold', 0.5, 'Smallest image score with which pixels are flagged.', { minimum: 0, maximum: 1 }),
      number('top_k_fraction', 0.001, 'Share of the pixels that make the image score.', { exclusiveMinimum: 0, maximum: 1 }),
      number('quantile', 0.995, 'Share of the scores below the threshold.', { minimum: 0, maximum: 1 }),
      integers('reduce_dims', null, 'Has no effect: thresholds are per image. Kept because documents of the reference hold it.', { nullable: true, minimum: -4, maximum: 3 }),
      number('threshold', null, 'A fixed threshold, chosen on a picture, instead of both stages; null: the stages decide.', { nullable: true }),
      choice('nan_policy', ['omit', 'propagate'], 'omit', 'omit: scores that are not finite are left out; propagate: one NaN makes every decision of the image false.'),
    ],
  }),
  locality: 'image',
  // The reference writes a threshold of its base class, which this decider never looks at.
  repositoryParameters: { nan_policy: 'propagate', threshold: null },
  channels: () => ({ decisions: 1 }),
  write({ graph, parameters, inputs, setting }) {
    const scores = inputs.logits
    const omit = parameters.nan_policy === 'omit'
    const pixels = pixelScores(graph, scores, omit)
    if (typeof parameters.threshold === 'number') return { decisions: graph.op('GreaterOrEqual', [pixels, setting('threshold', parameters.threshold)]) }
    const perImage = (value: Value): Value => graph.reshape(value, [{ of: scores, axis: 0 }, 1, 1, 1])
    const image = imageScores(graph, graph.op('Flatten', [pixels], { axis: 1 }), parameters.top_k_fraction as number)
    const passes = graph.op('GreaterOrEqual', [image, setting('image_threshold', parameters.image_threshold as number)])
    const threshold = rowQuantile(graph, graph.op('Flatten', [scores], { axis: 1 }), setting('quantile', parameters.quantile as number), omit)
    return { decisions: graph.op('And', [graph.op('GreaterOrEqual', [pixels, perImage(threshold)]), perImage(passes)]) }
  },
}

/** The largest score of every pixel [B, H, W, 1]; NaN where one of its channels has none. */
function pixelScores(graph: Graph, scores: Value, omit: boolean): Value {
  const isNaN = graph.op('IsNaN', [scores])
  const missing = omit ? graph.op('Or', [isNaN, graph.op('IsInf', [scores])]) : isNaN
  const present = graph.op('Where', [missing, graph.scalar(-Infinity), scores])
  const largest = scores.shape[3] === 1 ? present : graph.op('ReduceMax', [present], { axes: [3], keepdims: 1 })
  const anyMissing = graph.op('ReduceMax', [graph.op('Cast', [missing], { to: onnxTypeOf('float32') })], { axes: [3], keepdims: 1 })
  return graph.op('Where', [graph.op('Greater', [anyMissing, graph.scalar(0)]), graph.scalar(Number.NaN), largest])
}

/**
 * Mean of the k largest numbers of every row [B, N] as [B, 1]; -Infinity without any. The share of the count is taken in
 * float64 and rounded to float32 before it is rounded up, as the reference does: 0.1 of 10 is then 1 and not 2.
 */
function imageScores(graph: Graph, pixels: Value, fraction: number): Value {
  const axis = graph.constant(int64([1], [1]))
  const cast = (value: Value, type: 'float32' | 'float64' | 'int32' | 'int64'): Value => graph.op('Cast', [value], { to: onnxTypeOf(type) })
  const missing = graph.op('IsNaN', [pixels])
  const count = graph.op('ReduceSum', [cast(graph.op('Not', [missing]), 'int32'), axis], { keepdims: 1 })
  const share = cast(graph.op('Mul', [cast(count, 'float64'), graph.constant(float64([1, 1], [fraction]))]), 'float32')
  const k = graph.op('Max', [cast(graph.op('Ceil', [share]), 'int64'), graph.constant(int64([1, 1], [1]))])
  const depth = graph.op('Reshape', [graph.op('ReduceMax', [k], { keepdims: 0 }), graph.constant(int64([1], [1]))])
  const [largest] = graph.ops('TopK', [graph.op('Where', [missing, graph.scalar(-Infinity), pixels]), depth], 2, { axis: 1, largest: 1, sorted: 1 })
  const size = graph.op('Squeeze', [graph.size(largest, 1), graph.constant(int64([1], [0]))])
  const places = graph.op('Range', [graph.constant(int64([], [0])), size, graph.constant(int64([], [1]))])
  const counted = graph.op('Where', [graph.op('Less', [places, k]), cast(largest, 'float64'), graph.constant(float64([1, 1], [0]))])
  return cast(graph.op('Div', [graph.op('ReduceSum', [counted, axis], { keepdims: 1 }), cast(k, 'float64')]), 'float32')
}
