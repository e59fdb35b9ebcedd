import type { Graph, Value } from '../onnx/graph'
import type { PortReference } from './pipeline'

/** The graph that scores cubes: `cube` float32 [B,H,W,C] in; `scores` float32 [B,H,W,1] and `decisions` bool [B,H,W,1] out. */
export interface CompiledInference {
  /** Inputs: `cube`, and settings with defaults such as "decider.quantile". Outputs: `scores`, `decisions`, asked-for ports by "node.port". */
  graph: Graph
  /** For the file's metadata_props: bands, wavelengths, node versions. */
  metadata: Record<string, string>
  scores: PortReference
  /** null when the pipeline has no decider. */
  decisions: PortReference | null
}

export interface InferenceOptions {
  /** Further outputs, "node.port". */
  ports?: readonly string[]
  /** Default true. false leaves the decider out: for scoring in pieces, where the decider must see the whole scene. */
  decisions?: boolean
}

/** A port whose values a measurement needs. `targets` and other source ports have no value in the graph. */
export interface MeasuredPort {
  port: string
  from: PortReference
  value: Value | null
}

export interface CompiledLoss {
  /** Inputs: `cube`, `targets` when a loss needs it, parameters, moving state, settings with defaults. No outputs are declared: the caller does, in the order its file needs. */
  graph: Graph
  /** Names of the inputs that are fed per run: `cube`, `targets`, moving state such as "tracker._tracked_center". Settings are not among them. */
  userInputs: readonly string[]
  /** Optional scalar inputs with defaults, such as "tracker.alpha". */
  settings: readonly string[]
  /** Trained tensors: graph inputs "<node>.<name>". */
  parameters: readonly Value[]
  /** Sum of the losses, float32 scalar. */
  loss: Value
  losses: readonly { name: string; value: Value }[]
  /** Values that state tensors have after the batch: to be outputs "<state>.next". */
  updates: readonly { state: string; output: Value }[]
  /** Whether losses and gradients of micro-batches, weighted by their share of the pixels, add up to those of the batch (with moving state held still). */
  additive: boolean
  /** Value of a port "node.port" in this graph, images as [B,H,W,C]; null for ports without one (wavelengths of no cube, metrics). */
  port(reference: string): Value | null
}
