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

/**
 * What a pixel's output depends on. pixel: that pixel alone, so any cut of a scene gives the same numbers.
 * neighbourhood: pixels at most `margin` lines or samples away. image: every pixel of its image. batch: every pixel of
 * every image of the batch.
 */
export type Locality = 'pixel' | 'neighbourhood' | 'image' | 'batch'

/** A file that a node reads, such as a model of others. */
export interface NodeFile {
  path: string
  bytes: Uint8Array
  sha256: string
}

/** What a node is given when it writes itself into a graph. */
export interface WriteContext {
  graph: Graph
  /** Name of the node in its pipeline. */
  scope: string
  parameters: Parameters
  /** Handles of the state tensors: graph inputs when they train or move, initializers otherwise. */
  state: Readonly<Record<string, Value>>
  /** Their present values, for what must be computed before the graph exists (a float64 factorisation). */
  tensors: NodeState
  /** Whether the state tensor gets a gradient in this graph. */
  isTrained(name: string): boolean
  /** Input ports: images as [B, H, W, C], vectors as [D]. A port that is not connected is missing. */
  inputs: Readonly<Record<string, Value>>
  /** An image port as one row per pixel [B*H*W, C]. Costs nothing where the node before it wrote rows. */
  rows(port: string): Value
  /** The same without the pixels that are not to be judged; for losses, and for state that follows the batches. */
  judgedRows(port: string): Value
  /** Which pixels are to be judged, bool [B, H, W, 1]; null: all. */
  judged(): Value | null
  stage: Stage
  /** Wavelengths of the cube in nanometres [C], when known. */
  wavelengthsNm: readonly number[] | null
  /** A scalar the caller may set per run, with a default: an optional graph input named "<node>.<name>". */
  setting(name: string, fallback: number): Value
  /** The file that a parameter names; see `files` of the type. */
  file(parameter: string): NodeFile
  /** Random numbers that the node declares in `noise`: a graph input "<node>.<name>", drawn anew for every batch. */
  noise(name: string): Value
  /** Declares the value that a state tensor has after this batch: graph output "<node>.<name>.next". */
  update(name: string, next: Value): void
}

/** What a node makes of the stream of the statistical phase. */
export interface StatisticsAccumulator {
  /**
   * pixels: [count, channels] row-major. targets [count]: 1 anomalous, for fits that want them; otherwise null. The
   * buffers may be used again after the promise is settled.
   */
  add(pixels: Float32Array, count: number, channels: number, targets: Uint8Array | null): Promise<void>
  /** Throws CuvetteError('bad-data') when too few pixels came. */
  finish(): Promise<NodeState>
}

/** What the statistical phase tells a node before the first pixel comes. */
export interface StatisticsContext {
  /** Name of the node in its pipeline, for messages and random draws. */
  node: string
  /** Seed of the run. */
  seed: number
  /** How many pixels the whole stream will bring. Sampling without replacement needs it. */
  pixels: number
  /** Wavelengths of the cubes in nanometres [C], when known. */
  wavelengthsNm: readonly number[] | null
}

export interface StatisticalFit {
  /** Which input port is observed. */
  port: string
  /** Whether these parameters ask for statistics at all; default: they do. */
  needed?(parameters: Parameters): boolean
  /** Whether the mask of the cubes comes along. Without one the fit is refused before it starts. */
  wantsTargets?: boolean
  start(parameters: Parameters, context: StatisticsContext): StatisticsAccumulator
}

/** A random input of the training graph. */
export interface Noise {
  name: string
  shape: readonly number[]
  /** uniform: [0, 1), never 1 after rounding to float32. */
  draw: 'uniform' | 'normal'
}

/** Numbers about concrete tensors, computed on the host. They never enter a graph. */
export interface Measurement {
  /** The node's own input and output ports that are looked at, inputs that may be missing included. */
  ports: readonly string[]
  /** Tensors by port; `bool` ports are uint8 0 or 1. Returns named numbers, NaN where one is not defined. */
  measure(parameters: Parameters, tensors: Readonly<Record<string, Tensor>>): Record<string, number>
}

/** Everything the engine knows of one node type. */
export interface NodeType {
  description: NodeDescription
  /** Checks that no schema can say (a < b); throws CuvetteError('bad-pipeline'). */
  check?(parameters: Parameters): void
  /**
   * Channel count (last axis) of each output port given those of the inputs; -1 where unknown. Throws
   * CuvetteError('bad-pipeline') where the cube does not fit; `wavelengthsNm` is undefined while no cube is known.
   */
  channels?(parameters: Parameters, inputs: Readonly<Record<string, number>>, context: { wavelengthsNm: readonly number[] | null | undefined; file?: (parameter: string) => NodeFile | undefined }): Record<string, number>
  /** Parameters that state a port's channel count, and that 'auto' takes from it: {num_channels: 'data'}. */
  autoChannels?: Readonly<Record<string, string>>
  /** Parameters with which the reference scores as these do, where that takes others than these. */
  nearestInRepository?(parameters: Parameters): Parameters
  /** Parameters that name files, relative to the document. A trained pipeline keeps copies of them. */
  files?: readonly string[]
  /** Parameters of ours with the values that reproduce the reference implementation. Set by the reader of its dialect. */
  repositoryParameters?: Parameters
  /** What an alias stands for where it is not the default: parameters by alias, which a document may still state. */
  aliasParameters?: Readonly<Record<string, Parameters>>
  state?(parameters: Parameters): StateTensor[]
  /**
   * Where the reference implementation keeps other tensors than `state` in float32: its state_dict of this node from
   * ours, and ours from its (all float32 here).
   */
  repositoryState?: {
    write(parameters: Parameters, state: NodeState): NodeState
    read(parameters: Parameters, stored: NodeState): NodeState
  }
  /** Statistics that unfreeze() makes trainable. */
  trainableStatistics?: readonly string[]
  /** State tensors that change with every batch: graph inputs, for which the node calls `update`. */
  moving?(parameters: Parameters, stage: Stage, isTrained: (name: string) => boolean): string[]
  /** First values of parameters and constants, from the one seeded generator. */
  initialise?(parameters: Parameters, random: RandomSource): NodeState
  fit?: StatisticalFit
  /**
   * A detector whose parameter `target` names spectra (targets.ts). `port`: through which pixels come; the fit brings the
   * targets through the nodes before it. `instead`: inputs and parameters that can stand in for targets.
   */
  targets?: { port: string; instead: readonly string[] }
  /** Writes the node; returns its output ports. An image port may be returned as rows [B*H*W, C]. */
  write?(context: WriteContext): Record<string, Value>
  /** Numbers that the node reports: metric nodes, and nodes with a port of named numbers. */
  measurement?: Measurement
  /** By parameters and stage where it is not the same for all: a normalisation over the image only in training. */
  locality: Locality | ((parameters: Parameters, stage: Stage) => Locality)
  /** Lines and samples around a pixel that its output depends on; for nodes of locality neighbourhood. */
  margin?(parameters: Parameters): number
  /** Settings that follow the training, such as a temperature: their values in stage train, by 0-based epoch. */
  schedule?(parameters: Parameters, epoch: number): Record<string, number>
  /** Random inputs of the node in stage train, drawn from the seed, the node's name, the epoch and the batch. */
  noise?(parameters: Parameters): readonly Noise[]
  /**
   * Largest |float32 - float64| / max(1, |float64|) of its outputs, where rounding takes more than 1e-5: exported models
   * state it, and are checked with it.
   */
  tolerance?: number
  /** Losses: `mean` when the loss is a mean over pixels (plus terms without pixels), so micro-batches add up. */
  reduction?: 'mean'
}

/** The locality of a node with these parameters in a stage. */
export function localityOf(type: NodeType, parameters: Parameters, stage: Stage): Locality {
  return typeof type.locality === 'function' ? type.locality(parameters, stage) : type.locality
}
