import type { Graph } from '../onnx/graph'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Tensor } from '../onnx/tensor'
import { compileUpTo } from '../pipeline/compile'
import type { Pipeline, PipelineState } from '../pipeline/pipeline'
import { enteringBands } from '../pipeline/pipeline'

/** Ports with the selected bands, or with a row of weights over the bands for each output channel. */
const PORTS = ['selected_bands', 'selection_weights']

/**
 * Which bands of the cube the selectors of a fitted pipeline take, counted from 0, by node: one per output channel, that
 * of the largest weight where bands are mixed. Selectors that see something else than the bands of the cube, or choose
 * anew for every image, are left out.
 */
export async function selectedBands(pipeline: Pipeline, state: PipelineState): Promise<Record<string, number[]>> {
  const entering = enteringBands(pipeline)
  const found: Record<string, number[]> = {}
  for (const { name, type, channels } of pipeline.nodes) {
    const { inputs, outputs } = type.description
    const port = PORTS.find((wanted) => outputs.some((output) => output.name === wanted))
    if (port === undefined || channels[inputs[0].name] !== entering.length) continue
    const { graph, output } = compileUpTo(pipeline, state, `${name}.${port}`)
    if (dependsOnInput(graph)) continue
    const session = await openSession(encodeModel(graph, { inputs: [] }), 'cpu')
    try {
      found[name] = bandsOf((await session.run({}))[output]).map((band) => entering[band])
    } finally {
      await session.release()
    }
  }
  return found
}

/** Whether an output is another one for every image. */
export function dependsOnInput(graph: Graph): boolean {
  const needed = new Set(graph.outputs.map(({ value }) => value.name))
  for (const node of [...graph.nodes].reverse()) if (node.outputs.some((output) => needed.has(output))) for (const input of node.inputs) needed.add(input)
  return graph.inputs.some(({ name }) => needed.has(name))
}

/** Of indices [K], or of weights [K, C]. */
function bandsOf({ shape, data }: Tensor): number[] {
  if (shape.length === 1) return Array.from(data as BigInt64Array, Number)
  const [rows, bands] = shape
  return Array.from({ length: rows }, (_, row) => {
    const weights = (data as Float32Array).subarray(row * bands, (row + 1) * bands)
    return weights.indexOf(Math.max(...weights))
  })
}
