import type { ParameterDescription, ParameterValue, SpectralTarget, SpectralTargets } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import type { Value } from '../onnx/graph'
import type { NodeType, Parameters, StateTensor, WriteContext } from './node'

// Target spectra of a detector. A document says where they come from; the fit reads them once, brings them through the
// nodes before the detector, and keeps them in its state, so that a trained pipeline needs no library and no cube.

/** Parameter and state tensor of every detector that has targets. */
export const TARGET = 'target'

const KINDS = ['library', 'pixel', 'rectangle', 'polygon', 'class', 'spectrum'] as const
type Kind = (typeof KINDS)[number]

/** The parameter `target`, the same for every detector. */
export const targetParameter: ParameterDescription = {
  name: TARGET,
  type: 'targets',
  default: null,
  nullable: true,
  description: 'Spectra that are looked for, one or several by their names: {library, entry}, {pixel: [line, sample]}, {rectangle: [line, sample, lines, samples]}, {polygon: [[line, sample], ...]}, {class} or {spectrum}. The fit keeps them in the state.',
}

/** How a target is written, for messages. */
export const TARGET_EXPECTED = 'a target such as {library: minerals.sli, entry: Kaolinite}, {pixel: [line, sample]}, {rectangle: [line, sample, lines, samples]}, {polygon: [[line, sample], ...]}, {class: 1} or {spectrum: [...]}, or a mapping from names to such targets,'

/** What a document states, as targets by their names; null when it is not understood. */
export function readTargets(written: unknown): SpectralTargets | null {
  if (!isMapping(written)) return null
  const single = targetOf(written)
  if (single) return { [nameOf(single)]: single }
  const named = Object.entries(written).map(([name, value]) => [name, isMapping(value) ? targetOf(value) : null] as const)
  return named.length > 0 && named.every(([, target]) => target !== null) ? (Object.fromEntries(named) as SpectralTargets) : null
}

/** The targets of a node; none when it states none. */
export function targetsOf(parameters: Parameters): [name: string, target: SpectralTarget][] {
  const value: ParameterValue | undefined = parameters[TARGET]
  return isMapping(value) ? Object.entries(value as SpectralTargets) : []
}

/** What the state of a detector keeps of its targets: [K, C]; nothing without targets. */
export function targetState(parameters: Parameters): StateTensor[] {
  const count = targetsOf(parameters).length
  return count === 0 ? [] : [{ name: TARGET, shape: [count, parameters.num_channels as number], kind: 'constant' }]
}

/** The kept targets [K, C] in a graph. Throws CuvetteError('bad-pipeline') when the node states none. */
export function keptTargets({ parameters, state }: Pick<WriteContext, 'parameters' | 'state'>, instead: string): Value {
  if (targetsOf(parameters).length > 0) return state[TARGET]
  throw new CuvetteError('bad-pipeline', `The detector has nothing to look for; state a target${instead}.`, { where: TARGET })
}

/** Whether a node takes targets from its parameter in a pipeline, and has none of them from elsewhere. */
export function lacksTargets(type: NodeType, parameters: Parameters, connected: readonly string[]): boolean {
  const { targets } = type
  return targets !== undefined && targetsOf(parameters).length === 0 && !targets.instead.some((name) => connected.includes(name) || (parameters[name] ?? null) !== null)
}

/** Where a target comes from, in words: "the entry Kaolinite of minerals.sli". */
export function originOf(target: SpectralTarget): string {
  if (target.library !== undefined) return `the entry ${target.entry} of ${target.library}`
  if (target.pixel) return `the pixel at line ${target.pixel[0]}, sample ${target.pixel[1]}`
  if (target.rectangle) return `the rectangle at line ${target.rectangle[0]}, sample ${target.rectangle[1]}`
  if (target.polygon) return `the polygon with ${target.polygon.length} corners`
  if (target.class !== undefined) return `the class ${target.class} of the mask`
  return 'the listed spectrum'
}

/** What a target without a name is called. */
export function nameOf(target: SpectralTarget): string {
  if (target.library !== undefined) return typeof target.entry === 'number' ? `entry ${target.entry}` : (target.entry ?? 'entry')
  if (target.pixel) return `pixel ${target.pixel.join(', ')}`
  if (target.class !== undefined) return `class ${target.class}`
  return target.rectangle ? 'rectangle' : target.polygon ? 'polygon' : 'spectrum'
}

/** One target, if the keys and values say one and nothing else. */
function targetOf(written: Readonly<Record<string, unknown>>): SpectralTarget | null {
  const kinds = KINDS.filter((kind) => kind in written)
  const allowed = kinds[0] === 'library' ? ['library', 'entry'] : kinds
  if (kinds.length !== 1 || Object.keys(written).some((key) => !allowed.includes(key as Kind))) return null
  return isTarget(kinds[0], written) ? (written as SpectralTarget) : null
}

function isTarget(kind: Kind, written: Readonly<Record<string, unknown>>): boolean {
  const value = written[kind]
  switch (kind) {
    case 'library':
      return isText(value) && (isText(written.entry) || (isWhole(written.entry) && written.entry >= 1))
    case 'class':
      return isText(value) || isWhole(value)
    case 'pixel':
      return isList(value, isWhole) && value.length === 2
    case 'rectangle':
      return isList(value, isWhole) && value.length === 4 && value[2] > 0 && value[3] > 0
    case 'polygon':
      return isList(value, (corner): corner is number[] => isList(corner, isFinite) && corner.length === 2) && value.length >= 3
    case 'spectrum':
      return isList(value, isFinite) && value.length > 0
  }
}

function isList<T>(value: unknown, item: (value: unknown) => value is T): value is T[] {
  return Array.isArray(value) && value.every((each) => item(each))
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== ''
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
