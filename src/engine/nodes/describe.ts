import type { NodeDescription, ParameterDescription, PortDataType, PortDescription, PortDimension, PortForm } from '../../shared/nodes'

// Short ways to state ports and parameters, so that a node's description reads like the table it becomes.

interface PortOptions {
  dtype?: PortDataType
  optional?: boolean
  aliases?: string[]
  alternatives?: PortForm[]
}

/** A port with one vector per pixel, [B, H, W, channels]. */
export function image(name: string, channels: PortDimension, description: string, options: PortOptions = {}): PortDescription {
  return port(name, ['B', 'H', 'W', channels], description, options)
}

/** A port with one vector, [size]. */
export function vector(name: string, size: PortDimension, description: string, options: PortOptions = {}): PortDescription {
  return port(name, [size], description, options)
}

/** A port with one matrix, [rows, columns]. */
export function matrix(name: string, rows: PortDimension, columns: PortDimension, description: string, options: PortOptions = {}): PortDescription {
  return port(name, [rows, columns], description, options)
}

/** A port with one number. */
export function scalar(name: string, description: string, options: PortOptions = {}): PortDescription {
  return port(name, [], description, options)
}

/** A port of named numbers. It never enters a graph. */
export function namedNumbers(name: string, description: string): PortDescription {
  return port(name, [], description, { dtype: 'metrics', optional: true })
}

function port(name: string, shape: PortDimension[], description: string, { dtype = 'float32', optional = false, aliases = [], alternatives }: PortOptions): PortDescription {
  return { name, dtype, shape, description, optional, aliases, ...(alternatives && { alternatives }) }
}

type Limits = Pick<ParameterDescription, 'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum' | 'nullable' | 'unit'>

export function integer(name: string, fallback: ParameterDescription['default'], description: string, limits: Limits = {}): ParameterDescription {
  return { name, type: 'integer', default: fallback, description, ...limits }
}

/** A channel count that is taken from what arrives when it is not stated. */
export function channelCount(name: string, description: string): ParameterDescription {
  return { name, type: 'integer', default: 'auto', description, minimum: 1 }
}

export function number(name: string, fallback: ParameterDescription['default'], description: string, limits: Limits = {}): ParameterDescription {
  return { name, type: 'number', default: fallback, description, ...limits }
}

export function choice(name: string, choices: string[], fallback: string, description: string): ParameterDescription {
  return { name, type: 'choice', choices, default: fallback, description }
}

export function boolean(name: string, fallback: boolean, description: string): ParameterDescription {
  return { name, type: 'boolean', default: fallback, description }
}

export function integers(name: string, fallback: ParameterDescription['default'], description: string, limits: Limits = {}): ParameterDescription {
  return { name, type: 'integers', default: fallback, description, ...limits }
}

export function numbers(name: string, fallback: ParameterDescription['default'], description: string, limits: Limits = {}): ParameterDescription {
  return { name, type: 'numbers', default: fallback, description, ...limits }
}

/** A text, such as the path of a file. */
export function text(name: string, fallback: ParameterDescription['default'], description: string, limits: Limits = {}): ParameterDescription {
  return { name, type: 'string', default: fallback, description, ...limits }
}

type Required = 'type' | 'family' | 'summary' | 'formula' | 'source' | 'role'

/** A description with the usual values for what is left out. */
export function describe(description: Pick<NodeDescription, Required> & Partial<NodeDescription>): NodeDescription {
  return { aliases: [], inputs: [], outputs: [], parameters: [], needsStatistics: false, trainable: false, ...description }
}
