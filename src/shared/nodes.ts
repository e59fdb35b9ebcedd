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

export type ParameterValue = number | string | boolean | null | number[]

export interface ParameterDescription {
  name: string
  type: 'integer' | 'number' | 'string' | 'boolean' | 'choice' | 'integers' | 'numbers'
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
