// Format: "pickletools.py" of the Python standard library, protocols 2 to 5, as far as torch.save writes it. Nothing is
// ever called: a global is only looked up in the caller's list, and what it stands for is built by the caller.

/** Why a pickle cannot be read, as a clause. */
export class PickleFault extends Error {}

/** A Python tuple, apart from lists. */
export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** What a name in the pickle may stand for. */
export interface PickleGlobal {
  name: string
  /** Value of calling it with these arguments; without it, the name is a bare mark. Throws PickleFault. */
  call?(args: readonly unknown[]): unknown
}

export interface PickleRules {
  /** The meaning of "module.name"; undefined refuses it. */
  global(name: string): PickleGlobal | undefined
  /** The value behind a persistent id. Throws PickleFault. */
  persistent(id: unknown): unknown
}

const MARK = Symbol('mark')

/**
 * The value of a pickle: dictionaries as Map, lists as arrays, tuples as Tuple, integers as number or bigint. Values that
 * a pickle refers to twice are one object, and may refer to themselves; whoever walks through them must keep count. One
 * pass over the bytes, no recursion. Throws PickleFault.
 */
export function readPickle(bytes: Uint8Array, rules: PickleRules): unknown {
  return new Machine(bytes, rules).run()
}

class Machine {
  private readonly view: DataView
  private readonly stack: unknown[] = []
  private readonly memo = new Map<number, unknown>()
  private at = 0

  constructor(private readonly bytes: Uint8Array, private readonly rules: PickleRules) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  run(): unknown {
    for (;;) {
      const code = this.view.getUint8(this.take(1))
      if (code === 0x2e) {
        const value = this.pop()
        if (this.stack.length > 0 || value === MARK) throw new PickleFault('its instructions leave more than one value')
        return value
      }
      const step = steps[code] as ((machine: Machine) => void) | undefined
      if (!step) throw new PickleFault(`it has the instruction 0x${code.toString(16).padStart(2, '0')} at byte ${this.at - 1}, which tensors and plain containers do not need`)
      step(this)
    }
  }

  /** Position of the next `count` bytes. */
  take(count: number): number {
    const from = this.at
    if (count > this.bytes.length - from) throw new PickleFault('it is cut off')
    this.at += count
    return from
  }

  uint8 = (): number => this.view.getUint8(this.take(1))
  uint16 = (): number => this.view.getUint16(this.take(2), true)
  uint32 = (): number => this.view.getUint32(this.take(4), true)
  int32 = (): number => this.view.getInt32(this.take(4), true)
  float64 = (): number => this.view.getFloat64(this.take(8), false)

  uint64(): number {
    const value = Number(this.view.getBigUint64(this.take(8), true))
    if (!Number.isSafeInteger(value)) throw new PickleFault('it is cut off')
    return value
  }

  text(length: number): string {
    const from = this.take(length)
    return new TextDecoder().decode(this.bytes.subarray(from, from + length))
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at)
    if (end < 0) throw new PickleFault('it is cut off')
    const line = this.text(end - this.at)
    this.at += 1
    return line
  }

  /** A signed integer of any length, little-endian. */
  long(length: number): number | bigint {
    if (length > 255) throw new PickleFault(`it has an integer of ${length} bytes`)
    const from = this.take(length)
    let value = 0n
    for (let index = length - 1; index >= 0; index -= 1) value = (value << 8n) | BigInt(this.bytes[from + index])
    const signed = BigInt.asIntN(8 * length, value)
    return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(signed) : signed
  }

  push(value: unknown): void {
    this.stack.push(value)
  }

  pop(): unknown {
    if (this.stack.length === 0) throw new PickleFault('its instructions use a value that is not there')
    return this.stack.pop()
  }

  peek(): unknown {
    const value = this.pop()
    this.stack.push(value)
    return value
  }

  popToMark(): unknown[] {
    const from = this.stack.lastIndexOf(MARK)
    if (from < 0) throw new PickleFault('its instructions use a mark that is not there')
    const values = this.stack.splice(from)
    values.shift()
    return values
  }

  popTuple(size: number): void {
    const items = Array.from({ length: size }, () => this.pop()).reverse()
    this.push(new Tuple(items))
  }

  remember(key: number): void {
    this.memo.set(key, this.peek())
  }

  memoize(): void {
    this.remember(this.memo.size)
  }

  recall(key: number): void {
    if (!this.memo.has(key)) throw new PickleFault('its instructions use a value that was not stored')
    this.push(this.memo.get(key))
  }

  global(module: unknown, name: unknown): void {
    const known = typeof module === 'string' && typeof name === 'string' ? this.rules.global(`${module}.${name}`) : undefined
    if (!known) throw new PickleFault(`it refers to ${String(module).slice(0, 80)}.${String(name).slice(0, 80)}, and only tensors and plain containers are read; nothing of it was executed`)
    this.push(known)
  }

  reduce(): void {
    const args = this.pop()
    const called = this.pop() as Partial<PickleGlobal> | null
    if (!(args instanceof Tuple) || typeof called?.call !== 'function') throw new PickleFault('it calls something that is no function')
    this.push(called.call(args.items))
  }

  /** The state of an OrderedDict is its attributes, such as versions of modules: they are not needed. */
  build(): void {
    this.pop()
    if (!(this.peek() instanceof Map)) throw new PickleFault('it sets the state of something that is no dictionary')
  }

  setItems(pairs: readonly unknown[]): void {
    const target = this.peek()
    if (!(target instanceof Map) || pairs.length % 2 !== 0) throw new PickleFault('it puts entries into something that is no dictionary')
    for (let index = 0; index < pairs.length; index += 2) target.set(pairs[index], pairs[index + 1])
  }

  append(values: readonly unknown[]): void {
    const target = this.peek()
    if (!Array.isArray(target)) throw new PickleFault('it appends to something that is no list')
    for (const value of values) target.push(value)
  }

  persistent(): void {
    this.push(this.rules.persistent(this.pop()))
  }
}

const steps: Record<number, (machine: Machine) => void> = {
  0x80: (machine) => {
    const protocol = machine.uint8()
    if (protocol < 2 || protocol > 5) throw new PickleFault(`it has the protocol ${protocol}; 2 to 5 are expected`)
  },
  // FRAME: only a length.
  0x95: (machine) => void machine.uint64(),
  0x28: (machine) => machine.push(MARK),
  0x30: (machine) => void machine.pop(),
  0x31: (machine) => void machine.popToMark(),
  0x32: (machine) => machine.push(machine.peek()),
  0x4e: (machine) => machine.push(null),
  0x88: (machine) => machine.push(true),
  0x89: (machine) => machine.push(false),
  0x4a: (machine) => machine.push(machine.int32()),
  0x4b: (machine) => machine.push(machine.uint8()),
  0x4d: (machine) => machine.push(machine.uint16()),
  0x8a: (machine) => machine.push(machine.long(machine.uint8())),
  0x8b: (machine) => machine.push(machine.long(machine.uint32())),
  0x47: (machine) => machine.push(machine.float64()),
  0x58: (machine) => machine.push(machine.text(machine.uint32())),
  0x8c: (machine) => machine.push(machine.text(machine.uint8())),
  0x8d: (machine) => machine.push(machine.text(machine.uint64())),
  0x7d: (machine) => machine.push(new Map()),
  0x5d: (machine) => machine.push([]),
  0x29: (machine) => machine.push(new Tuple([])),
  0x74: (machine) => machine.push(new Tuple(machine.popToMark())),
  0x85: (machine) => machine.popTuple(1),
  0x86: (machine) => machine.popTuple(2),
  0x87: (machine) => machine.popTuple(3),
  0x71: (machine) => machine.remember(machine.uint8()),
  0x72: (machine) => machine.remember(machine.uint32()),
  0x94: (machine) => machine.memoize(),
  0x68: (machine) => machine.recall(machine.uint8()),
  0x6a: (machine) => machine.recall(machine.uint32()),
  0x63: (machine) => {
    const module = machine.line()
    machine.global(module, machine.line())
  },
  0x93: (machine) => {
    const name = machine.pop()
    machine.global(machine.pop(), name)
  },
  0x52: (machine) => machine.reduce(),
  0x62: (machine) => machine.build(),
  0x73: (machine) => {
    const value = machine.pop()
    machine.setItems([machine.pop(), value])
  },
  0x75: (machine) => machine.setItems(machine.popToMark()),
  0x61: (machine) => machine.append([machine.pop()]),
  0x65: (machine) => machine.append(machine.popToMark()),
  0x51: (machine) => machine.persistent(),
}
