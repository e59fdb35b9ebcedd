import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'

// The structure of TIFF: a header of 8 bytes (BigTIFF: 16), then a chain of directories, one a page, each a
// list of tags of 12 (20) bytes that hold their values or say where they lie. (TIFF 6.0, section 2; BigTIFF design.)

/** Bytes of one value of each field type. */
const FIELD_BYTES: Record<number, number> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8 }

/** Pages of one file; more are no cube that anybody writes, and would be slow to list. */
const LARGEST_PAGES = 65_536
/** Values of one tag; 8 million offsets describe 500 GB in usual strips. */
const LARGEST_VALUES = 8 * 1024 * 1024

interface Field {
  type: number
  count: number
  /** Byte position of the values in the file. */
  position: number
}

/** One page: its tags, whose values are read when they are asked for. */
export interface TiffDirectory {
  /** 0-based place in the chain. */
  page: number
  has(tag: number): boolean
  /** How many values a tag has; 0 where it is missing. */
  count(tag: number): number
  /** Numbers of a tag; null where it is missing. Throws CuvetteError('truncated' | 'bad-data' | 'unsupported'). */
  numbers(tag: number): Promise<Float64Array | null>
  /** Text of an ASCII tag without its closing zero, UTF-8 where it can be; null where it is missing. */
  text(tag: number): Promise<string | null>
}

export interface TiffStructure {
  big: boolean
  littleEndian: boolean
  directories: TiffDirectory[]
}

/** Whether a file begins as TIFF or BigTIFF does, in either byte order. */
export function isTiff(head: Uint8Array): boolean {
  if (head.length < 8) return false
  const [a, b, c, d] = head
  return (a === 0x49 && b === 0x49 && (c === 42 || c === 43) && d === 0) || (a === 0x4d && b === 0x4d && c === 0 && (d === 42 || d === 43))
}

/** Lists the pages of a file of `size` bytes. Reads tags, not their values. Throws CuvetteError('truncated' | 'bad-data' | 'unsupported'). */
export async function readTiffStructure(source: ByteSource, size: number): Promise<TiffStructure> {
  const { path } = source
  const head = await view(source, 0, Math.min(16, size))
  const littleEndian = head.getUint8(0) === 0x49
  const big = head.getUint16(2, littleEndian) === 43
  if (big && size < 16) throw truncated(path, 'its header', 16, size)
  if (big && head.getUint16(4, littleEndian) !== 8) throw damaged(path, `offsets of ${head.getUint16(4, littleEndian)} bytes, where BigTIFF has 8`)
  const directories: TiffDirectory[] = []
  const seen = new Set<number>()
  for (let position = big ? offset64(head, 8, littleEndian) : head.getUint32(4, littleEndian); position !== 0; ) {
    if (seen.has(position)) throw damaged(path, `a page at byte ${position} that follows itself, so that the pages never end`)
    if (directories.length === LARGEST_PAGES) throw new CuvetteError('unsupported', `${path} holds more than ${LARGEST_PAGES} pages, which is too many to read; split it into several files.`, { path })
    seen.add(position)
    const { directory, next } = await readDirectory({ source, size, big, littleEndian }, directories.length, position)
    directories.push(directory)
    position = next
  }
  if (directories.length === 0) throw damaged(path, 'no page at all')
  return { big, littleEndian, directories }
}

interface Place {
  source: ByteSource
  size: number
  big: boolean
  littleEndian: boolean
}

async function readDirectory(place: Place, page: number, position: number): Promise<{ directory: TiffDirectory; next: number }> {
  const { source, size, big, littleEndian } = place
  const countBytes = big ? 8 : 2
  const entryBytes = big ? 20 : 12
  const what = `the list of tags of page ${page + 1} at byte ${position}`
  if (position + countBytes > size) throw truncated(source.path, what, position + countBytes, size)
  const counted = await view(source, position, countBytes)
  const count = big ? offset64(counted, 0, littleEndian) : counted.getUint16(0, littleEndian)
  const end = position + countBytes + count * entryBytes + (big ? 8 : 4)
  if (count > 65_535) throw damaged(source.path, `${count} tags in page ${page + 1}, where at most 65535 are possible`)
  if (end > size) throw truncated(source.path, what, end, size)
  const bytes = await view(source, position + countBytes, end - position - countBytes)
  const fields = new Map<number, Field>()
  for (let entry = 0; entry < count; entry += 1) {
    const at = entry * entryBytes
    const type = bytes.getUint16(at + 2, littleEndian)
    const values = big ? offset64(bytes, at + 4, littleEndian) : bytes.getUint32(at + 4, littleEndian)
    const inside = at + (big ? 12 : 8)
    const room = big ? 8 : 4
    const width = FIELD_BYTES[type]
    // A reader skips fields of types it does not know (TIFF 6.0, section 2).
    if (width === undefined) continue
    const outside = big ? offset64(bytes, inside, littleEndian) : bytes.getUint32(inside, littleEndian)
    fields.set(bytes.getUint16(at, littleEndian), { type, count: values, position: values * width <= room ? position + countBytes + inside : outside })
  }
  const next = big ? offset64(bytes, count * entryBytes, littleEndian) : bytes.getUint32(count * entryBytes, littleEndian)
  return { directory: directoryOf(place, page, fields), next }
}

function directoryOf(place: Place, page: number, fields: ReadonlyMap<number, Field>): TiffDirectory {
  const { source, size, littleEndian } = place

  async function valuesOf(tag: number): Promise<{ field: Field; bytes: DataView } | null> {
    const field = fields.get(tag)
    if (!field) return null
    const length = field.count * FIELD_BYTES[field.type]
    if (field.position + length > size) throw truncated(source.path, `the ${field.count} values of tag ${tag} (${tagName(tag)}) of page ${page + 1}`, field.position + length, size)
    if (field.count > LARGEST_VALUES && field.type !== 2) {
      throw new CuvetteError('unsupported', `${source.path} has ${field.count} values in tag ${tag} (${tagName(tag)}), more than ${LARGEST_VALUES}; write it with larger strips or tiles.`, { path: source.path, where: `page ${page + 1}` })
    }
    return { field, bytes: await view(source, field.position, Math.min(length, 64 * 1024 * 1024)) }
  }

  return {
    page,
    has: (tag) => fields.has(tag),
    count: (tag) => fields.get(tag)?.count ?? 0,
    async numbers(tag) {
      const found = await valuesOf(tag)
      if (!found) return null
      const read = numberReaders[found.field.type]
      if (!read) throw damaged(source.path, `text in tag ${tag} (${tagName(tag)}) of page ${page + 1}, where numbers are expected`)
      const width = FIELD_BYTES[found.field.type]
      return Float64Array.from({ length: found.field.count }, (_, n) => read(found.bytes, n * width, littleEndian))
    },
    async text(tag) {
      const found = await valuesOf(tag)
      if (!found) return null
      const bytes = new Uint8Array(found.bytes.buffer, found.bytes.byteOffset, found.bytes.byteLength)
      return decodeText(bytes).replace(/\0[^]*$/, '')
    },
  }
}

const numberReaders: Record<number, ((bytes: DataView, at: number, little: boolean) => number) | undefined> = {
  1: (bytes, at) => bytes.getUint8(at),
  3: (bytes, at, little) => bytes.getUint16(at, little),
  4: (bytes, at, little) => bytes.getUint32(at, little),
  5: (bytes, at, little) => bytes.getUint32(at, little) / bytes.getUint32(at + 4, little),
  6: (bytes, at) => bytes.getInt8(at),
  7: (bytes, at) => bytes.getUint8(at),
  8: (bytes, at, little) => bytes.getInt16(at, little),
  9: (bytes, at, little) => bytes.getInt32(at, little),
  10: (bytes, at, little) => bytes.getInt32(at, little) / bytes.getInt32(at + 4, little),
  11: (bytes, at, little) => bytes.getFloat32(at, little),
  12: (bytes, at, little) => bytes.getFloat64(at, little),
  13: (bytes, at, little) => bytes.getUint32(at, little),
  16: offset64,
  17: (bytes, at, little) => Number(bytes.getBigInt64(at, little)),
  18: offset64,
}

/** Offsets beyond 2^53 are beyond any file; rounded, they still are. */
function offset64(bytes: DataView, at: number, little: boolean): number {
  return Number(bytes.getBigUint64(at, little))
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return new TextDecoder('latin1').decode(bytes)
  }
}

async function view(source: ByteSource, position: number, length: number): Promise<DataView> {
  const bytes = new Uint8Array(length)
  await source.read(position, bytes)
  return new DataView(bytes.buffer)
}

/** Tags that sentences and readers speak of. */
export const TAGS = {
  subfileType: 254, oldSubfileType: 255, width: 256, height: 257, bitsPerSample: 258, compression: 259, photometric: 262,
  stripOffsets: 273, samplesPerPixel: 277, rowsPerStrip: 278, stripByteCounts: 279, planarConfiguration: 284,
  predictor: 317, tileWidth: 322, tileHeight: 323, tileOffsets: 324, tileByteCounts: 325, sampleFormat: 339,
  modelPixelScale: 33550, modelTiepoint: 33922, modelTransformation: 34264,
  geoKeyDirectory: 34735, geoDoubleParams: 34736, geoAsciiParams: 34737, gdalMetadata: 42112, gdalNoData: 42113,
} as const

const tagNames = new Map<number, string>(Object.entries(TAGS).map(([name, tag]) => [tag, name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)]))

export function tagName(tag: number): string {
  return tagNames.get(tag) ?? 'unknown'
}

function truncated(path: string, what: string, expected: number, found: number): CuvetteError {
  return new CuvetteError('truncated', `${path} holds ${found} bytes, but ${what} would end at byte ${expected}; it is incomplete, so copy or export it again.`, { path })
}

/** CuvetteError('bad-data') for a TIFF that contradicts itself. */
export function damaged(path: string, what: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-data', `${path} is damaged: it holds ${what}; copy or export it again.`, { path, cause })
}
