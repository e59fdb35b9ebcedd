import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { pipeline } from 'node:stream/promises'
import { crc32, createGunzip, createInflate, createInflateRaw } from 'node:zlib'
import { CuvetteError } from '../../shared/problem'
import { openTemporary } from '../files/temporary'
import type { ByteSource } from './bytes'
import { cannotRead, throwIfCancelled } from './bytes'

export interface Deflated {
  path: string
  /** What the sentences call it: "variable data of /x/scene.mat". */
  subject: string
  /** Byte range in the file. */
  start: number
  length: number
  kind: 'zlib' | 'gzip' | 'deflate'
  /** How many bytes must come out; what follows them is not kept. */
  inflatedLength: number
  /** CRC-32 of all that comes out, where the file states one: then nothing may follow. */
  checksum?: number
}

/** Decompressed data held in memory for one cube unless the caller says otherwise. */
export const INFLATED_BYTES = 256 * 1024 * 1024

/** Deflate cannot shrink data by more than this. */
const LARGEST_RATIO = 1032

/** Data may go on for so long after what is wanted before it is left alone; the end of exact data is checked. */
const SLACK_BYTES = 1024 * 1024

/** Whether so few compressed bytes can hold so many. */
export function canHold(deflated: Deflated): boolean {
  return deflated.length * LARGEST_RATIO >= deflated.inflatedLength
}

/**
 * Decompressed data with random access. It is decompressed at the first read: into memory up to `budget`
 * bytes, otherwise into a temporary file that goes away with `close`.
 */
export function inflatedBytes(deflated: Deflated, budget: number, signal?: AbortSignal): ByteSource {
  let content: Promise<ByteSource> | null = null
  return {
    path: deflated.path,
    async read(position, into) {
      // After a failure the next read tries again.
      content ??= inflate(deflated, budget, signal).catch((error: unknown) => {
        content = null
        throw error
      })
      const source = await content
      await source.read(position, into)
    },
    async close() {
      const source = await content?.catch(() => null)
      content = null
      await source?.close()
    },
  }
}

async function inflate(deflated: Deflated, budget: number, signal?: AbortSignal): Promise<ByteSource> {
  throwIfCancelled(deflated.path, signal)
  const sink = deflated.inflatedLength <= budget ? memorySink(deflated) : await temporarySink(deflated)
  let received = 0
  let checksum = 0
  let seen = 0
  const enough = () => seen > deflated.inflatedLength + SLACK_BYTES
  try {
    await pipeline(
      createReadStream(deflated.path, { start: deflated.start, end: deflated.start + deflated.length - 1, highWaterMark: 1 << 18 }),
      inflaters[deflated.kind]({ chunkSize: 1 << 18 }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of chunks) {
          const wanted = Math.min(chunk.length, deflated.inflatedLength - received)
          if (deflated.checksum !== undefined) {
            if (wanted < chunk.length) throw tooLong(deflated)
            checksum = crc32(chunk, checksum)
          }
          if (wanted > 0) await sink.write(chunk.subarray(0, wanted), received)
          received += wanted
          seen += chunk.length
          if (enough()) break
        }
      },
      { signal },
    ).catch((error: unknown) => {
      // Stopping early closes the streams before their end.
      if (!enough()) throw error
    })
    throwIfCancelled(deflated.path, signal)
    if (received < deflated.inflatedLength) throw tooShort(deflated, received)
    if (deflated.checksum !== undefined && checksum !== deflated.checksum) throw otherChecksum(deflated)
    return sink.source
  } catch (error) {
    await sink.source.close()
    throwIfCancelled(deflated.path, signal)
    throw damaged(deflated, received, error)
  }
}

const inflaters = { gzip: createGunzip, zlib: createInflate, deflate: createInflateRaw }

interface Sink {
  write(chunk: Uint8Array, position: number): Promise<void>
  source: ByteSource
}

function memorySink(deflated: Deflated): Sink {
  let bytes: Uint8Array | null = new Uint8Array(deflated.inflatedLength)
  return {
    async write(chunk, position) {
      bytes?.set(chunk, position)
    },
    source: {
      path: deflated.path,
      async read(position, into) {
        if (!bytes) throw new CuvetteError('bad-argument', `${deflated.path} was closed; open it again.`, { path: deflated.path })
        into.set(bytes.subarray(position, position + into.length))
      },
      async close() {
        bytes = null
      },
    },
  }
}

async function temporarySink({ path }: Deflated): Promise<Sink> {
  const file = await openTemporary(tmpdir())
  return { write: (chunk, position) => file.write(chunk, position), source: { path, read: (position, into) => file.read(position, into), close: () => file.close() } }
}

function tooShort(deflated: Deflated, received: number): CuvetteError {
  const { path, subject, inflatedLength } = deflated
  return new CuvetteError('truncated', `${subject} is incomplete: ${received} bytes came out of the compressed data, ${inflatedLength} were expected; copy or export the file again.`, { path })
}

function tooLong({ path, subject, inflatedLength }: Deflated): CuvetteError {
  return new CuvetteError('bad-data', `${subject} holds more than the ${inflatedLength} bytes that the file states; copy or export the file again.`, { path })
}

function otherChecksum({ path, subject }: Deflated): CuvetteError {
  return new CuvetteError('bad-data', `${subject} is damaged: its check sum differs from the one that the file states; copy or export the file again.`, { path })
}

function damaged(deflated: Deflated, received: number, error: unknown): CuvetteError {
  if (error instanceof CuvetteError) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'Z_BUF_ERROR' && received >= deflated.inflatedLength) {
    return new CuvetteError('truncated', `${deflated.subject} is incomplete: the end of its compressed data is missing; copy or export the file again.`, { path: deflated.path, cause: error })
  }
  if (code === 'Z_BUF_ERROR') return tooShort(deflated, received)
  if (!code.startsWith('Z_')) return cannotRead(deflated.path, error)
  return new CuvetteError('bad-data', `${deflated.subject} cannot be decompressed: the compressed data is damaged after ${received} bytes; copy or export the file again.`, { path: deflated.path, cause: error })
}
