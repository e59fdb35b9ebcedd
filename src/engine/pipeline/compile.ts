import { CuvetteError } from '../../shared/problem'
import { localityOf } from '../nodes/node'
import type { Stage } from '../nodes/node'
import type { Graph, Value } from '../onnx/graph'
import { ancestors } from './locality'
import type { Pipeline, PipelineNode, PipelineState, PortReference } from './pipeline'
import { enteringBands, nodeNamed, scoringNode } from './pipeline'
import { isScorePort } from './ports'
import { stateKey } from './state'
import { PipelineWriter } from './writer'

/** The graph that scores cubes: `cube` float32 [B,H,W,C] in; `scores` float32 [B,H,W,1] and `decisions` bool [B,H,W,1] out. */
export interface CompiledInference {
  /** Inputs: `cube`, and settings with defaults such as "decider.quantile". Outputs: `scores`, `decisions`, asked-for ports by "node.port". */
  graph: Graph
  /** For the file's metadata_props: bands, wavelengths, node types and parameters. */
  metadata: Record<string, string>
  scores: PortReference
  /** null when the pipeline has no decider, or it was left out. */
  decisions: PortReference | null
}

export interface InferenceOptions {
  /** Further outputs, "node.port". */
  ports?: readonly string[]
  /** Default true. false leaves the decider out: for scoring in pieces, where the decider must see the whole scene. */
  decisions?: boolean
}

export interface CompiledLoss {
  /** Inputs: `cube`, `targets` and `judged` when a loss needs it, parameters, moving state, settings with defaults. No outputs are declared: the caller does, in the order its file needs. */
  graph: Graph
  /** Names of the inputs that are fed per run: `cube`, `targets`, `judged`, moving state such as "tracker._tracked_center". Settings are not among them. */
  userInputs: readonly string[]
  /** Optional scalar inputs with defaults, such as "tracker.alpha". */
  settings: readonly string[]
  /** Trained tensors that the loss depends on: graph inputs "<node>.<name>". */
  parameters: readonly Value[]
  /** Sum of the losses, float32 scalar. */
  loss: Value
  losses: readonly { name: string; value: Value }[]
  /** Values that state tensors have after the batch: to be outputs "<state>.next". */
  updates: readonly { state: string; output: Value }[]
  /** Whether losses and gradients of micro-batches, weighted by their share of the pixels, add up to those of the batch (with moving state held still). */
  additive: boolean
  /**
   * Value of a port "node.port" in this graph, images as [B,H,W,C]; null for ports without one (wavelengths of no cube,
   * metrics). Nodes that were not needed so far are written then; inputs of theirs are not among those above.
   */
  port(reference: string): Value | null
}

/** A metric node, or another that reports numbers, and where what it looks at comes from. */
export interface Measured {
  node: PipelineNode
  /** Inputs from the ports that feed them, outputs from the node itself; unconnected inputs are left out. */
  ports: readonly { port: string; from: PortReference }[]
}

/**
 * The ports behind `scores` and `decisions`: input and output of the first decider; without one, the last float
 * [B,H,W,1] port of the order of running. Throws CuvetteError('bad-pipeline') when nothing makes scores.
 */
export function scorePorts(pipeline: Pipeline): { scores: PortReference; decisions: PortReference | null } {
  const node = scoringNode(pipeline.nodes)
  if (node?.type.description.role === 'decider') {
    const { inputs, outputs } = node.type.description
    return { scores: node.inputs[inputs[0].name], decisions: { node: node.name, port: outputs[0].name } }
  }
  const port = node?.type.description.outputs.findLast(isScorePort)
  if (!node || !port) throw new CuvetteError('bad-pipeline', 'No node of the pipeline makes scores, one number per pixel; add a detector such as RXGlobal.', { path: pipeline.document.path })
  return { scores: { node: node.name, port: port.name }, decisions: null }
}

/** Graph of stage inference, state frozen. Throws CuvetteError('bad-pipeline') for state that was never fitted and for unknown ports. */
export function compileInference(pipeline: Pipeline, state: PipelineState, options: InferenceOptions = {}): CompiledInference {
  const found = scorePorts(pipeline)
  const decisions = options.decisions === false ? null : found.decisions
  const writer = new PipelineWriter(pipeline, state, 'inference', new Set())
  writer.graph.output('scores', requiredPort(writer, found.scores))
  if (decisions) writer.graph.output('decisions', requiredPort(writer, decisions))
  for (const port of options.ports ?? []) writer.graph.output(port, requiredPort(writer, portNamed(pipeline, port)))
  return { graph: writer.graph, metadata: metadataOf(pipeline, found.scores, decisions), scores: found.scores, decisions }
}

/** Graph that computes one port "node.port" from `cube`, state frozen, stage inference: for the statistical phase. Its output has the name of the port. */
export function compileUpTo(pipeline: Pipeline, state: PipelineState, port: string): { graph: Graph; output: string } {
  const writer = new PipelineWriter(pipeline, state, 'inference', new Set())
  writer.graph.output(port, requiredPort(writer, portNamed(pipeline, port)))
  return { graph: writer.graph, output: port }
}

export interface LossOptions {
  /** Keys of the tensors that train. */
  trained: readonly string[]
  /** Default: all loss nodes. */
  losses?: readonly string[]
  /** Ports "node.port" that are looked at beside the losses. Those that carry nothing in a graph are passed over. */
  ports?: readonly string[]
  /** Whether some pixels are not to be judged: an input `judged`, bool [B,H,W,1], then says which are. Default: all are. */
  judging?: boolean
}

/** Forward pass and losses of stage train. State moves wherever it stands, as in the reference, which runs every node. */
export function compileTraining(pipeline: Pipeline, state: PipelineState, options: LossOptions): CompiledLoss {
  return compileLoss(pipeline, state, 'train', options)
}

/** The same of stage validation: state moves only where a node's parameters say so. What only the ports depend on is an input, too. */
export function compileEvaluation(pipeline: Pipeline, state: PipelineState, options: LossOptions): CompiledLoss {
  return compileLoss(pipeline, state, 'validation', options)
}

/** Nodes that report numbers, in the order of running. */
export function measuredNodes(pipeline: Pipeline): Measured[] {
  return pipeline.nodes.flatMap((node) => {
    const { measurement, description } = node.type
    if (!measurement || node.stages?.includes('val') === false) return []
    const ports = measurement.ports.flatMap((port) => {
      const isOutput = description.outputs.some(({ name }) => name === port)
      const from = isOutput ? { node: node.name, port } : (node.inputs[port] as PortReference | undefined)
      return from ? [{ port, from }] : []
    })
    return [{ node, ports }]
  })
}

function compileLoss(pipeline: Pipeline, state: PipelineState, stage: Stage, options: LossOptions): CompiledLoss {
  const names = options.losses ?? pipeline.nodes.filter(({ type }) => type.description.role === 'loss').map(({ name }) => name)
  if (names.length === 0) throw new CuvetteError('bad-pipeline', 'The pipeline has no loss node to train with; add one, or fit statistics alone.', { path: pipeline.document.path })
  const ports = (options.ports ?? []).map((port) => portNamed(pipeline, port))
  const write = (trained: readonly string[]) => {
    const isTrained = new Set(trained)
    const writer = new PipelineWriter(pipeline, state, stage, isTrained, options.judging)
    const losses = names.map((name) => ({ name, value: lossOf(writer, name) }))
    const loss = losses.length === 1 ? losses[0].value : writer.graph.op('Sum', losses.map(({ value }) => value), {}, { name: 'loss' })
    // State also moves where no loss looks.
    const moving = pipeline.nodes.filter((node) => movesState(node, stage, isTrained))
    for (const node of moving) writer.write(node)
    const seen = ports.flatMap((port) => writer.port(port) ?? [])
    return { writer, losses, loss, moving, seen }
  }
  // A tensor that nothing depends on would be an input that nothing reads; what trains needs a gradient.
  const first = write(options.trained)
  const trained = dependencies(first.writer.graph, stage === 'train' ? [first.loss] : [first.loss, ...first.seen], options.trained)
  const { writer, losses, loss, moving } = trained.length === options.trained.length ? first : write(trained)
  const local = (sinks: readonly string[]) => ancestors(pipeline, sinks).every(({ type, parameters }) => localityOf(type, parameters, stage) === 'pixel')
  const sinks = [...names, ...moving.map(({ name }) => name), ...(stage === 'train' ? [] : ports.map(({ node }) => node))]
  const settings = [...writer.settings]
  return {
    graph: writer.graph,
    userInputs: writer.graph.inputs.map(({ name }) => name).filter((name) => !trained.includes(name) && !settings.includes(name)),
    settings,
    parameters: trained.map((key) => writer.graph.value(key)),
    loss,
    losses,
    updates: writer.updates,
    additive: local(sinks) && names.every((name) => nodeNamed(pipeline, name).type.reduction === 'mean'),
    port: (reference) => writer.port(portNamed(pipeline, reference)),
  }
}

function movesState({ name, type, parameters }: PipelineNode, stage: Stage, trained: ReadonlySet<string>): boolean {
  return (type.moving?.(parameters, stage, (tensor) => trained.has(stateKey(name, tensor))) ?? []).length > 0
}

function requiredPort(writer: PipelineWriter, port: PortReference): Value {
  const value = writer.port(port)
  if (!value) throw new CuvetteError('bad-pipeline', `The port ${port.node}.${port.port} has no values that a graph could compute.`, { where: `${port.node}.${port.port}` })
  return value
}

function lossOf(writer: PipelineWriter, name: string): Value {
  const loss = requiredPort(writer, { node: name, port: 'loss' })
  if (loss.shape.length > 0) throw new CuvetteError('bad-pipeline', `The loss ${name} has one number per pixel instead of one in all; set its reduction to mean or sum.`, { where: name })
  return loss
}

function portNamed(pipeline: Pipeline, written: string): PortReference {
  const dot = written.indexOf('.')
  const node = pipeline.nodes.find(({ name }) => name === written.slice(0, dot))
  const port = node?.type.description.outputs.find(({ name, aliases }) => name === written.slice(dot + 1) || aliases.includes(written.slice(dot + 1)))
  if (!node || !port) throw new CuvetteError('bad-argument', `The pipeline has no output ${written}; expected <node>.<port> of one of its nodes.`, { where: written })
  return { node: node.name, port: port.name }
}

/** Which of `names` the values are computed from, in their order. */
function dependencies(graph: Graph, values: readonly Value[], names: readonly string[]): string[] {
  const reached = new Set(values.map(({ name }) => name))
  for (let index = graph.nodes.length - 1; index >= 0; index -= 1) {
    const node = graph.nodes[index]
    if (node.outputs.some((output) => reached.has(output))) for (const input of node.inputs) reached.add(input)
  }
  return names.filter((name) => reached.has(name))
}

/** Largest |computed - exact| / max(1, |exact|) of the scores that float32 may leave. */
export function toleranceOf({ nodes }: Pipeline): number {
  return Math.max(1e-5, ...nodes.map(({ type }) => type.tolerance ?? 0))
}

function metadataOf(pipeline: Pipeline, scores: PortReference, decisions: PortReference | null): Record<string, string> {
  const { channels, wavelengthsNm } = pipeline.facts
  const entering = enteringBands(pipeline)
  return {
    'cuvette.pipeline': pipeline.name,
    'cuvette.bands': String(channels),
    ...(entering.length < channels && { 'cuvette.entering_bands': JSON.stringify(entering) }),
    ...(wavelengthsNm && { 'cuvette.wavelengths': JSON.stringify(wavelengthsNm), 'cuvette.wavelength_unit': 'nm' }),
    'cuvette.tolerance': String(toleranceOf(pipeline)),
    'cuvette.scores': `${scores.node}.${scores.port}`,
    ...(decisions && { 'cuvette.decisions': `${decisions.node}.${decisions.port}` }),
    'cuvette.nodes': JSON.stringify(pipeline.nodes.map(({ name, type, parameters }) => ({ name, type: type.description.type, parameters }))),
  }
}
