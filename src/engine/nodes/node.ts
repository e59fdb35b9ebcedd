import type { NodeDescription, ParameterValue } from '../../shared/nodes'
import type { Graph, Value } from '../onnx/graph'
import type { Tensor } from '../onnx/tensor'
import type { RandomSource } from './random'

/** Parameters of one node with defaults applied, checked against the catalogue, 'auto' resolved. */
export type Parameters = Readonly<Record<string, ParameterValue>>

/** A named tensor that a node keeps: its weights and its statistics. Key in files: "<node>.<name>". */
export interface StateTensor {
  name: string
  shape: readonly number[]
  /**
   * parameter: trains when the trainer unfreezes the node (losses: always).
   * statistic: set by the statistical phase; trains too when listed in `trainableStatistics`.
   * constant: drawn or computed once, never trained.
   */
  kind: 'parameter' | 'statistic' | 'constant'
}

export type NodeState = Record<string, Tensor>

export type Stage = 'train' | 'validation' | 'inference'

/** What a node is given when it writes itself into a graph. */
export interface WriteContext {
  graph: Graph
  parameters: Parameters
  /** Handles of the state tensors: graph inputs when they train or move, initializers otherwise. */
  state: Readonly<Record<string, Value>>
  /** Their present values, for what must be computed before the graph exists (a float64 factorisation). */
  tensors: NodeState
  /** Whether the state tensor gets a gradient in this graph. */
  isTrained(name: string): boolean
  inputs: Readonly<Record<string, Value>>
  stage: Stage
  /** Wavelengths of the cube in nanometres [C], when known. */
  wavelengthsNm: readonly number[] | null
  /** A scalar the caller may set per run, with a default: an optional graph input named "<node>.<name>". */
  setting(name: string, fallback: number): Value
  /** Declares the value that a state tensor has after this batch: graph output "<node>.<name>.next". */
  update(name: string, next: Value): void
}

/** Streams of the statistical phase: one object per batch, keyed by input port, [n, C] per-pixel matrices of float32. */
export interface StatisticsAccumulator {
  /** pixels: [count, channels] row-major. */
  add(pixels: Float32Array, count: number, channels: number): Promise<void>
  finish(): Promise<NodeState>
}

export interface StatisticalFit {
  /** Which input port is observed. */
  port: string
  start(parameters: Parameters, context: { node: string; seed: number }): StatisticsAccumulator
}

/** Everything the engine knows of one node type. */
export interface NodeType {
  description: NodeDescription
  /** Checks that no schema can say (a < b); throws CuvetteError('bad-pipeline'). */
  check?(parameters: Parameters): void
  /** Channel count of each output port given those of the inputs (last axis); -1 where unknown. */
  channels?(parameters: Parameters, inputs: Readonly<Record<string, number>>, context: { wavelengthsNm: readonly number[] | null }): Record<string, number>
  /** Parameters that 'auto' takes from a port's channel count: {num_channels: 'data'}. */
  autoChannels?: Readonly<Record<string, string>>
  state?(parameters: Parameters): StateTensor[]
  /** Statistics that unfreeze() makes trainable. */
  trainableStatistics?: readonly string[]
  /** First values of parameters and constants, from the one seeded generator. */
  initialise?(parameters: Parameters, random: RandomSource): NodeState
  fit?: StatisticalFit
  /** Writes the node; returns its output ports. */
  write?(context: WriteContext): Record<string, Value>
  /**
   * Whether each pixel's output depends on that pixel alone, so that any cut of a scene gives the same scores.
   * `per-image` nodes (quantile deciders) need the whole scene and are handled by the inference engine.
   */
  locality: 'pixel' | 'image'
  /** Losses: `mean` when the loss is a mean over pixels (plus terms without pixels), so micro-batches add up. */
  reduction?: 'mean'
}
