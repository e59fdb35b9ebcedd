import { keptByCube } from '../nodes/cube-source'
import type { NodeFile, NodeType, Parameters } from '../nodes/node'
import type { Tensor } from '../onnx/tensor'
import type { PipelineDocument } from './document'
import { isScorePort } from './ports'
import type { TrainerSettings } from './trainer'

/** What a pipeline must know of the cubes it will see. */
export interface CubeFacts {
  /** Number of bands. */
  channels: number
  /** One per band; null when the cube states none, or none in a unit of length. */
  wavelengthsNm: readonly number[] | null
  /** 0-based bands that the cube marks as bad; none when it says nothing. */
  badBands?: readonly number[]
}

/** A port of a node in a pipeline; written "node.port". */
export interface PortReference {
  node: string
  port: string
}

export interface PipelineNode {
  name: string
  type: NodeType
  /** With defaults, 'auto' resolved. */
  parameters: Parameters
  /** Where each connected input comes from, by input port. */
  inputs: Readonly<Record<string, PortReference>>
  /** Last axis of each port, inputs and outputs; -1 where it is not a number of channels. */
  channels: Readonly<Record<string, number>>
  /** Files that the node reads, by parameter. */
  files?: Readonly<Record<string, NodeFile>>
  /** Metrics: the stages of the reference in which it is measured. Left out: all. */
  stages?: readonly string[]
}

/** A document that can run on cubes of the given facts. */
export interface Pipeline {
  name: string
  description: string
  document: PipelineDocument
  /** In the order of running: by generations, within one in the order of the document. */
  nodes: readonly PipelineNode[]
  facts: CubeFacts
  /** Settings of the gradient phase; null when the document states no trainer: then only statistics are fitted. */
  trainer: TrainerSettings | null
  /** Sentences: what the document says that is not followed, and nodes that are left out. */
  warnings: readonly string[]
}

/** Every state tensor by "<node>.<name>". Each shape is the one that the node's type states. */
export type PipelineState = Map<string, Tensor>

/** Finds a node of a pipeline that is known to have it. */
export function nodeNamed(pipeline: Pipeline, name: string): PipelineNode {
  const node = pipeline.nodes.find((candidate) => candidate.name === name)
  if (!node) throw new Error(`The pipeline has no node ${name}.`)
  return node
}

/** Bands of the cube that enter the pipeline, 0-based, ascending: all but those that its Cube node leaves out. */
export function enteringBands({ nodes, facts }: Pick<Pipeline, 'nodes' | 'facts'>): number[] {
  const source = nodes.find(({ type }) => type.description.role === 'source')
  return keptByCube(source?.parameters ?? {}, facts.channels, facts.badBands ?? [])
}

/** Wavelengths of the bands that enter; null when the cube states none. */
export function enteringWavelengths(pipeline: Pick<Pipeline, 'nodes' | 'facts'>): number[] | null {
  const { wavelengthsNm } = pipeline.facts
  return wavelengthsNm && enteringBands(pipeline).map((band) => wavelengthsNm[band])
}

/**
 * The node behind the scores: the first decider, which judges them; without one, the last node of the order of running
 * with a float [B,H,W,1] output; undefined where nothing makes scores.
 */
export function scoringNode<Node extends Pick<PipelineNode, 'type'>>(nodes: readonly Node[]): Node | undefined {
  return nodes.find(({ type }) => type.description.role === 'decider') ?? nodes.findLast(({ type }) => type.description.outputs.some(isScorePort))
}
