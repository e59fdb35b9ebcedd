import type { Problem } from './problem'

/** Element type of a port. `metrics` is a list of named numbers, which never enters a graph. */
export type PortDataType = 'float32' | 'int32' | 'int64' | 'bool' | 'metrics'

/** A dimension: a fixed size, or a name. B, H, W are free; other names (C, D, K) must agree along a connection. */
export type PortDimension = number | string

/** What a port carries. */
export interface PortForm {
  dtype: PortDataType
  shape: PortDimension[]
}

export interface PortDescription extends PortForm {
  name: string
  description: string
  optional: boolean
  /** Other names under which documents may address it. */
  aliases: string[]
  /** Other forms that an input takes: a mask as class ids [B, H, W] instead of truth values [B, H, W, 1]. */
  alternatives?: PortForm[]
}

/**
 * Where the spectrum of a target comes from; exactly one of library (with entry), pixel, rectangle, polygon, class and
 * spectrum is stated. Pixels and regions are those of the first cube that is fitted. Lines and samples count from 0.
 */
export interface SpectralTarget {
  /** Path of a spectral library, relative to the document. */
  library?: string
  /** Its entry, by name or by number from 1. */
  entry?: string | number
  /** [line, sample] */
  pixel?: number[]
  /** Mean of [line, sample, lines, samples]. */
  rectangle?: number[]
  /** Mean of the pixels whose centres lie inside: corners [line, sample], in which a pixel reaches from its number to the next. */
  polygon?: number[][]
  /** Mean of the pixels of a class of the mask, by id or by name. */
  class?: string | number
  /** One number per band of the cube. */
  spectrum?: number[]
}

/** Targets by their names, in their order. */
export interface SpectralTargets {
  [name: string]: SpectralTarget
}

export type ParameterValue = number | string | boolean | null | number[] | SpectralTargets

export interface ParameterDescription {
  name: string
  /** targets: one SpectralTarget, or several by their names. */
  type: 'integer' | 'number' | 'string' | 'boolean' | 'choice' | 'integers' | 'numbers' | 'targets'
  /** undefined: required. 'auto' on a channel count: filled in from the cube. */
  default?: ParameterValue
  description: string
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  choices?: string[]
  nullable?: boolean
  unit?: string
}

/** What a node type says of itself. */
export interface NodeDescription {
  type: string
  aliases: string[]
  family: string
  summary: string
  /** Formula in words or symbols, and where it comes from. */
  formula: string
  source: string
  inputs: PortDescription[]
  outputs: PortDescription[]
  parameters: ParameterDescription[]
  role: 'source' | 'transform' | 'decider' | 'loss' | 'metric'
  needsStatistics: boolean
  trainable: boolean
}

/** One entry of `cuvette nodes --json`. */
export interface CatalogueEntry extends NodeDescription {
  /** A document in the short dialect that has the node in it. */
  example: string
}

/** The graph of a pipeline as the renderer draws it. */
export interface PipelineSummary {
  name: string
  nodes: { name: string; type: string; known: boolean; parameters: Record<string, ParameterValue>; problems: Problem[] }[]
  connections: { from: string; to: string }[]
  epochs: number | null
  problems: Problem[]
  /** What hinders nothing: nodes that are left out, settings that are not followed. Left out where there is nothing to say. */
  warnings?: Problem[]
}
