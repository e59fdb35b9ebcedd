import type { Graph, Value } from '../onnx/graph'
import { int64 } from '../onnx/tensor'

/** Some channels of pixels [N, C], 0-based and ascending: [N, bands.length]. All of them cost nothing. */
export function takeBands(graph: Graph, pixels: Value, bands: readonly number[]): Value {
  const first = bands[0]
  const last = bands[bands.length - 1]
  if (bands.length === pixels.shape[1]) return pixels
  // One block of each row is copied much faster than single elements.
  if (last - first + 1 === bands.length) {
    const cut = [[first], [last + 1], [1]].map((at) => graph.constant(int64([1], at)))
    return graph.op('Slice', [pixels, ...cut])
  }
  return graph.op('Gather', [pixels, graph.constant(int64([bands.length], bands))], { axis: 1 })
}
