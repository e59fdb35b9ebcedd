import { crc32, inflateRawSync } from 'node:zlib'
import { CuvetteError } from '../../shared/problem'

// Format: APPNOTE.TXT of PKWARE, sections 4.3 to 4.5. Archives of numpy (NPZ) and of PyTorch (.pt) are of this kind:
// stored or deflated entries, with ZIP64 where they are large, never encrypted or spread over several files.

const LOCAL = 0x04034b50
const CENTRAL = 0x02014b50
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50
const END_SIZE = 22
const LONGEST_COMMENT = 0xffff
const MOST_ENTRIES = 100_000
/** No deflate stream expands further. */
const LARGEST_RATIO = 1032

/** One file inside an archive. */
export interface ZipEntry {
  name: string
  /** Bytes after inflating, as the directory states them. */
  size: number
  /** Inflates and checks the content: a copy. Throws CuvetteError('bad-artifact'). */
  read(): Uint8Array
}

/** Whether bytes begin as an archive does. */
export function looksLikeZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x50 && bytes[1] === 0x4b && ((bytes[2] === 3 && bytes[3] === 4) || (bytes[2] === 5 && bytes[3] === 6))
}

/** Where the directory of an archive lies, and how many files it lists. */
export interface ZipDirectoryPlace {
  count: number
  offset: number
  /** Byte behind its last. */
  end: number
}

/** A file of an archive as the directory states it. */
export interface ZipRecord {
  name: string
  flags: number
  /** 0 stored, 8 deflated. */
  method: number
  checksum: number
  /** Bytes after inflating, and in the archive. */
  size: number
  packed: number
  /** Byte where its own header begins. */
  start: number
}

/** The bytes at the end of an archive that hold its end record, whatever its comment, with those that ZIP64 puts before it. */
export const ZIP_TAIL = END_SIZE + LONGEST_COMMENT + 20 + 56

/** Bytes that the header of a file begins with; `zipContentStart` reads them. */
export const ZIP_HEADER = 30

/**
 * The entries of an archive by name, in its order. Nothing is inflated before it is asked for, and never to more than
 * the directory states. `path` is for messages. Throws CuvetteError('bad-artifact') for anything malformed.
 */
export function readZip(bytes: Uint8Array, path: string): Map<string, ZipEntry> {
  const { count, offset, end } = zipDirectoryPlace(bytes, 0, path)
  const records = zipRecords(bytes.subarray(offset, end), count, path)
  return new Map(records.map((record) => [record.name, entryOf(bytes, record, path)]))
}

/** Finds the directory from the last bytes of an archive, `from` being the position of the first of them. Throws CuvetteError('bad-artifact'). */
export function zipDirectoryPlace(tail: Uint8Array, from: number, path: string): ZipDirectoryPlace {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength)
  const last = view.byteLength - END_SIZE
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at -= 1) {
    if (view.getUint32(at, true) !== END || at + END_SIZE + view.getUint16(at + 20, true) > view.byteLength) continue
    const locator = at - 20
    if (locator < 0 || view.getUint32(locator, true) !== LOCATOR64) {
      return placed(view.getUint16(at + 10, true), view.getUint32(at + 16, true), from + at, path)
    }
    const end64 = number64(view, locator + 8, path) - from
    if (end64 < 0 || end64 + 56 > view.byteLength || view.getUint32(end64, true) !== END64) throw broken(path, 'its ZIP64 directory is missing')
    return placed(number64(view, end64 + 32, path), number64(view, end64 + 48, path), from + end64, path)
  }
  throw broken(path, 'it has no directory at its end, so it is cut off or no ZIP archive')
}

function placed(count: number, offset: number, end: number, path: string): ZipDirectoryPlace {
  if (count > MOST_ENTRIES) throw broken(path, `its directory lists ${count} files, more than ${MOST_ENTRIES}`)
  return { count, offset: Math.min(offset, end), end }
}

/** The files that the bytes of a directory list. Throws CuvetteError('bad-artifact'), also for a name that occurs twice. */
export function zipRecords(directory: Uint8Array, count: number, path: string): ZipRecord[] {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength)
  const records: ZipRecord[] = []
  const names = new Set<string>()
  let at = 0
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > directory.length || view.getUint32(at, true) !== CENTRAL) throw broken(path, `entry ${index + 1} of its directory is missing`)
    const nameLength = view.getUint16(at + 28, true)
    const extra = at + 46 + nameLength
    const extraEnd = extra + view.getUint16(at + 30, true)
    const end = extraEnd + view.getUint16(at + 32, true)
    if (end > directory.length) throw broken(path, 'its directory is cut off')
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength))
    if (names.has(name)) throw broken(path, `it holds ${shown(name)} twice`)
    names.add(name)
    // In this order, and only those of which the plain field says 0xffffffff (APPNOTE 4.5.3).
    const [size, packed, start] = widened(view, [view.getUint32(at + 24, true), view.getUint32(at + 20, true), view.getUint32(at + 42, true)], extra, extraEnd, path)
    records.push({ name, flags: view.getUint16(at + 8, true), method: view.getUint16(at + 10, true), checksum: view.getUint32(at + 16, true), size, packed, start })
    at = end
  }
  return records
}

/** Where the content of a file begins, from the first ZIP_HEADER bytes of its header. Throws CuvetteError('bad-artifact'), also for what cannot be read. */
export function zipContentStart(head: Uint8Array, { name, flags, method, start }: ZipRecord, path: string): number {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (flags & 1) throw broken(path, `${shown(name)} in it is encrypted`)
  if (method !== 0 && method !== 8) throw broken(path, `${shown(name)} in it is compressed by method ${method}; stored or deflated is expected`)
  if (head.length < ZIP_HEADER || view.getUint32(0, true) !== LOCAL) throw broken(path, `${shown(name)} in it does not begin where its directory says`)
  return start + ZIP_HEADER + view.getUint16(26, true) + view.getUint16(28, true)
}

function entryOf(bytes: Uint8Array, record: ZipRecord, path: string): ZipEntry {
  const { name, method, checksum, size, packed, start } = record
  return {
    name,
    size,
    read() {
      const from = zipContentStart(bytes.subarray(start, start + ZIP_HEADER), record, path)
      if (from + packed > bytes.length) throw broken(path, `${shown(name)} in it is cut off`)
      const content = unpacked(bytes.subarray(from, from + packed), method, size, name, path)
      if (crc32(content) !== checksum) throw broken(path, `${shown(name)} in it is damaged (its check sum differs)`)
      return content
    },
  }
}

function unpacked(packed: Uint8Array, method: number, size: number, name: string, path: string): Uint8Array {
  if (method === 0 ? packed.length !== size : size > (packed.length + 16) * LARGEST_RATIO) {
    throw broken(path, `${shown(name)} in it cannot hold ${size} bytes in ${packed.length}`)
  }
  if (method === 0) return Uint8Array.from(packed)
  try {
    const inflated = inflateRawSync(packed, { maxOutputLength: Math.max(1, size) })
    if (inflated.length === size) return Uint8Array.from(inflated)
  } catch {
    // Said below.
  }
  throw broken(path, `${shown(name)} in it cannot be inflated to its ${size} bytes`)
}

function widened(view: DataView, fields: readonly number[], from: number, to: number, path: string): number[] {
  if (!fields.includes(0xffffffff)) return [...fields]
  for (let at = from; at + 4 <= to; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue
    let next = at + 4
    const end = Math.min(to, next + view.getUint16(at + 2, true))
    return fields.map((field) => {
      if (field !== 0xffffffff || next + 8 > end) return field
      next += 8
      return number64(view, next - 8, path)
    })
  }
  return [...fields]
}

function number64(view: DataView, at: number, path: string): number {
  const value = at + 8 <= view.byteLength ? Number(view.getBigUint64(at, true)) : Infinity
  if (!Number.isSafeInteger(value)) throw broken(path, 'its directory states impossible sizes')
  return value
}

/**
 * An archive of stored entries whose contents begin at multiples of `alignment` bytes, so that they can be mapped. The
 * same entries give the same bytes: dates are those of the format's first day. Whole archives stay below 4 GiB.
 */
export function writeZip(entries: readonly { name: string; content: Uint8Array }[], alignment = 64): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  const add = (part: Uint8Array): void => {
    parts.push(part)
    at += part.length
  }
  for (const { name, content } of entries) {
    const written = new TextEncoder().encode(name)
    const start = at
    // An extra field takes at least its four bytes of head.
    const gap = (alignment - ((start + 34 + written.length) % alignment)) % alignment
    const facts = { checksum: crc32(content), size: content.length, nameLength: written.length }
    add(header(LOCAL, 30, facts, (view) => {
      view.setUint16(28, 4 + gap, true)
    }))
    add(written)
    add(padding(gap))
    add(content)
    directory.push(header(CENTRAL, 46, facts, (view) => {
      view.setUint32(42, start, true)
    }), written)
  }
  const offset = at
  for (const part of directory) add(part)
  const end = new DataView(new ArrayBuffer(END_SIZE))
  end.setUint32(0, END, true)
  end.setUint16(8, entries.length, true)
  end.setUint16(10, entries.length, true)
  end.setUint32(12, at - offset, true)
  end.setUint32(16, offset, true)
  add(new Uint8Array(end.buffer))
  if (at > 0xffffffff || entries.length > 0xffff) throw new Error(`An archive of ${entries.length} entries and ${at} bytes would need ZIP64.`)
  const bytes = new Uint8Array(at)
  let to = 0
  for (const part of parts) {
    bytes.set(part, to)
    to += part.length
  }
  return bytes
}

/** The head of an entry, local or central: the same fields, shifted by the two bytes that only the central one has. */
function header(signature: number, length: number, { checksum, size, nameLength }: { checksum: number; size: number; nameLength: number }, rest: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(length))
  const shift = signature === CENTRAL ? 2 : 0
  view.setUint32(0, signature, true)
  view.setUint16(4, 20, true)
  view.setUint16(4 + shift, 20, true)
  view.setUint16(6 + shift, 0x0800, true)
  // 1 January 1980.
  view.setUint16(12 + shift, 0x0021, true)
  view.setUint32(14 + shift, checksum, true)
  view.setUint32(18 + shift, size, true)
  view.setUint32(22 + shift, size, true)
  view.setUint16(26 + shift, nameLength, true)
  rest(view)
  return new Uint8Array(view.buffer)
}

/** An extra field of a kind that readers skip, as PyTorch writes it. */
function padding(gap: number): Uint8Array {
  const bytes = new Uint8Array(4 + gap).fill(0x5a)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0x4246, true)
  view.setUint16(2, gap, true)
  return bytes
}

/** A name from a file, for a sentence. */
function shown(name: string): string {
  return `"${name.length > 80 ? `${name.slice(0, 77)}...` : name}"`
}

function broken(path: string, reason: string): CuvetteError {
  return new CuvetteError('bad-artifact', `The archive ${path} cannot be read: ${reason}. Copy or write it again.`, { path })
}
