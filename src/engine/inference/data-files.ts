import { extname } from 'node:path'
import type { CubeDescription } from '../../shared/cube'
import type { RunRecord } from '../../shared/reports'
import type { Reference } from '../cube'
import { filesOf, formatReference } from '../cube'
import { sha256File } from '../files/sha256'

/** A cube as a record of a run names it. Of an ENVI pair the pixels are hashed, whichever of the two was named. */
export async function recordOfCube({ path, variable, shape, correctedBy }: CubeDescription, signal?: AbortSignal): Promise<RunRecord['data'][number]> {
  return { path, variable, sha256: await sha256OfPixels({ path, variable }, signal), shape, ...(correctedBy !== undefined && { corrections: await sha256File(correctedBy, signal) }) }
}

/** A mask as a record of a run names it. Of one whose classes are named in a file of their own, the pixels are hashed and that file. */
export async function recordOfMask(mask: Reference, signal?: AbortSignal): Promise<RunRecord['masks'][number]> {
  const [pixels, ...others] = await filesOf(formatReference(mask))
  const named = pixels !== mask.path && others.at(-1) === mask.path && extname(mask.path).toLowerCase() === '.json'
  return { path: mask.path, variable: mask.variable, sha256: await sha256File(pixels, signal), ...(named && { classes: await sha256File(mask.path, signal) }) }
}

async function sha256OfPixels(reference: Reference, signal?: AbortSignal): Promise<string> {
  const [pixels] = await filesOf(formatReference(reference))
  return await sha256File(pixels, signal)
}
