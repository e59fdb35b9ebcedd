import { extname } from 'node:path'
import type { CubeDescription } from '../../shared/cube'
import type { RunRecord } from '../../shared/reports'
import { bestFitting, dataFilesOf } from '../cube/formats/envi-files'
import { sha256File } from '../files/sha256'

const WIDTHS: Record<CubeDescription['dtype'], number> = {
  uint8: 1, int8: 1, uint16: 2, int16: 2, uint32: 4, int32: 4, uint64: 8, int64: 8, float32: 4, float64: 8, complex64: 8, complex128: 16,
}

/** A cube as a record of a run names it. Of an ENVI pair the pixels are hashed, whichever of the two was named. */
export async function recordOfCube({ path, variable, shape, dtype }: CubeDescription, signal?: AbortSignal): Promise<RunRecord['data'][number]> {
  let pixels = path
  if (extname(path).toLowerCase() === '.hdr') {
    const bytes = shape[0] * shape[1] * shape[2] * WIDTHS[dtype]
    pixels = bestFitting(await dataFilesOf(path), bytes)?.path ?? path
  }
  return { path, variable, sha256: await sha256File(pixels, signal), shape }
}
