import type { Graph, Value } from '../../src/engine/onnx/graph'
import { Graph as NewGraph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'

/** Runs what `write` makes of graph inputs of the given values. */
export async function runWritten(inputs: Readonly<Record<string, Tensor>>, write: (graph: Graph, inputs: Readonly<Record<string, Value>>) => Record<string, Value>): Promise<Record<string, Tensor>> {
  const graph = new NewGraph()
  const values = Object.fromEntries(Object.entries(inputs).map(([name, { type, shape }]) => [name, graph.input(name, type, shape)]))
  for (const [name, value] of Object.entries(write(graph, values))) graph.output(name, value)
  const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
  return session.run(inputs).finally(() => session.release())
}
