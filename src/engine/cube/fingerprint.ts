import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Fingerprint } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { filesOf } from './open-file'

/** Bytes that are looked at, at the beginning, in the middle and at the end of each file. */
const SAMPLE_BYTES = 1 << 20

/**
 * By what a cube or mask is known again wherever its files lie: the bytes of all its files together, and
 * SHA-256 over the length and three pieces of each, of 1 MiB at its beginning, middle and end. At most
 * 3 MiB a file are read, so it takes moments whatever the size; who must know that no byte changed takes
 * the hash of all of it, as the record of a run does. Errors as `openCube`.
 */
export async function fingerprintOf(reference: string): Promise<Fingerprint> {
  const hash = createHash('sha256')
  let bytes = 0
  for (const path of await filesOf(reference)) {
    const file = await open(path).catch((error: unknown) => {
      throw new CuvetteError('missing-file', `Cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? String(error)}); check that the file exists and may be read.`, { path, cause: error })
    })
    try {
      const { size } = await file.stat()
      bytes += size
      hash.update(`${size}\n`)
      for (const [from, to] of pieces(size)) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from)
        hash.update(buffer.subarray(0, bytesRead))
      }
    } finally {
      await file.close()
    }
  }
  return { bytes, sha256: hash.digest('hex') }
}

function pieces(size: number): [number, number][] {
  if (size <= 3 * SAMPLE_BYTES) return size > 0 ? [[0, size]] : []
  const middle = Math.floor((size - SAMPLE_BYTES) / 2)
  return [[0, SAMPLE_BYTES], [middle, middle + SAMPLE_BYTES], [size - SAMPLE_BYTES, size]]
}
