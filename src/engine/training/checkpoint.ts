import { readFile } from 'node:fs/promises'
import { Builder } from 'flatbuffers'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import type { Tensor } from '../onnx/tensor'
import { elementCount } from '../onnx/tensor'
import { FlatBufferDamage, FlatBufferReader } from './flatbuffer-reader'
import type { FlatTable } from './flatbuffer-reader'

// The checkpoint of ONNX Runtime's on-device training (schema ort_training_checkpoint.fbs, version 2,
// as 1.19.2 reads it): parameters inline, moments by parameter, and a bag of properties. State that moves without a
// gradient is kept as properties: as a frozen parameter the runtime would hold it still, whereas what the checkpoint
// does not name as a parameter is an input that its caller moves.

const IDENTIFIER = 'ODTC'
const VERSION = 2
const FLOAT = 1
/** Property of a state tensor that moves: JSON {"shape": [...], "float32": base64 of its little-endian bytes}. */
const MOVING = 'moving:'

type Float32Tensor = Tensor<'float32'>

/** Moments of the optimizer: per parameter, in the optimizer's order ([m, v] for AdamW, [velocity] for SGD). */
export interface OptimizerGroup {
  /** Steps taken so far. */
  step: number
  initialLearningRate: number
  moments: ReadonlyMap<string, readonly Float32Tensor[]>
}

export interface Checkpoint {
  /** Parameters that train, by "<node>.<name>". */
  trainable: ReadonlyMap<string, Float32Tensor>
  /** Inputs of the training graph that neither train nor move. Ours has none; older checkpoints keep here what moves. */
  frozen: ReadonlyMap<string, Float32Tensor>
  /** State that moves without a gradient, such as a center: inputs of the training graph with outputs "<name>.next". */
  moving: ReadonlyMap<string, Float32Tensor>
  optimizer: OptimizerGroup | null
  /** Our own notes: epoch, seed, schedule state. We keep no floats; what others keep stays. */
  properties: { ints: Readonly<Record<string, number>>; floats?: Readonly<Record<string, number>>; strings: Readonly<Record<string, string>> }
}

/** Reads and checks a checkpoint file. Throws CuvetteError('missing-file' | 'bad-artifact'). */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new CuvetteError('missing-file', `The checkpoint ${path} cannot be read (${error.code ?? error.message}); fit the pipeline again.`, { path, cause: error })
  })
  return decodeCheckpoint(bytes, path)
}

/** Writes a checkpoint atomically. Throws CuvetteError('cannot-write'). */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  await writeFileAtomic(path, encodeCheckpoint(checkpoint))
}

/** The bytes of a checkpoint file. Equal checkpoints give equal bytes. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const values = [...checkpoint.trainable.values(), ...checkpoint.frozen.values(), ...checkpoint.moving.values()]
  const builder = new Builder(4096 + 3 * values.reduce((sum, tensor) => sum + tensor.data.byteLength, 0))
  const state = writeModuleState(builder, checkpoint)
  const groups = checkpoint.optimizer ? vector(builder, [writeGroup(builder, checkpoint.optimizer)]) : 0
  const moving = Object.fromEntries([...checkpoint.moving].map(([name, tensor]) => [`${MOVING}${name}`, textOf(tensor)]))
  const properties = writeProperties(builder, { ...checkpoint.properties, strings: { ...checkpoint.properties.strings, ...moving } })
  builder.startObject(4)
  builder.addFieldInt32(0, VERSION, 0)
  builder.addFieldOffset(1, state, 0)
  if (groups) builder.addFieldOffset(2, groups, 0)
  builder.addFieldOffset(3, properties, 0)
  builder.finish(builder.endObject(), IDENTIFIER)
  return builder.asUint8Array()
}

function writeModuleState(builder: Builder, checkpoint: Checkpoint): number {
  const trainable = writeTensors(builder, checkpoint.trainable)
  // The runtime insists on both vectors, also on an empty one.
  const frozen = writeTensors(builder, checkpoint.frozen)
  builder.startObject(4)
  builder.addFieldOffset(0, trainable, 0)
  builder.addFieldOffset(1, frozen, 0)
  return builder.endObject()
}

function writeTensors(builder: Builder, tensors: ReadonlyMap<string, Float32Tensor>): number {
  return vector(builder, [...tensors].map(([name, tensor]) => writeTensor(builder, name, tensor)))
}

function writeTensor(builder: Builder, name: string, tensor: Float32Tensor): number {
  const { data } = tensor
  const raw = builder.createByteVector(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  builder.startVector(8, tensor.shape.length, 8)
  for (const size of [...tensor.shape].reverse()) builder.addInt64(BigInt(size))
  const dims = builder.endVector()
  const label = builder.createString(name)
  builder.startObject(7)
  builder.addFieldOffset(0, label, 0)
  builder.addFieldOffset(2, dims, 0)
  builder.addFieldInt32(3, FLOAT, 0)
  builder.addFieldOffset(4, raw, 0)
  return builder.endObject()
}

function writeGroup(builder: Builder, group: OptimizerGroup): number {
  const states = vector(builder, [...group.moments].map(([parameter, tensors]) => {
    const moments = vector(builder, tensors.map((tensor, index) => writeTensor(builder, `momentum${index}`, tensor)))
    const name = builder.createString(parameter)
    builder.startObject(2)
    builder.addFieldOffset(0, name, 0)
    builder.addFieldOffset(1, moments, 0)
    return builder.endObject()
  }))
  const name = builder.createString('group0')
  builder.startObject(4)
  builder.addFieldOffset(0, name, 0)
  builder.addFieldInt64(1, BigInt(group.step), 0n)
  builder.addFieldFloat32(2, group.initialLearningRate, 0)
  builder.addFieldOffset(3, states, 0)
  return builder.endObject()
}

function writeProperties(builder: Builder, properties: Checkpoint['properties']): number {
  const ints = vector(builder, Object.entries(properties.ints).map(([name, value]) => {
    const label = builder.createString(name)
    builder.startObject(2)
    builder.addFieldOffset(0, label, 0)
    builder.addFieldInt64(1, BigInt(value), 0n)
    return builder.endObject()
  }))
  const floats = properties.floats && vector(builder, Object.entries(properties.floats).map(([name, value]) => {
    const label = builder.createString(name)
    builder.startObject(2)
    builder.addFieldOffset(0, label, 0)
    builder.addFieldFloat32(1, value, 0)
    return builder.endObject()
  }))
  const strings = vector(builder, Object.entries(properties.strings).map(([name, value]) => {
    const label = builder.createString(name)
    const text = builder.createString(value)
    builder.startObject(2)
    builder.addFieldOffset(0, label, 0)
    builder.addFieldOffset(1, text, 0)
    return builder.endObject()
  }))
  builder.startObject(3)
  builder.addFieldOffset(0, ints, 0)
  if (floats) builder.addFieldOffset(1, floats, 0)
  builder.addFieldOffset(2, strings, 0)
  return builder.endObject()
}

function vector(builder: Builder, offsets: readonly number[]): number {
  builder.startVector(4, offsets.length, 4)
  for (const offset of [...offsets].reverse()) builder.addOffset(offset)
  return builder.endVector()
}

/** Reads the bytes of a checkpoint; `path` is for messages. Throws CuvetteError('bad-artifact'). */
export function decodeCheckpoint(bytes: Uint8Array, path: string): Checkpoint {
  try {
    const reader = new FlatBufferReader(bytes)
    const identifier = bytes.length < 8 ? '' : reader.identifier()
    if (identifier !== IDENTIFIER) {
      throw damaged(path, `it starts with ${JSON.stringify(identifier)} instead of ${JSON.stringify(IDENTIFIER)}, so it is no training checkpoint`)
    }
    const root = reader.root()
    const version = root.int32(0, 0)
    if (version !== VERSION) throw damaged(path, `it has version ${version}, this Cuvette reads version ${VERSION}`)
    const state = root.table(1)
    const trainable = state?.tables(0)
    const frozen = state?.tables(1)
    if (!trainable || !frozen) throw damaged(path, 'it holds no list of parameters')
    const group = root.tables(2)?.[0]
    const properties = readProperties(root.table(3))
    const moving = takeMoving(properties.strings, path)
    return {
      trainable: readTensors(trainable, path),
      frozen: readTensors(frozen, path),
      optimizer: group ? readGroup(group, path) : null,
      moving,
      properties,
    }
  } catch (error) {
    if (error instanceof FlatBufferDamage) throw damaged(path, 'it is cut short or damaged', error)
    throw error
  }
}

function readTensors(tables: readonly FlatTable[], path: string): Map<string, Float32Tensor> {
  const tensors = new Map<string, Float32Tensor>()
  for (const table of tables) {
    const name = table.string(0)
    if (!name) throw damaged(path, 'a parameter in it has no name')
    tensors.set(name, readTensor(table, name, path))
  }
  return tensors
}

function readTensor(table: FlatTable, name: string, path: string): Float32Tensor {
  const shape = table.int64s(2)
  const type = table.int32(3, 0)
  const raw = table.bytes(4)
  if (type !== FLOAT) throw damaged(path, `the element type of ${name} is ${type}, expected ${FLOAT} (float32)`)
  const expected = 4 * elementCount(shape)
  if (!raw || shape.some((size) => size < 0) || raw.length !== expected) {
    throw damaged(path, `${name} of shape [${shape.join(', ')}] holds ${raw?.length ?? 0} bytes, expected ${expected}`)
  }
  // A copy: the bytes of the file need not lie on a multiple of four.
  return { type: 'float32', shape, data: new Float32Array(new Uint8Array(raw).buffer) }
}

function readGroup(table: FlatTable, path: string): OptimizerGroup {
  const moments = new Map<string, Float32Tensor[]>()
  for (const state of table.tables(3) ?? []) {
    const parameter = state.string(0)
    if (!parameter) throw damaged(path, 'an optimizer state in it names no parameter')
    const tensors = (state.tables(1) ?? []).map((moment) => ({ name: moment.string(0) ?? '', moment }))
    // The runtime's own writer sorts by name.
    tensors.sort((a, b) => (a.name < b.name ? -1 : 1))
    moments.set(parameter, tensors.map(({ name, moment }) => readTensor(moment, `${name} of ${parameter}`, path)))
  }
  return { step: table.int64(1, 0), initialLearningRate: table.float32(2, 0), moments }
}

function textOf({ shape, data }: Float32Tensor): string {
  return JSON.stringify({ shape, float32: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64') })
}

/** Takes the tensors that move out of the texts. */
function takeMoving(strings: Record<string, string>, path: string): Map<string, Float32Tensor> {
  const moving = new Map<string, Float32Tensor>()
  for (const [key, text] of Object.entries(strings)) {
    if (!key.startsWith(MOVING)) continue
    const name = key.slice(MOVING.length)
    const stated = parsed(text)
    const shape = stated?.shape
    const bytes = typeof stated?.float32 === 'string' ? Buffer.from(stated.float32, 'base64') : null
    const proper = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0)
    if (!proper || bytes?.length !== 4 * elementCount(shape as number[])) throw damaged(path, `its property ${key} holds no tensor`)
    moving.set(name, { type: 'float32', shape: shape as number[], data: new Float32Array(new Uint8Array(bytes).buffer) })
    delete strings[key]
  }
  return moving
}

function parsed(text: string): { shape?: unknown; float32?: unknown } | null {
  try {
    return JSON.parse(text) as { shape?: unknown; float32?: unknown } | null
  } catch {
    return null
  }
}

function readProperties(bag: FlatTable | null): Checkpoint['properties'] {
  const ints: Record<string, number> = {}
  const floats: Record<string, number> = {}
  const strings: Record<string, string> = {}
  for (const property of bag?.tables(0) ?? []) ints[property.string(0) ?? ''] = property.int64(1, 0)
  for (const property of bag?.tables(1) ?? []) floats[property.string(0) ?? ''] = property.float32(1, 0)
  for (const property of bag?.tables(2) ?? []) strings[property.string(0) ?? ''] = property.string(1) ?? ''
  return { ints, ...(Object.keys(floats).length > 0 && { floats }), strings }
}

/**
 * Checks that a checkpoint holds exactly the expected trainable tensors, with their shapes, and moments
 * that fit them. Throws CuvetteError('bad-artifact') that names the first difference.
 */
export function requireShapes(checkpoint: Checkpoint, expected: ReadonlyMap<string, readonly number[]>, path: string): void {
  for (const [name, shape] of expected) {
    const found = checkpoint.trainable.get(name) ?? checkpoint.frozen.get(name) ?? checkpoint.moving.get(name)
    if (!found) throw damaged(path, `it has no parameter ${name}`)
    if (found.shape.join() !== shape.join()) {
      throw damaged(path, `${name} has shape [${found.shape.join(', ')}], the pipeline expects [${shape.join(', ')}]`)
    }
  }
  for (const name of [...checkpoint.trainable.keys(), ...checkpoint.frozen.keys(), ...checkpoint.moving.keys()]) {
    if (!expected.has(name)) throw damaged(path, `it holds ${name}, which the pipeline does not have`)
  }
  for (const [name, moments] of checkpoint.optimizer?.moments ?? []) {
    const shape = checkpoint.trainable.get(name)?.shape
    const wrong = moments.find((moment) => moment.shape.join() !== shape?.join())
    if (wrong) throw damaged(path, `a moment of ${name} has shape [${wrong.shape.join(', ')}], expected [${shape?.join(', ') ?? 'none'}]`)
  }
}

function damaged(path: string, what: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-artifact', `The checkpoint ${path} cannot be used: ${what}; fit the pipeline again.`, { path, cause })
}
