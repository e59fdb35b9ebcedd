import { CuvetteError } from '../../shared/problem'

// Format: an unsigned 64-bit little-endian header length, a JSON header, then the numbers of all tensors
// without gaps. (safetensors, "Format" in its README.)

export type SafeTensorType = 'float32' | 'float64' | 'int64' | 'int32' | 'uint8' | 'bool'
export type SafeTensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array

/** A named tensor, row-major. Structurally the tensor of the graph room. */
export interface SafeTensor {
  readonly type: SafeTensorType
  readonly shape: readonly number[]
  readonly data: SafeTensorData
}

export interface SafeTensorFile {
  tensors: Record<string, SafeTensor>
  metadata: Record<string, string>
}

const METADATA = '__metadata__'
const LARGEST_HEADER = 100_000_000

const codes: Record<SafeTensorType, string> = { float32: 'F32', float64: 'F64', int64: 'I64', int32: 'I32', uint8: 'U8', bool: 'BOOL' }

const types: Record<string, { type: SafeTensorType; width: number; view: (buffer: ArrayBuffer) => SafeTensorData }> = {
  F32: { type: 'float32', width: 4, view: (buffer) => new Float32Array(buffer) },
  F64: { type: 'float64', width: 8, view: (buffer) => new Float64Array(buffer) },
  I64: { type: 'int64', width: 8, view: (buffer) => new BigInt64Array(buffer) },
  I32: { type: 'int32', width: 4, view: (buffer) => new Int32Array(buffer) },
  U8: { type: 'uint8', width: 1, view: (buffer) => new Uint8Array(buffer) },
  BOOL: { type: 'bool', width: 1, view: (buffer) => new Uint8Array(buffer) },
}

/** The bytes of a file. Tensors lie in the order of their names, so equal contents give equal bytes. */
export function encodeSafetensors(tensors: Readonly<Record<string, SafeTensor>>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const entries: [string, unknown][] = []
  if (Object.keys(metadata).length > 0) entries.push([METADATA, Object.fromEntries(sorted(metadata))])
  let end = 0
  const parts: { start: number; data: SafeTensorData }[] = []
  for (const [name, { type, shape, data }] of sorted(tensors)) {
    if (name === METADATA || data.length !== product(shape) || !(data.constructor === types[codes[type]].view(new ArrayBuffer(0)).constructor)) {
      throw new Error(`The tensor "${name}" of type ${type} and shape [${shape.join(', ')}] cannot be stored with ${data.length} numbers.`)
    }
    parts.push({ start: end, data })
    entries.push([name, { dtype: codes[type], shape: [...shape], data_offsets: [end, end + data.byteLength] }])
    end += data.byteLength
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)))
  const headerLength = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(8 + headerLength + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.fill(0x20, 8, 8 + headerLength)
  bytes.set(json, 8)
  for (const { start, data } of parts) bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + headerLength + start)
  return bytes
}

/** Reads a file's bytes; `path` is for messages. Throws CuvetteError('bad-artifact') for anything malformed. */
export function decodeSafetensors(bytes: Uint8Array, path: string): SafeTensorFile {
  const headerLength = readHeaderLength(bytes, path)
  const header = readHeader(bytes.subarray(8, 8 + headerLength), path)
  const start = 8 + headerLength
  const size = bytes.length - start
  const metadata = header[METADATA] === undefined ? {} : readMetadata(header[METADATA], path)
  const entries = Object.entries(header).filter(([name]) => name !== METADATA).map(([name, value]) => ({ name, ...readEntry(name, value, size, path) }))
  requireGapless(entries, size, path)
  const tensors = Object.fromEntries(
    entries.map(({ name, code, shape, from, to }): [string, SafeTensor] => {
      const { type, view } = types[code]
      // A copy: the numbers need not be aligned in the file. Not slice, which is a view of a Buffer.
      return [name, { type, shape, data: view(Uint8Array.from(bytes.subarray(start + from, start + to)).buffer) }]
    }),
  )
  return { tensors, metadata }
}

interface Entry {
  code: string
  shape: number[]
  from: number
  to: number
}

function readHeaderLength(bytes: Uint8Array, path: string): number {
  if (bytes.length < 8) throw broken(path, `it holds ${bytes.length} bytes, fewer than the 8 of its length field`)
  const stated = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (stated > BigInt(bytes.length - 8)) throw broken(path, `its header claims ${stated} bytes, but only ${bytes.length - 8} follow`)
  if (stated > BigInt(LARGEST_HEADER)) throw broken(path, `its header claims ${stated} bytes, more than the ${LARGEST_HEADER} allowed`)
  return Number(stated)
}

function readHeader(bytes: Uint8Array, path: string): Record<string, unknown> {
  let text: string
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    header = JSON.parse(text)
  } catch (error) {
    throw broken(path, 'its header is not JSON', undefined, error)
  }
  if (!isObject(header) || !text.startsWith('{')) throw broken(path, 'its header is not a JSON object')
  const twice = repeatedKey(text)
  if (twice !== null) throw broken(path, `its header names "${twice}" twice`, twice)
  return header
}

/** JSON.parse keeps the last of two equal keys without a word. Looks at the keys of the outermost object. */
function repeatedKey(json: string): string | null {
  const seen = new Set<string>()
  const colon = /\s*:/y
  let depth = 0
  for (let at = 0; at < json.length; at += 1) {
    if (json[at] === '{' || json[at] === '[') depth += 1
    else if (json[at] === '}' || json[at] === ']') depth -= 1
    else if (json[at] === '"') {
      let end = at + 1
      while (json[end] !== '"') end += json[end] === '\\' ? 2 : 1
      colon.lastIndex = end + 1
      if (depth === 1 && colon.test(json)) {
        const key = JSON.parse(json.slice(at, end + 1)) as string
        if (seen.has(key)) return key
        seen.add(key)
      }
      at = end
    }
  }
  return null
}

function readMetadata(value: unknown, path: string): Record<string, string> {
  if (isObject(value) && Object.values(value).every((text) => typeof text === 'string')) return value as Record<string, string>
  throw broken(path, `its "${METADATA}" is not a list of texts`, METADATA)
}

function readEntry(name: string, value: unknown, size: number, path: string): Entry {
  if (!isObject(value)) throw broken(path, `its entry "${name}" is not an object`, name)
  const { dtype, shape, data_offsets: offsets } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(types, dtype)) {
    throw broken(path, `the tensor "${name}" has the type ${JSON.stringify(dtype)}, expected one of ${Object.keys(types).join(', ')}`, name)
  }
  if (!Array.isArray(shape) || !shape.every(isCount) || !Number.isSafeInteger(product(shape))) {
    throw broken(path, `the shape of the tensor "${name}" is not a list of whole numbers`, name)
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    throw broken(path, `the offsets of the tensor "${name}" are not two ascending whole numbers`, name)
  }
  const [from, to] = offsets as [number, number]
  if (to > size) throw broken(path, `the tensor "${name}" ends at byte ${to} of the data, which has ${size} bytes`, name)
  const expected = product(shape) * types[dtype].width
  if (to - from !== expected) {
    throw broken(path, `the tensor "${name}" takes ${to - from} bytes, but ${dtype} of shape [${shape.join(', ')}] takes ${expected}`, name)
  }
  return { code: dtype, shape: shape as number[], from, to }
}

/** Tensors must cover the data exactly: no overlap, no gap. */
function requireGapless(entries: (Entry & { name: string })[], size: number, path: string): void {
  let end = 0
  for (const { name, from, to } of [...entries].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from < end) throw broken(path, `the tensor "${name}" begins at byte ${from} of the data, inside the one before, which ends at ${end}`, name)
    if (from > end) throw broken(path, `bytes ${end} to ${from} of the data before the tensor "${name}" belong to no tensor`, name)
    end = to
  }
  if (end !== size) throw broken(path, `bytes ${end} to ${size} of the data belong to no tensor`)
}

function broken(path: string, what: string, where?: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-artifact', `${path} is not a usable safetensors file: ${what}; restore the file or fit the pipeline again.`, { path, where, cause })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function product(shape: readonly number[]): number {
  return shape.reduce((result, size) => result * size, 1)
}

/** In the order of UTF-16 code units, the same everywhere. */
function sorted<T>(record: Readonly<Record<string, T>>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
}
