import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { BYTES_PER_ELEMENT, exactNumbers } from '../numbers'
import type { GriddedVariable } from './gridded'

// The classic NetCDF file: a header of dimensions, attributes and variables, then the numbers of each variable in
// one piece, then the records: one slab of every variable whose first axis may grow, again and again. All big-endian.
// (NetCDF user's guide, appendix "File format specifications"; CDF-5 of PnetCDF.)

/** A variable and where its numbers lie. */
export interface NetCdf3Variable extends GriddedVariable {
  begin: number
  /** Bytes from one index of the first axis to the next. */
  recordBytes: number
  isRecord: boolean
}

const TYPES: Record<number, CubeDataType | 'char' | undefined> = {
  1: 'int8', 2: 'char', 3: 'int16', 4: 'int32', 5: 'float32', 6: 'float64', 7: 'uint8', 8: 'uint16', 9: 'uint32', 10: 'int64', 11: 'uint64',
}
const UNSIGNED: Partial<Record<CubeDataType, CubeDataType>> = { int8: 'uint8', int16: 'uint16', int32: 'uint32', int64: 'uint64' }

const DIMENSIONS = 10
const VARIABLES = 11
const ATTRIBUTES = 12

/** No header is longer, and no longer one is read. */
const LARGEST_HEADER = 64 * 1024 * 1024
const LONGEST_ATTRIBUTE = 4096

/** 1 classic, 2 with 64-bit offsets, 5 with 64-bit sizes; null for other files. */
export function netCdf3Version(head: Uint8Array): 1 | 2 | 5 | null {
  const [c, d, f, version] = head
  return c === 0x43 && d === 0x44 && f === 0x46 && (version === 1 || version === 2 || version === 5) ? version : null
}

/** Reads the header of a file of `size` bytes. Throws CuvetteError('truncated' | 'bad-data'). */
export async function listNetCdf3(source: ByteSource, size: number): Promise<NetCdf3Variable[]> {
  const { path } = source
  const cursor = headerCursor(source, size)
  const version = (await cursor.bytes(4))[3]
  const word = version === 5 ? cursor.word64 : cursor.word32
  const place = version === 1 ? cursor.word32 : cursor.word64

  /** A list has its tag and length, or two zeros. `least`: bytes that an entry takes at least. */
  async function list<T>(tag: number, what: string, least: number, read: () => Promise<T>): Promise<T[]> {
    const found = await cursor.word32()
    const count = await word()
    if (found === 0 && count === 0) return []
    if (found !== tag) throw damaged(path, `the mark ${found} at byte ${cursor.position() - (version === 5 ? 12 : 8)}, where the ${what} (${tag}) are expected`)
    if (count * least > size) throw damaged(path, `${count} ${what}, more than a file of ${size} bytes can list`)
    const entries: T[] = []
    for (let n = 0; n < count; n += 1) entries.push(await read())
    return entries
  }

  async function text(): Promise<string> {
    const length = await word()
    const bytes = await cursor.bytes(length)
    await cursor.pad()
    return new TextDecoder().decode(bytes)
  }

  async function attribute(): Promise<[string, string | number[]]> {
    const name = await text()
    const code = await cursor.word32()
    const type = TYPES[code]
    if (!type) throw damaged(path, `the attribute "${name}" of unknown type ${code}`)
    const count = await word()
    const length = count * (type === 'char' ? 1 : BYTES_PER_ELEMENT[type])
    const bytes = await cursor.bytes(length)
    await cursor.pad()
    if (type === 'char') return [name, new TextDecoder().decode(bytes.subarray(0, LONGEST_ATTRIBUTE)).replace(/\0+$/, '')]
    return [name, exactNumbers(bytes.subarray(0, LONGEST_ATTRIBUTE), type, false)]
  }

  const recordCount = await word()
  const dimensions = await list(DIMENSIONS, 'dimensions', 8, async () => ({ name: await text(), length: await word() }))
  await list(ATTRIBUTES, 'attributes', 12, attribute)
  const raw = await list(VARIABLES, 'variables', 28, async () => {
    const name = await text()
    const count = await word()
    if (count * 4 > size) throw damaged(path, `${count} axes of the variable "${name}"`)
    const axes: number[] = []
    for (let n = 0; n < count; n += 1) axes.push(await word())
    const attributes = new Map(await list(ATTRIBUTES, 'attributes', 12, attribute))
    const code = await cursor.word32()
    const type = TYPES[code]
    await word()
    const begin = await place()
    const missing = axes.find((axis) => axis >= dimensions.length)
    if (missing !== undefined) throw damaged(path, `axis ${missing} of the variable "${name}", where the file has ${dimensions.length} dimensions`)
    if (!type) throw damaged(path, `the variable "${name}" of unknown type ${code}`)
    return { name, type, begin, attributes, dimensions: axes.map((axis) => dimensions[axis]) }
  })

  const slabs = raw.map(({ type, dimensions: axes }) => {
    const isRecord = axes[0]?.length === 0
    const width = type === 'char' ? 1 : BYTES_PER_ELEMENT[type]
    return { isRecord, bytes: axes.slice(isRecord ? 1 : 0).reduce((product, { length }) => product * length, width) }
  })
  const records = slabs.filter(({ isRecord }) => isRecord)
  // One record variable alone is not filled up to four bytes.
  const recordBytes = records.length === 1 ? records[0].bytes : records.reduce((sum, { bytes }) => sum + Math.ceil(bytes / 4) * 4, 0)
  // While a file is written, the count is all ones: as many as there are.
  const streaming = recordCount === (version === 5 ? 2 ** 64 : 2 ** 32 - 1)
  const firstRecord = Math.min(...raw.filter((_, n) => slabs[n].isRecord).map(({ begin }) => begin))
  const found = streaming ? Math.max(0, Math.floor((size - firstRecord) / recordBytes)) : recordCount

  return raw.map(({ name, type, begin, attributes, dimensions: axes }, n): NetCdf3Variable => {
    const { isRecord, bytes } = slabs[n]
    const shape = axes.map(({ length }, axis) => (axis === 0 && isRecord ? found : length))
    const stored = type === 'char' ? null : (attributes.get('_Unsigned') === 'true' ? UNSIGNED[type] : undefined) ?? type
    const empty = shape.some((length) => length === 0)
    const end = empty ? begin : isRecord ? begin + (found - 1) * recordBytes + bytes : begin + bytes
    if (end > size) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but its variable ${name} (${shape.join(' x ')} ${type}) would end at byte ${end}; it is incomplete, so copy or export it again.`, { path, where: name })
    }
    return { name, shape, stored, dtype: stored ?? type, numeric: stored !== null && shape.length > 0, dimensions: axes.map((axis) => axis.name), attributes, begin, isRecord, recordBytes: isRecord ? recordBytes : 0 }
  })
}

interface HeaderCursor {
  position(): number
  bytes(count: number): Promise<Uint8Array>
  /** To the next multiple of four. */
  pad(): Promise<void>
  word32: () => Promise<number>
  word64: () => Promise<number>
}

/** Reads the header from its start, in pieces. */
function headerCursor(source: ByteSource, size: number): HeaderCursor {
  let buffer = new Uint8Array(0)
  let start = 0
  let at = 0

  async function bytes(count: number): Promise<Uint8Array> {
    if (at + count > size) {
      throw new CuvetteError('truncated', `${source.path} holds ${size} bytes, but its header goes on to byte ${at + count}; it is incomplete, so copy or export it again.`, { path: source.path })
    }
    if (at + count > LARGEST_HEADER) throw damaged(source.path, `a header longer than ${LARGEST_HEADER} bytes`)
    if (at + count > start + buffer.length) {
      buffer = new Uint8Array(Math.min(Math.max(count, 65_536), size - at))
      start = at
      await source.read(start, buffer)
    }
    const taken = buffer.subarray(at - start, at - start + count)
    at += count
    return taken
  }

  async function view(count: number): Promise<DataView> {
    const taken = await bytes(count)
    return new DataView(taken.buffer, taken.byteOffset, taken.byteLength)
  }

  return {
    position: () => at,
    bytes,
    async pad() {
      // Attributes and names may end the file without their padding.
      at = Math.min(size, Math.ceil(at / 4) * 4)
    },
    word32: async () => (await view(4)).getUint32(0),
    word64: async () => Number((await view(8)).getBigUint64(0)),
  }
}

function damaged(path: string, what: string): CuvetteError {
  return new CuvetteError('bad-data', `${path} is damaged: its NetCDF header holds ${what}; copy or export it again.`, { path })
}
