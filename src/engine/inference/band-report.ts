import type { BandLayer, BandNode } from '../../shared/reports'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Tensor } from '../onnx/tensor'
import { compileUpTo } from '../pipeline/compile'
import type { Pipeline, PipelineNode, PipelineState } from '../pipeline/pipeline'
import { enteringBands } from '../pipeline/pipeline'
import { dependsOnInput, selectedBands } from './selected-bands'
import { openTrainedPipeline } from './trained-pipeline'

/** Ports with weights over the channels that arrive: [K, C] or [C]. */
const WEIGHT_PORTS: Readonly<Record<string, BandNode['kind']>> = { selection_weights: 'selection', components: 'components', weights: 'weights' }
/** What makes a choice of the weights that were learned: left out, to see the weights. */
const CHOOSING = { use_hard_inference: false, hard: false }

/**
 * What the nodes of a trained pipeline that look at the bands of the cube learned about them: weights, loadings, chosen
 * bands. Nodes that see something else than the bands, or decide anew for every image, are left out. Throws as opening.
 */
export async function bandReport(pipelineFolder: string): Promise<BandNode[]> {
  const { pipeline, state } = await openTrainedPipeline(pipelineFolder)
  const entering = enteringBands(pipeline)
  const chosen = await selectedBands(pipeline, state)
  const soft = withoutChoosing(pipeline)
  const found: BandNode[] = []
  for (const node of soft.nodes) {
    if (node.channels[node.type.description.inputs[0]?.name] !== entering.length) continue
    const layers = mixerLayers(node, state, entering)
    if (layers) {
      found.push({ node: node.name, type: node.type.description.type, kind: 'mixer', layers, chosen: null, variance: null })
      continue
    }
    const port = Object.keys(WEIGHT_PORTS).find((name) => node.type.description.outputs.some((output) => output.name === name))
    const weights = port === undefined ? null : await constantOf(soft, state, `${node.name}.${port}`)
    const bands = chosen[node.name] ?? null
    if (!weights && !bands) continue
    const variance = port === 'components' ? await constantOf(soft, state, `${node.name}.explained_variance_ratio`) : null
    found.push({
      node: node.name, type: node.type.description.type, kind: weights && port !== undefined ? WEIGHT_PORTS[port] : 'selection',
      layers: weights ? [{ weights: rowsOf(weights), bands: entering }] : [], chosen: bands, variance: variance && Array.from(variance.data as Float32Array),
    })
  }
  return found
}

function withoutChoosing(pipeline: Pipeline): Pipeline {
  const without = (node: PipelineNode): PipelineNode => ({
    ...node, parameters: { ...node.parameters, ...Object.fromEntries(Object.entries(CHOOSING).filter(([name]) => name in node.parameters)) },
  })
  return { ...pipeline, nodes: pipeline.nodes.map(without) }
}

/** The layers of a channel mixer, in their order; null for other nodes. */
function mixerLayers({ name }: PipelineNode, state: PipelineState, entering: number[]): BandLayer[] | null {
  const layers: BandLayer[] = []
  for (let tensor; (tensor = state.get(`${name}.convs.${layers.length}.weight`)); ) layers.push({ weights: rowsOf(tensor), bands: layers.length === 0 ? entering : null })
  return layers.length > 0 ? layers : null
}

/** null for a port that is another one for every image. */
async function constantOf(pipeline: Pipeline, state: PipelineState, port: string): Promise<Tensor | null> {
  const { graph, output } = compileUpTo(pipeline, state, port)
  if (dependsOnInput(graph)) return null
  const session = await openSession(encodeModel(graph, { inputs: [] }), 'cpu')
  try {
    return (await session.run({}))[output]
  } finally {
    await session.release()
  }
}

/** [K, C], [K, C, 1, 1] or [C] as K rows. */
function rowsOf({ shape, data }: Tensor): number[][] {
  const rows = shape.length === 1 ? 1 : shape[0]
  const columns = data.length / rows
  return Array.from({ length: rows }, (_, row) => Array.from((data as Float32Array).subarray(row * columns, (row + 1) * columns)))
}
