import type { ParameterDescription, ParameterValue } from '../../shared/nodes'
import { readTargets, TARGET_EXPECTED } from '../nodes/targets'
import { didYouMean } from './suggest'
import { shown } from './yaml-source'

/** Something wrong with one parameter. */
export interface ParameterFault {
  parameter: string
  /** A clause that follows the name of the node. */
  message: string
}

/** Values of all described parameters, defaults applied; a bad value is replaced by the default and listed. */
export function readParameters(descriptions: readonly ParameterDescription[], config: Readonly<Record<string, unknown>>): { values: Record<string, ParameterValue>; faults: ParameterFault[] } {
  const faults: ParameterFault[] = []
  const values: Record<string, ParameterValue> = {}
  for (const description of descriptions) {
    const { name, default: fallback } = description
    const written = Object.hasOwn(config, name) ? flat(description, config[name]) : undefined
    if (written === undefined) {
      if (fallback === undefined) faults.push({ parameter: name, message: `needs the parameter ${name} (${expectation(description)})` })
      else values[name] = fallback
      continue
    }
    if (isAllowed(description, written)) values[name] = written
    else {
      faults.push({ parameter: name, message: `has ${shown(written)} as ${name}; ${expectation(description)} is expected` })
      if (fallback !== undefined) values[name] = fallback
    }
  }
  const known = descriptions.map((description) => description.name)
  for (const name of Object.keys(config)) {
    if (known.includes(name)) continue
    const hint = didYouMean(name, known)
    const list = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`
    faults.push({ parameter: name, message: `has no parameter ${name}${hint === '' ? `; ${list}` : hint.replace(/\?$/, '')}` })
  }
  return { values, faults }
}

/** A list of pairs, such as ranges of wavelengths, is one list of numbers; a single target gets its name. */
function flat({ type }: ParameterDescription, value: unknown): unknown {
  if (type === 'targets') return readTargets(value) ?? value
  return type === 'numbers' && Array.isArray(value) && value.length > 0 && value.every((item) => Array.isArray(item)) ? value.flat() : value
}

function isAllowed(description: ParameterDescription, value: unknown): value is ParameterValue {
  if (value === null) return description.nullable === true || description.default === null
  switch (description.type) {
    case 'integer':
      return value === 'auto' ? description.default === 'auto' : isWithin(description, value) && Number.isInteger(value)
    case 'number':
      return isWithin(description, value)
    case 'string':
      return typeof value === 'string'
    case 'boolean':
      return typeof value === 'boolean'
    case 'choice':
      return typeof value === 'string' && (description.choices ?? []).includes(value)
    case 'integers':
      return Array.isArray(value) && value.every((item) => isWithin(description, item) && Number.isInteger(item))
    case 'numbers':
      return Array.isArray(value) && value.every((item) => isWithin(description, item))
    case 'targets':
      return readTargets(value) !== null
  }
}

function isWithin({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: ParameterDescription, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false
  if (minimum !== undefined && value < minimum) return false
  if (maximum !== undefined && value > maximum) return false
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return false
  return exclusiveMaximum === undefined || value < exclusiveMaximum
}

/** "an integer of at least 1" */
function expectation(description: ParameterDescription): string {
  const { type, choices = [], minimum, maximum, exclusiveMinimum, exclusiveMaximum, nullable, unit } = description
  const limits = [
    minimum !== undefined && maximum !== undefined ? `from ${minimum} to ${maximum}` : '',
    minimum !== undefined && maximum === undefined ? `of at least ${minimum}` : '',
    minimum === undefined && maximum !== undefined && exclusiveMinimum === undefined ? `of at most ${maximum}` : '',
    exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : '',
    exclusiveMinimum !== undefined && maximum !== undefined ? `and at most ${maximum}` : '',
    exclusiveMaximum !== undefined ? `${exclusiveMinimum === undefined ? '' : 'and '}below ${exclusiveMaximum}` : '',
    unit === undefined ? '' : `in ${unit}`,
  ].filter(Boolean)
  const kinds = { integer: 'an integer', number: 'a number', string: 'a text', boolean: 'true or false', choice: choices.map((one) => `"${one}"`).join(' or '), integers: 'a list of integers', numbers: 'a list of numbers', targets: TARGET_EXPECTED }
  const others = [description.default === 'auto' ? 'auto' : '', nullable ? 'null' : ''].filter(Boolean)
  return [kinds[type], ...limits].join(' ') + others.map((other) => ` or ${other}`).join('')
}
