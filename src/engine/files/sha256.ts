import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { CuvetteError } from '../../shared/problem'

/** SHA-256 of a file's bytes, as 64 lower-case hex digits. Streams; memory does not grow with the file. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk as Uint8Array)
  } catch (error) {
    if (signal?.aborted) throw new CuvetteError('cancelled', `Reading ${path} was cancelled.`, { path, cause: error })
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new CuvetteError('missing-file', `Cannot read ${path} (${code}); check that the file exists and may be read.`, { path, cause: error })
  }
  return hash.digest('hex')
}
