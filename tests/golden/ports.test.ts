import { expect } from 'vitest'
import type { PortDataType, PortDimension } from '../../src/shared/nodes'
import { CuvetteError } from '../../src/shared/problem'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32, float64 } from '../../src/engine/onnx/tensor'
import { checkPipeline } from '../../src/engine/pipeline/check'
import { compileEvaluation, compileInference, compileTraining, compileUpTo } from '../../src/engine/pipeline/compile'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { topologicalOrder } from '../../src/engine/pipeline/order'
import { misfit, withSizes } from '../../src/engine/pipeline/ports'
import { initialState, setNodeState } from '../../src/engine/pipeline/state'
import type { Written } from './documents'
import { oneNode, pipelineOf, refuseIfBad } from './documents'
import type { NodeCase } from './read-vectors'
import { reasonNotRun } from './known-differences'
import { expectErrors, goldenSuite, runsCase } from './suite'

interface StoredPort {
  dtype: string
  shape: (number | string)[]
}

interface PortsCase extends NodeCase {
  cases?: { name: string; source: StoredPort; target: StoredPort; result: [boolean, string] }[]
  node_attrs?: Record<string, number>
  names?: string[]
  topological?: string[]
  serialized?: { nodes: { name: string; class_name: string; hparams: object }[]; connections: { source: string; target: string }[] }
  table?: Record<string, Record<'always_node' | 'loss' | 'metric' | 'train_only', boolean>>
}

goldenSuite<PortsCase>('ports', async (one) => {
  if (one.name === 'compatibility') return compatibility(one)
  if (one.name === 'naming_and_order') return namingAndOrder(one)
  if (one.name === 'execution_stages') return stages(one)
  return graphErrors(one)
})

function compatibility({ cases = [], node_attrs: sizes = {} }: PortsCase): void {
  const dtypes: Record<string, PortDataType> = { 'torch.float32': 'float32', 'torch.bool': 'bool', 'torch.int32': 'int32', "<class 'list'>": 'metrics' }
  // A free size is -1 there and a name here; each gets a name of its own.
  const port = ({ dtype, shape }: StoredPort) => withSizes({ dtype: dtypes[dtype], shape: shape.map((size, axis): PortDimension => (size === -1 ? `any${axis}` : size)) }, sizes)
  for (const { name, source, target, result } of cases) {
    if (reasonNotRun('ports', `compatibility/${name}`) !== null) continue
    runsCase('ports', `compatibility/${name}`)
    const reason = misfit(port(source), port(target))
    expect(reason === null, name).toBe(result[0])
    if (reason === null) continue
    const numbers = result[1].match(/\d+/g) ?? []
    for (const number of numbers) expect(reason, name).toContain(number)
  }
}

function namingAndOrder({ names = [], topological, serialized }: PortsCase): void {
  const nodes = serialized?.nodes ?? []
  // Nodes without names get those that the reference gives them.
  const nameless = nodes.map(({ name, class_name: className, hparams }) => ({ ...(name === 'custom' && { name }), class_name: className, hparams }))
  const document = parsePipeline(JSON.stringify({ nodes: nameless, connections: serialized?.connections }), 'order.yaml')
  expect(document.nodes.map((node) => node.name)).toEqual(names)
  expect(topologicalOrder(names, document.connections.map(({ from, to }) => ({ from: from.node, to: to.node })))).toEqual({ sorted: topological, cycle: null })
}

/** "always" nodes are in every graph, losses in those of training and validation, metrics in none. */
function stages({ table = {} }: PortsCase): void {
  const pipeline = pipelineOf(deepSvdd(), { channels: 3, wavelengthsNm: null })
  const state = initialState(pipeline, 1)
  setNodeState(state, 'tracker', { _tracked_center: float32([32], new Float32Array(32)) })
  const trained = ['projection.net.fc1.weight']
  const graphs = { train: compileTraining(pipeline, state, { trained }), val: compileEvaluation(pipeline, state, { trained }), test: compileEvaluation(pipeline, state, { trained }), inference: compileInference(pipeline, state) }
  for (const [stage, { graph }] of Object.entries(graphs)) {
    const has = (node: string): boolean => graph.nodes.some(({ name }) => name.startsWith(`${node}/`))
    expect(has('projection'), stage).toBe(table[stage].always_node)
    expect(has('loss'), stage).toBe(table[stage].loss)
    expect(has('metrics'), stage).toBe(false)
  }
}

function deepSvdd(): Written {
  return {
    nodes: {
      cube: { type: 'Cube' }, projection: { type: 'DeepSVDDProjection' }, tracker: { type: 'DeepSVDDCenterTracker' }, loss: { type: 'DeepSVDDSoftBoundaryLoss' },
      scores: { type: 'DeepSVDDScores' }, decider: { type: 'QuantileBinaryDecider' }, metrics: { type: 'AnomalyDetectionMetrics' },
    },
    connections: [
      ['cube.cube', 'projection.data'], ['projection.embeddings', 'tracker.embeddings'], ['projection.embeddings', 'loss.embeddings'], ['tracker.center', 'loss.center'],
      ['projection.embeddings', 'scores.embeddings'], ['tracker.center', 'scores.center'], ['scores.scores', 'decider.scores'],
      ['decider.decisions', 'metrics.decisions'], ['cube.mask', 'metrics.targets'],
    ],
  }
}

async function graphErrors(one: PortsCase): Promise<void> {
  const norm = { type: 'PerPixelUnitNorm' }
  const cube = { type: 'Cube' }
  const unitNorm = (connections: [string, string][], nodes: Written['nodes'] = {}): Written => ({ nodes: { cube, n: norm, ...nodes }, connections })
  const feed = async (value: Tensor) => {
    const pipeline = pipelineOf({ nodes: { cube, n: norm, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'n.data'], ['n.normalized', 'rx.data']] }, { channels: 3, wavelengthsNm: null })
    const session = await openSession(encodeModel(compileUpTo(pipeline, new Map(), 'n.normalized').graph), 'cpu', { threads: 1 })
    await session.run({ cube: value }).finally(() => session.release())
  }
  const repository = (source: string, target: string, hparams: Record<string, unknown> = {}) => {
    const text = JSON.stringify({ nodes: [
      { name: 'data', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode', hparams: {} },
      { name: 'n', class_name: 'cuvis_ai.node.normalization.PerPixelUnitNorm', hparams },
      { name: 'r', class_name: 'cuvis_ai.anomaly.rx_detector.RXGlobal', hparams: {} },
    ], connections: [{ source: 'data.outputs.cube', target: 'n.inputs.data' }, { source, target }] })
    const [problem] = checkPipeline(parsePipeline(text, 'repository.yaml'), null)
    if (problem) throw new CuvetteError(problem.code, problem.message)
  }
  await feed(float32([1, 2, 2, 3], new Float32Array(12)))
  await expectErrors('ports', one, {
    rank_mismatch_at_connect: () => refuseIfBad(unitNorm([['cube.cube', 'n.data'], ['n.normalized', 's.center']], { s: { type: 'DeepSVDDScores' } })),
    missing_required_input: () => refuseIfBad(unitNorm([])),
    runtime_dtype: () => feed(float64([1, 2, 2, 3], new Float64Array(12))),
    runtime_rank: () => feed(float32([2, 2, 3], new Float32Array(12))),
    cycle_verify: () => refuseIfBad(unitNorm([['n.normalized', 'm.data'], ['m.normalized', 'n.data']], { m: norm })),
    input_as_source: () => refuseIfBad(unitNorm([['m.data', 'n.data']], { m: norm })),
    bad_tuple: () => refuseIfBad({ nodes: { cube, n: norm }, connections: [['n.normalized']] as unknown as [string, string][] }),
    unknown_port: () => refuseIfBad(unitNorm([['cube.nope', 'n.data']])),
    runtime_output_shape_multichannel_decisions: () => refuseIfBad(oneNode('QuantileBinaryDecider', {}, 'logits'), { channels: 4, wavelengthsNm: null }),
    unfreeze_unknown: () => refuseIfBad({ ...deepSvdd(), trainer: { unfreeze: ['nope'] } }),
    yaml_bad_source: () => repository('n.normalized', 'r.inputs.data'),
    yaml_unknown_node: () => repository('z.outputs.normalized', 'r.inputs.data'),
    yaml_unknown_port: () => repository('n.outputs.zzz', 'r.inputs.data'),
    yaml_unknown_in_port: () => repository('n.outputs.normalized', 'r.inputs.zzz'),
    yaml_unknown_hparam_is_swallowed: () => repository('n.outputs.normalized', 'r.inputs.data', { whatever: 3 }),
  })
}
