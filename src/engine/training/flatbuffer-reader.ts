/** Thrown when an offset of the file leads outside it, or outside what a FlatBuffer may hold. */
export class FlatBufferDamage extends Error {}

/**
 * Reads FlatBuffers tables field by field with every offset checked, because the file may be truncated
 * or foreign. Layout: a table starts with a signed offset back to its vtable; the vtable lists, per
 * field, the distance from the table's start, 0 where the field is left out.
 */
export class FlatBufferReader {
  private readonly view: DataView

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** The four letters after the root offset. */
  identifier(): string {
    return new TextDecoder('latin1').decode(this.slice(4, 4))
  }

  root(): FlatTable {
    return new FlatTable(this, this.uint32(0))
  }

  uint16(at: number): number {
    return this.guarded(() => this.view.getUint16(at, true))
  }

  int32(at: number): number {
    return this.guarded(() => this.view.getInt32(at, true))
  }

  uint32(at: number): number {
    return this.guarded(() => this.view.getUint32(at, true))
  }

  int64(at: number): number {
    const value = Number(this.guarded(() => this.view.getBigInt64(at, true)))
    if (!Number.isSafeInteger(value)) throw new FlatBufferDamage()
    return value
  }

  float32(at: number): number {
    return this.guarded(() => this.view.getFloat32(at, true))
  }

  /** A view of the bytes, not a copy. */
  slice(at: number, length: number): Uint8Array {
    if (at < 0 || length < 0 || at + length > this.bytes.length) throw new FlatBufferDamage()
    return this.bytes.subarray(at, at + length)
  }

  /** Start of what the offset at `at` points to. */
  follow(at: number): number {
    return at + this.uint32(at)
  }

  private guarded<T>(read: () => T): T {
    try {
      return read()
    } catch {
      throw new FlatBufferDamage()
    }
  }
}

/** One table. Fields are addressed by their position in the schema. */
export class FlatTable {
  private readonly vtable: number
  private readonly fields: number

  constructor(private readonly reader: FlatBufferReader, private readonly start: number) {
    this.vtable = start - reader.int32(start)
    this.fields = (reader.uint16(this.vtable) - 4) / 2
  }

  int32(field: number, fallback: number): number {
    const at = this.place(field)
    return at === null ? fallback : this.reader.int32(at)
  }

  int64(field: number, fallback: number): number {
    const at = this.place(field)
    return at === null ? fallback : this.reader.int64(at)
  }

  float32(field: number, fallback: number): number {
    const at = this.place(field)
    return at === null ? fallback : this.reader.float32(at)
  }

  string(field: number): string | null {
    const bytes = this.bytes(field)
    return bytes && new TextDecoder().decode(bytes)
  }

  bytes(field: number): Uint8Array | null {
    const vector = this.vector(field)
    return vector && this.reader.slice(vector.first, vector.length)
  }

  int64s(field: number): number[] {
    const vector = this.vector(field)
    if (!vector) return []
    this.reader.slice(vector.first, vector.length * 8)
    return Array.from({ length: vector.length }, (_, index) => this.reader.int64(vector.first + 8 * index))
  }

  table(field: number): FlatTable | null {
    const at = this.place(field)
    return at === null ? null : new FlatTable(this.reader, this.reader.follow(at))
  }

  /** null where the vector is left out, which is not the same as empty. */
  tables(field: number): FlatTable[] | null {
    const vector = this.vector(field)
    if (!vector) return null
    this.reader.slice(vector.first, vector.length * 4)
    return Array.from({ length: vector.length }, (_, index) => new FlatTable(this.reader, this.reader.follow(vector.first + 4 * index)))
  }

  private vector(field: number): { first: number; length: number } | null {
    const at = this.place(field)
    if (at === null) return null
    const start = this.reader.follow(at)
    return { first: start + 4, length: this.reader.uint32(start) }
  }

  private place(field: number): number | null {
    if (field >= this.fields) return null
    const distance = this.reader.uint16(this.vtable + 4 + 2 * field)
    return distance === 0 ? null : this.start + distance
  }
}
