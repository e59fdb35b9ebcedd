import type { SafeTensor, SafeTensorType } from './safetensors'
import { writeZip } from './zip'

/** What can be written: tensors, dictionaries in their order, lists and plain values. */
export type WritableTorchValue = SafeTensor | ReadonlyMap<string, WritableTorchValue> | OrderedDict | readonly WritableTorchValue[] | string | number | boolean | null

/** A dictionary that is written as collections.OrderedDict, which a module's state_dict is. */
export class OrderedDict {
  constructor(readonly entries: ReadonlyMap<string, WritableTorchValue>) {}
}

const storageNames: Record<SafeTensorType, string> = { float32: 'FloatStorage', float64: 'DoubleStorage', int64: 'LongStorage', int32: 'IntStorage', uint8: 'ByteStorage', bool: 'BoolStorage' }

/**
 * The bytes of an archive that torch.load of PyTorch 1.6 and later reads, with weights_only too. The same value gives the
 * same bytes. `stem`: the folder inside, by custom the name of the file without ".pt".
 */
export function writeTorchArchive(value: WritableTorchValue, stem: string): Uint8Array {
  const pickle = new PickleWriter()
  pickle.value(value)
  const text = (content: string): Uint8Array => new TextEncoder().encode(content)
  return writeZip([
    { name: `${stem}/data.pkl`, content: pickle.end() },
    { name: `${stem}/byteorder`, content: text('little') },
    ...pickle.storages.map((content, key) => ({ name: `${stem}/data/${key}`, content })),
    { name: `${stem}/version`, content: text('3\n') },
  ])
}

/** Protocol 2, as torch.save writes it, without a memo: nothing is shared. */
class PickleWriter {
  readonly storages: Uint8Array[] = []
  private readonly bytes: number[] = [0x80, 2]

  value(value: WritableTorchValue): void {
    if (value === null) this.code('N')
    else if (typeof value === 'boolean') this.bytes.push(value ? 0x88 : 0x89)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') this.text(value)
    else if (value instanceof OrderedDict) this.orderedDict(value)
    else if (value instanceof Map) this.items(value as ReadonlyMap<string, WritableTorchValue>, () => this.code('}'))
    else if (Array.isArray(value)) this.list(value as readonly WritableTorchValue[])
    else this.tensor(value as SafeTensor)
  }

  end(): Uint8Array {
    this.code('.')
    return Uint8Array.from(this.bytes)
  }

  private code(...codes: string[]): void {
    for (const code of codes) this.bytes.push(...Buffer.from(code))
  }

  private number(value: number): void {
    const integer = Number.isInteger(value) && Math.abs(value) < 2 ** 31
    const view = new DataView(new ArrayBuffer(integer ? 4 : 8))
    if (integer) view.setInt32(0, value, true)
    else view.setFloat64(0, value, false)
    this.code(integer ? 'J' : 'G')
    this.bytes.push(...new Uint8Array(view.buffer))
  }

  /** An integer of up to 2^53 that PyTorch must not see as a float. */
  private count(value: number): void {
    if (value < 2 ** 31) {
      this.number(value)
      return
    }
    const view = new DataView(new ArrayBuffer(8))
    view.setBigInt64(0, BigInt(value), true)
    this.bytes.push(0x8a, 8, ...new Uint8Array(view.buffer))
  }

  private text(value: string): void {
    const written = new TextEncoder().encode(value)
    const view = new DataView(new ArrayBuffer(4))
    view.setUint32(0, written.length, true)
    this.code('X')
    this.bytes.push(...new Uint8Array(view.buffer), ...written)
  }

  private items(entries: ReadonlyMap<string, WritableTorchValue>, start: () => void): void {
    start()
    this.code('(')
    for (const [key, item] of entries) {
      this.text(key)
      this.value(item)
    }
    this.code('u')
  }

  private orderedDict({ entries }: OrderedDict): void {
    this.items(entries, () => this.code('ccollections\nOrderedDict\n', ')', 'R'))
  }

  private list(values: readonly WritableTorchValue[]): void {
    this.code(']', '(')
    for (const value of values) this.value(value)
    this.code('e')
  }

  /** _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks) */
  private tensor({ type, shape, data }: SafeTensor): void {
    const key = this.storages.length
    this.storages.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice())
    this.code('ctorch._utils\n_rebuild_tensor_v2\n', '(', '(')
    this.text('storage')
    this.code(`ctorch\n${storageNames[type]}\n`)
    this.text(String(key))
    this.text('cpu')
    this.count(data.length)
    this.code('t', 'Q')
    this.number(0)
    this.counts(shape)
    this.counts(stridesOf(shape))
    this.bytes.push(0x89)
    this.code('ccollections\nOrderedDict\n', ')', 'R', 't', 'R')
  }

  private counts(values: readonly number[]): void {
    this.code('(')
    for (const value of values) this.count(value)
    this.code('t')
  }
}

/** Elements between neighbours along each axis of a row-major tensor. */
function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1)
  for (let axis = shape.length - 2; axis >= 0; axis -= 1) strides[axis] = strides[axis + 1] * Math.max(1, shape[axis + 1])
  return strides
}
