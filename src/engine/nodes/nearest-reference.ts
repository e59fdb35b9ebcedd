import { onnxTypeOf } from '../onnx/element-types'
import type { Graph, Value } from '../onnx/graph'
import { int64 } from '../onnx/tensor'

/** The ports that every detector with several references has, of its scores [N, K]: the best score, and whose it is, from 1. */
export function bestOf(graph: Graph, scores: Value, best: 'smallest' | 'largest'): { scores: Value; best_scores: Value; identity_mask: Value } {
  const [reduce, find] = best === 'smallest' ? ['ReduceMin', 'ArgMin'] : ['ReduceMax', 'ArgMax']
  const nearest = graph.op(find, [scores], { axis: 1, keepdims: 1 })
  const identity = graph.op('Cast', [graph.op('Add', [nearest, graph.constant(int64([1, 1], [1]))])], { to: onnxTypeOf('int32') })
  return { scores, best_scores: graph.op(reduce, [scores], { axes: [1], keepdims: 1 }), identity_mask: identity }
}
