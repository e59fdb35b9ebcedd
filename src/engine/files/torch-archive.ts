import { CuvetteError } from '../../shared/problem'
import { PickleFault, Tuple, readPickle } from './pickle'
import type { PickleGlobal } from './pickle'
import type { SafeTensor } from './safetensors'
import { storageTypes } from './torch-storage'
import type { StorageType } from './torch-storage'
import { looksLikeZip, readZip } from './zip'
import type { ZipEntry } from './zip'

// Format: torch.save of PyTorch 1.6 and later. A ZIP archive <stem>/ with data.pkl, a pickle in which every storage is a
// persistent id; data/<key>, the numbers of a storage; byteorder (absent: little); version.

/** A tensor of an archive, row-major. Half precisions are widened to float32, short integers to int32. */
export interface TorchTensor extends SafeTensor {
  /** Element type in the file, as PyTorch names it: "float16". */
  dtype: string
}

/** What an archive may hold. Integers beyond 2^53 are bigint, tuples are lists. */
export type TorchValue = TorchTensor | Map<string, TorchValue> | TorchValue[] | string | number | bigint | boolean | null

const LARGEST_PICKLE = 64 * 2 ** 20
/** Values of an archive once shared ones are counted at each of their places. */
const MOST_VALUES = 1_000_000
const DEEPEST = 32
/** Elements beyond those of the storages, for tensors that repeat theirs. */
const MOST_REPEATED = 2 ** 24

/**
 * Reads what torch.save wrote: tensors, dictionaries, lists and plain values. Everything else is refused by its name, and
 * nothing is executed. `path` is for messages. Throws CuvetteError('bad-artifact').
 */
export function readTorchArchive(bytes: Uint8Array, path: string): TorchValue {
  try {
    return new Archive(bytes, path).read()
  } catch (error) {
    if (!(error instanceof PickleFault)) throw error
    throw new CuvetteError('bad-artifact', `The PyTorch file ${path} cannot be read: ${error.message}.`, { path, cause: error })
  }
}

/** A tensor as the pickle describes it. */
class View {
  constructor(readonly storage: Storage, readonly offset: number, readonly shape: readonly number[], readonly strides: readonly number[]) {}
}

class Storage {
  constructor(readonly type: StorageType, readonly numbers: SafeTensor['data']) {}
}

class Archive {
  private readonly entries: Map<string, ZipEntry>
  private readonly prefix: string
  private readonly bigEndian: boolean
  private readonly storages = new Map<string, Storage>()
  private elementsLeft = MOST_REPEATED
  private valuesLeft = MOST_VALUES

  constructor(bytes: Uint8Array, path: string) {
    if (!looksLikeZip(bytes)) throw new PickleFault(notAnArchive(bytes))
    this.entries = readZip(bytes, path)
    const pickles = [...this.entries.keys()].filter((name) => /^[^/]*\/data\.pkl$/.test(name) || name === 'data.pkl')
    if (pickles.length !== 1) throw new PickleFault(`it has ${pickles.length === 0 ? 'no' : pickles.length} data.pkl, so torch.save did not write it`)
    this.prefix = pickles[0].slice(0, -'data.pkl'.length)
    if (this.entries.has(`${this.prefix}constants.pkl`)) throw new PickleFault('it is a TorchScript program, which would have to be executed; save the state_dict instead')
    const order = this.text('byteorder') ?? 'little'
    if (order !== 'little' && order !== 'big') throw new PickleFault(`its byte order is "${order.slice(0, 20)}"; little or big is expected`)
    this.bigEndian = order === 'big'
  }

  read(): TorchValue {
    const entry = this.entries.get(`${this.prefix}data.pkl`) as ZipEntry
    if (entry.size > LARGEST_PICKLE) throw new PickleFault(`its data.pkl has ${entry.size} bytes, more than a state_dict needs`)
    const value = readPickle(entry.read(), { global: (name) => this.global(name), persistent: (id) => this.storageOf(id) })
    return this.plain(value, 0)
  }

  private text(name: string): string | null {
    const entry = this.entries.get(`${this.prefix}${name}`)
    if (!entry) return null
    if (entry.size > 64) throw new PickleFault(`its ${name} has ${entry.size} bytes`)
    return new TextDecoder().decode(entry.read()).trim()
  }

  private global(name: string): PickleGlobal | undefined {
    const storage = /^torch\.(\w+)Storage$/.exec(name)?.[1]
    if (storage !== undefined && Object.hasOwn(storageTypes, storage)) return { name: storage }
    switch (name) {
      case 'collections.OrderedDict':
        return { name, call: orderedDict }
      case 'torch.Size':
        return { name, call: ([items]) => (items instanceof Tuple ? items : new Tuple([])) }
      case 'torch._utils._rebuild_tensor_v2':
        return { name, call: ([storage_, offset, shape, strides]) => this.view(storage_, offset, shape, strides) }
      case 'torch._utils._rebuild_parameter':
        return { name, call: ([data]) => data }
      default:
        return undefined
    }
  }

  /** ('storage', storage type, key, device, number of elements) */
  private storageOf(id: unknown): Storage {
    const [kind, type, key, , count] = id instanceof Tuple ? id.items : []
    const typeName = (type as PickleGlobal | null | undefined)?.name
    if (kind !== 'storage' || typeof key !== 'string' || typeName === undefined || !Object.hasOwn(storageTypes, typeName) || !isCount(count)) {
      throw new PickleFault('it refers to something outside that is no storage')
    }
    const known = this.storages.get(key)
    if (known) {
      if (known.type !== storageTypes[typeName]) throw new PickleFault(`it reads the storage ${key.slice(0, 40)} as two element types`)
      return known
    }
    const entry = this.entries.get(`${this.prefix}data/${key}`)
    if (!entry) throw new PickleFault(`its storage data/${key.slice(0, 40)} is missing`)
    const storageType = storageTypes[typeName]
    if (entry.size !== count * storageType.width) throw new PickleFault(`its storage data/${key.slice(0, 40)} has ${entry.size} bytes, expected ${count} numbers of ${storageType.width}`)
    const storage = new Storage(storageType, storageType.decode(entry.read(), this.bigEndian))
    this.storages.set(key, storage)
    this.elementsLeft += count
    return storage
  }

  private view(storage: unknown, offset: unknown, shape: unknown, strides: unknown): View {
    const sizes = shape instanceof Tuple ? shape.items : []
    const steps = strides instanceof Tuple ? strides.items : []
    if (!(storage instanceof Storage) || !isCount(offset) || !(shape instanceof Tuple) || sizes.length !== steps.length || sizes.length > 64 || !sizes.every(isCount) || !steps.every(isCount)) {
      throw new PickleFault('it describes a tensor in a form that PyTorch does not write')
    }
    const last = sizes.includes(0) ? -1 : sizes.reduce((at, size, axis) => at + (size - 1) * steps[axis], offset)
    if (last >= storage.numbers.length) throw new PickleFault(`a tensor [${sizes.join(', ')}] reaches beyond its storage of ${storage.numbers.length} numbers`)
    return new View(storage, offset, sizes, steps)
  }

  private plain(value: unknown, depth: number): TorchValue {
    this.valuesLeft -= 1
    if (this.valuesLeft < 0 || depth > DEEPEST) throw new PickleFault('its containers are larger or deeper than those of a state_dict')
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value
    if (value instanceof View) return this.tensor(value)
    if (value instanceof Tuple) return value.items.map((item) => this.plain(item, depth + 1))
    if (Array.isArray(value)) return value.map((item) => this.plain(item, depth + 1))
    if (value instanceof Map) {
      const entries = [...(value as Map<unknown, unknown>)]
      return new Map(entries.map(([key, item]) => {
        if (typeof key !== 'string' && typeof key !== 'number') throw new PickleFault('a dictionary in it has a key that is no text')
        return [String(key), this.plain(item, depth + 1)]
      }))
    }
    throw new PickleFault('it holds a bare storage or type in place of a value')
  }

  private tensor({ storage: { type, numbers }, offset, shape, strides }: View): TorchTensor {
    const count = shape.reduce((product, size) => product * size, 1)
    this.elementsLeft -= count
    if (this.elementsLeft < 0) throw new PickleFault('its tensors have far more elements than its storages have numbers')
    return { dtype: type.dtype, type: type.type, shape, data: gathered(numbers, offset, shape, strides, count) }
  }
}

/** The elements of a strided view, row-major: always a copy. */
function gathered(numbers: SafeTensor['data'], offset: number, shape: readonly number[], strides: readonly number[], count: number): SafeTensor['data'] {
  let step = 1
  const contiguous = shape.map((size, axis) => [size, strides[axis]]).reverse().every(([size, stride]) => {
    const fits = size === 1 || stride === step
    step *= size
    return fits
  })
  if (contiguous) return numbers.slice(offset, offset + count)
  const data = numbers.slice(0, 0).constructor as new (length: number) => SafeTensor['data']
  const result = new data(count)
  const index = shape.map(() => 0)
  let at = offset
  for (let element = 0; element < count; element += 1) {
    result[element] = numbers[at]
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] += 1
      at += strides[axis]
      if (index[axis] < shape[axis]) break
      at -= strides[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return result
}

/** OrderedDict(), or OrderedDict of a list of pairs as older protocols write it. */
function orderedDict([pairs = []]: readonly unknown[]): Map<unknown, unknown> {
  if (!Array.isArray(pairs)) throw new PickleFault('it has an OrderedDict of something that is no list')
  return new Map(pairs.map((pair: unknown) => {
    const [key, value] = pair instanceof Tuple ? pair.items : Array.isArray(pair) ? (pair as unknown[]) : []
    return [key, value]
  }))
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0
}

function notAnArchive(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty'
  // The pickled magic number of the format before 1.6.
  if (bytes[0] === 0x80 && bytes[2] === 0x8a && bytes[3] === 0x0a) return 'it has the form of PyTorch before 1.6; load it there and write it again with torch.save'
  return 'it is no archive that torch.save writes'
}
