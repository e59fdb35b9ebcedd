import { constants, inflateRawSync } from 'node:zlib'
import { CuvetteError } from '../../../shared/problem'
import type { ZipRecord } from '../../files/zip'
import { ZIP_HEADER, ZIP_TAIL, zipContentStart, zipDirectoryPlace, zipRecords } from '../../files/zip'
import type { ByteSource } from '../bytes'
import type { OpenOptions } from '../cube'
import type { Deflated } from '../inflated-bytes'
import { canHold, INFLATED_BYTES, inflatedBytes } from '../inflated-bytes'
import type { NpyHeader } from './npy-header'
import { LARGEST_NPY_HEADER, npyTypeName, parseNpyHeader } from './npy-header'
import type { Variable } from './variables'

/** An array inside an archive. */
export interface NpzMember extends Variable {
  record: ZipRecord
  header: NpyHeader
  /** Byte of the file where its content, stored or deflated, begins. */
  start: number
}

/** No sensible archive of arrays comes near this. */
const LARGEST_DIRECTORY = 16 * 1024 * 1024
/** So many compressed bytes hold any header; they inflate to 16 MiB at most. */
const HEADER_PACKED = 16 * 1024

/** The arrays of an archive, by reading its directory and the header of each. Throws CuvetteError: 'bad-data', 'truncated', 'bad-header'. */
export async function npzMembers(file: ByteSource, size: number): Promise<NpzMember[]> {
  const { path } = file
  const tail = await bytesAt(file, Math.max(0, size - ZIP_TAIL), Math.min(size, ZIP_TAIL))
  const records = await asCube(async () => {
    const { count, offset, end } = zipDirectoryPlace(tail, size - tail.length, path)
    if (end - offset > LARGEST_DIRECTORY) throw new CuvetteError('bad-data', `${path} has a directory of ${end - offset} bytes, too many for an archive of arrays; save it again with numpy.savez.`, { path })
    return zipRecords(await bytesAt(file, offset, end - offset), count, path)
  })
  const members: NpzMember[] = []
  for (const record of records) if (record.name.endsWith('.npy')) members.push(await memberOf(file, size, record))
  return members
}

async function memberOf(file: ByteSource, size: number, record: ZipRecord): Promise<NpzMember> {
  const { path } = file
  const name = record.name.slice(0, -'.npy'.length)
  const subject = `The array ${name} of ${path}`
  const start = await asCube(async () => zipContentStart(record.start + ZIP_HEADER <= size ? await bytesAt(file, record.start, ZIP_HEADER) : new Uint8Array(), record, path))
  if (start + record.packed > size) throw new CuvetteError('truncated', `${subject} is cut off: the file ends at byte ${size}, but the array reaches to ${start + record.packed}; copy or save it again.`, { path, where: name })
  if (record.method === 0 ? record.packed !== record.size : !canHold(deflatedOf(path, subject, start, record))) {
    throw new CuvetteError('bad-data', `${subject} cannot hold ${record.size} bytes in ${record.packed}; save the archive again with numpy.savez.`, { path, where: name })
  }
  const header = parseNpyHeader(await headOf(file, start, record, subject), subject, path)
  const stated = header.dataStart + header.dataBytes
  if (header.dtype && stated !== record.size) {
    throw new CuvetteError('bad-data', `${subject} has ${record.size} bytes, but its header describes ${stated} (${header.shape.join(' x ')} of ${npyTypeName(header)}); save the archive again with numpy.savez.`, { path, where: name })
  }
  return { name, shape: header.shape, dtype: npyTypeName(header), numeric: header.dtype !== null, record, header, start }
}

/** The first bytes of a member: enough for its header. */
async function headOf(file: ByteSource, start: number, { method, packed }: ZipRecord, subject: string): Promise<Uint8Array> {
  if (method === 0) return bytesAt(file, start, Math.min(packed, LARGEST_NPY_HEADER + 12))
  const head = await bytesAt(file, start, Math.min(packed, HEADER_PACKED))
  try {
    return inflateRawSync(head, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (error) {
    throw new CuvetteError('bad-data', `${subject} cannot be decompressed: its first bytes are damaged; copy or save the archive again.`, { path: file.path, cause: error })
  }
}

/**
 * The bytes of a member with random access. A stored one is read where it lies, a deflated one is decompressed at the
 * first read. Closing it closes the file.
 */
export function memberBytes(file: ByteSource, { name, record, start }: NpzMember, options: OpenOptions): ByteSource {
  const { path } = file
  if (record.method === 0) return { path, read: (position, into) => file.read(start + position, into), close: () => file.close() }
  const deflated = { ...deflatedOf(path, `The array ${name} of ${path}`, start, record), checksum: record.checksum }
  const inflated = inflatedBytes(deflated, options.inflatedBytes ?? INFLATED_BYTES, options.signal)
  return {
    ...inflated,
    async close() {
      await inflated.close()
      await file.close()
    },
  }
}

function deflatedOf(path: string, subject: string, start: number, { packed, size }: ZipRecord): Deflated {
  return { path, subject, start, length: packed, kind: 'deflate', inflatedLength: size }
}

async function bytesAt(file: ByteSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  await file.read(position, bytes)
  return bytes
}

/** An archive that is no archive is, here, a damaged data file. */
async function asCube<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof CuvetteError && error.code === 'bad-artifact') throw new CuvetteError('bad-data', error.message, { path: error.path, cause: error })
    throw error
  }
}
