import { CuvetteError } from '../../shared/problem'
import type { GraphMessage, ModelMessage, NodeMessage, TypeMessage, ValueInfoMessage } from '../onnx/messages/schema'
import { encodeModelMessage } from '../onnx/messages/schema'
import { tensorMessage, toNumber } from '../onnx/messages/tensor'
import { readModel } from '../onnx/model'
import { int64 } from '../onnx/tensor'
import { gradientBufferName, gradientName, LOSS_OUTPUT, RESET_INPUT } from '../onnx/training-model'
import type { Checkpoint } from './checkpoint'

// Training artifacts that somebody else made have other names for pixels, mask and loss, give no gradients out, and hold
// the accumulator, which stock runtimes lack. What trains is the file's own graph with these ends changed: in come `cube`
// [B,H,W,C] and `targets` [B,H,W,1], out come `loss` and the gradients that went into the accumulators.

const DOMAIN = 'com.microsoft'
const ACCUMULATOR = 'InPlaceAccumulatorV2'
const [FLOAT, INT64, BOOL] = [1, 7, 9]
const ELEMENTS: Readonly<Record<number, string>> = { 1: 'float32', 6: 'int32', 7: 'int64', 9: 'bool', 10: 'float16', 11: 'float64' }

/** An input that neither pixels nor the mask nor the checkpoint give. */
export interface OtherInput {
  name: string
  shape: readonly number[]
  /** Whether it may be left out. */
  optional: boolean
}

export interface GivenModel {
  /** Bytes of the model with the trainer's ends. */
  model: Uint8Array
  others: readonly OtherInput[]
}

/** Of the checkpoint: what are no inputs of the caller. */
type Known = Pick<Checkpoint, 'trainable' | 'frozen' | 'moving'>

/**
 * A training model for the trainer. `bands` of the cubes. Throws CuvetteError('bad-artifact') for a model that is not in
 * the format: an accumulator without its buffer, a parameter without a gradient, operators of other domains.
 */
export function givenTrainingModel(bytes: Uint8Array, path: string, checkpoint: Known, bands: number): GivenModel {
  const message = readModel(bytes, path)
  const graph = message.graph as GraphMessage
  const nodes = graph.node ?? []
  const accumulators = nodes.filter(isAccumulator)
  if (accumulators.length === 0) throw unfit(path, `it holds no ${ACCUMULATOR}, so it is no training model`)
  const gradients = new Map(accumulators.map(({ input = [] }) => [input[0], input[1]]))
  const kept = nodes.filter((node) => !isAccumulator(node))
  const flags = new Set(accumulators.flatMap(({ output = [] }) => output))
  const raw: NodeMessage[] = []
  const outputs: ValueInfoMessage[] = []
  for (const [parameter, { shape }] of checkpoint.trainable) {
    const gradient = gradients.get(gradientBufferName(parameter))
    if (gradient === undefined) throw unfit(path, `the checkpoint trains ${parameter}, and no ${ACCUMULATOR} takes ${gradientBufferName(parameter)}`)
    const name = gradientName(parameter)
    if (gradient !== name) raw.push(identity(gradient, name))
    outputs.push({ name, type: typeOf(FLOAT, shape) })
  }
  const given = new Set(outputs.map(({ name }) => name))
  graph.node = [...kept, ...raw]
  graph.output = [...(graph.output ?? []).filter(({ name = '' }) => !flags.has(name) && !given.has(name)), ...outputs]
  graph.input = (graph.input ?? []).filter(({ name = '' }) => name !== RESET_INPUT && !gradients.has(name))
  return withOurEnds(message, path, checkpoint, bands)
}

/** An evaluation model for the trainer. Throws as givenTrainingModel. */
export function givenEvaluationModel(bytes: Uint8Array, path: string, checkpoint: Known, bands: number): GivenModel {
  return withOurEnds(readModel(bytes, path), path, checkpoint, bands)
}

function isAccumulator({ op_type: op, domain }: NodeMessage): boolean {
  return op === ACCUMULATOR && domain === DOMAIN
}

function withOurEnds(message: ModelMessage, path: string, checkpoint: Known, bands: number): GivenModel {
  const graph = message.graph as GraphMessage
  refuseCustomOperators(message, path)
  // With the accumulators their definition for stock runtimes goes, and files without it need none.
  message.functions = message.functions?.filter(({ name, domain }) => !(name === ACCUMULATOR && domain === DOMAIN))
  const defaults = new Set(graph.initializer?.map(({ name }) => name))
  const known = new Set([...checkpoint.trainable.keys(), ...checkpoint.frozen.keys(), ...checkpoint.moving.keys()])
  for (const { name, dims } of inputsOf(graph, path)) {
    const tensor = checkpoint.trainable.get(name) ?? checkpoint.frozen.get(name) ?? checkpoint.moving.get(name)
    if (tensor && !fits(dims, tensor.shape)) throw unfit(path, `it takes ${name} as [${dims.join(', ')}], and the checkpoint has it as [${tensor.shape.join(', ')}]`)
  }
  // Which pixels count is the trainer's to say, as it is of its own models.
  const own = inputsOf(graph, path).filter(({ name, type }) => !known.has(name) && !(name === 'judged' && type === BOOL))
  const pixels = pixelsOf(own, path, bands)
  const rest = own.filter(({ name }) => name !== pixels.name)
  const mask = maskOf(rest, path)
  const others = rest.filter(({ name }) => name !== mask?.name)
  const wrong = others.find(({ name, dims, type }) => !defaults.has(name) && (type !== FLOAT || dims.some((size) => typeof size !== 'number')))
  if (wrong) throw unfit(path, `its input ${wrong.name} is ${described(wrong)}, and nothing here is that; further inputs are float32 of a fixed shape`)

  const first: NodeMessage[] = []
  const shaped = (name: string, shape: readonly number[]): string => {
    graph.initializer = [...(graph.initializer ?? []), tensorMessage(`${name}/shape`, int64([shape.length], shape))]
    return `${name}/shape`
  }
  if (pixels.name !== 'cube' || pixels.dims.length !== 4) {
    const name = inside(graph, pixels.name, 'cube')
    first.push(pixels.dims.length === 2 ? node('Reshape', ['cube', shaped(name, [-1, bands])], name) : identity('cube', name))
  }
  if (mask && (mask.name !== 'targets' || mask.dims.length !== 4 || mask.type !== BOOL)) {
    const name = inside(graph, mask.name, 'targets')
    const cast = mask.type === BOOL ? 'targets' : `${name}/cast`
    if (mask.type !== BOOL) first.push({ ...node('Cast', ['targets'], cast), attribute: [{ name: 'to', i: mask.type, type: 2 }] })
    first.push(mask.dims.length === 4 ? identity(cast, name) : node('Reshape', [cast, shaped(name, mask.dims.length === 1 ? [-1] : [-1, 1])], name))
  }
  const replaced = new Set([pixels.name, mask?.name])
  graph.input = [
    { name: 'cube', type: typeOf(FLOAT, ['B', 'H', 'W', bands]) },
    ...(mask ? [{ name: 'targets', type: typeOf(BOOL, ['B', 'H', 'W', 1]) }] : []),
    ...(graph.input ?? []).filter(({ name }) => !replaced.has(name)),
  ]
  const last = lossOf(graph, path)
  graph.node = [...first, ...(graph.node ?? []), ...last]
  return { model: encodeModelMessage(message), others: others.map(({ name, dims }) => ({ name, shape: dims as number[], optional: defaults.has(name) })) }
}

/** The loss is the output of that name, or the first one, as the tools of the training runtime have it. */
function lossOf(graph: GraphMessage, path: string): NodeMessage[] {
  const outputs = graph.output ?? []
  if (outputs.some(({ name }) => name === LOSS_OUTPUT)) return []
  const [loss] = outputs
  const dims = loss?.type?.tensor_type?.shape?.dim ?? []
  if (!loss || loss.type?.tensor_type?.elem_type !== FLOAT || dims.some((dim) => toNumber(dim.dim_value ?? 0) !== 1)) throw unfit(path, 'its first output is no loss, which is one float32 number')
  graph.output = [{ ...loss, name: LOSS_OUTPUT }, ...outputs]
  return [identity(loss.name ?? '', LOSS_OUTPUT)]
}

interface StatedInput {
  name: string
  type: number
  /** Text for a size that is free. */
  dims: (number | string)[]
}

function inputsOf(graph: GraphMessage, path: string): StatedInput[] {
  return (graph.input ?? []).map(({ name = '', type }) => {
    const { elem_type: element, shape } = type?.tensor_type ?? {}
    if (element === undefined || !shape) throw unfit(path, `its input ${name} states no tensor with a shape`)
    return { name, type: element, dims: (shape.dim ?? []).map(({ dim_value: size, dim_param: label }) => (size === undefined || label ? (label ?? '?') : toNumber(size))) }
  })
}

/** One row or one vector for each pixel: float32 [n, C] or [B, H, W, C]. */
function pixelsOf(own: readonly StatedInput[], path: string, bands: number): StatedInput {
  const forms = own.filter(({ type, dims }) => type === FLOAT && (dims.length === 2 || dims.length === 4) && dims.slice(0, -1).every((size) => typeof size === 'string'))
  const named = forms.find(({ name }) => name === 'cube')
  const fitting = named ? [named] : forms.filter(({ dims }) => dims.at(-1) === bands)
  if (fitting.length === 1 && fitting[0].dims.at(-1) === bands) return fitting[0]
  if (fitting.length > 1) throw unfit(path, `its inputs ${fitting.map(({ name }) => name).join(' and ')} could both be the pixels; call the right one cube`)
  const found = forms.map((one) => `${one.name} ${described(one)}`).join(', ') || own.map((one) => `${one.name} ${described(one)}`).join(', ') || 'none'
  throw unfit(path, `no input takes pixels of ${bands} bands, float32 [n, ${bands}] or [B, H, W, ${bands}] with free sizes; its inputs are ${found}`)
}

/** One value for each pixel: [n], [n, 1] or [B, H, W, 1]. */
function maskOf(rest: readonly StatedInput[], path: string): StatedInput | null {
  const forms = rest.filter(({ dims }) => typeof dims[0] === 'string' && [1, 2, 4].includes(dims.length) && (dims.length === 1 || dims.at(-1) === 1))
  const named = forms.find(({ name }) => name === 'targets')
  const found = named ? [named] : forms
  if (found.length > 1) throw unfit(path, `its inputs ${found.map(({ name }) => name).join(' and ')} could both be the mask; call the right one targets`)
  if (found.length === 1 && ![FLOAT, INT64, 6, BOOL].includes(found[0].type)) throw unfit(path, `its input ${found[0].name} is ${described(found[0])}; a mask is bool, float32, int32 or int64`)
  return found[0] ?? null
}

function fits(dims: readonly (number | string)[], shape: readonly number[]): boolean {
  return dims.length === shape.length && dims.every((size, axis) => typeof size === 'string' || size === shape[axis])
}

function described({ type, dims }: StatedInput): string {
  return `${ELEMENTS[type] ?? `of element type ${type}`} [${dims.join(', ')}]`
}

/** Local functions are part of the file; whatever else has a domain needs code that is not in it. */
function refuseCustomOperators({ graph, functions = [] }: ModelMessage, path: string): void {
  const defined = new Set(functions.map(({ domain, name }) => `${domain ?? ''}.${name ?? ''}`))
  const bodies = [graph?.node ?? [], ...functions.map(({ node: body = [] }) => body)]
  for (let nodes = bodies.pop(); nodes; nodes = bodies.pop()) {
    for (const { op_type: op, domain = '', attribute = [] } of nodes) {
      if (domain !== '' && domain !== 'ai.onnx' && !defined.has(`${domain}.${op ?? ''}`)) throw unfit(path, `it uses the custom operator ${domain}.${op ?? ''}; only standard operators and ${DOMAIN}.${ACCUMULATOR} are taken`)
      for (const { g } of attribute) if (g) bodies.push(g.node ?? [])
    }
  }
}

/** The name of an input inside the graph, once it is no input any more: another one where it would be in the way of ours. */
function inside(graph: GraphMessage, input: string, ours: string): string {
  if (input !== ours) return input
  const name = `${input}/given`
  for (let graphs = [graph], one = graphs.pop(); one; one = graphs.pop()) {
    for (const { input: taken = [], attribute = [] } of one.node ?? []) {
      taken.forEach((value, at) => { if (value === input) taken[at] = name })
      for (const { g } of attribute) if (g) graphs = [...graphs, g]
    }
    for (const output of one.output ?? []) if (output.name === input) throw new CuvetteError('bad-artifact', `The training artifact gives its input ${input} out again; give the output another name.`)
  }
  return name
}

function identity(from: string, to: string): NodeMessage {
  return node('Identity', [from], to)
}

function node(op: string, input: string[], output: string): NodeMessage {
  return { op_type: op, name: `cuvette ${output}`, input, output: [output] }
}

function typeOf(element: number, shape: readonly (number | string)[]): TypeMessage {
  return { tensor_type: { elem_type: element, shape: { dim: shape.map((size) => (typeof size === 'number' ? { dim_value: size } : { dim_param: size })) } } }
}

function unfit(path: string, what: string): CuvetteError {
  return new CuvetteError('bad-artifact', `The training artifact ${path} cannot be used: ${what}.`, { path })
}
