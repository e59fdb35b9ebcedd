import type { CubeDescription } from '../../shared/cube'
import type { Cube, OpenOptions } from './cube'
import { findMask } from './find-mask'
import { openFile } from './open-file'
import { parseReference } from './reference'

export type OpenCubeOptions = Omit<OpenOptions, 'variable' | 'maskFor'> & {
  /** Look for the mask inside or beside the cube. Default true. */
  mask?: boolean
}

/**
 * Opens a cube by reference: a path, or path#variable. The description includes the mask found inside or
 * beside it when there is exactly one candidate. Nothing but headers and the mask is read.
 * Throws CuvetteError: 'missing-file', 'not-a-cube', 'bad-header', 'truncated', 'bad-data', 'unsupported',
 * 'bad-argument' (unknown or ambiguous variable), 'cancelled'.
 */
export async function openCube(reference: string, options: OpenCubeOptions = {}): Promise<Cube> {
  const { mask: wantsMask = true, ...rest } = options
  const { path, variable } = parseReference(reference)
  const cube = await openFile(path, { ...rest, variable })
  if (!wantsMask) return cube
  try {
    const { mask, warnings } = await findMask(cube.description, options.signal)
    cube.description.mask = mask
    cube.description.warnings.push(...warnings)
    return cube
  } catch (error) {
    await cube.close()
    throw error
  }
}

/** What is known of a cube without reading its pixels. Errors as `openCube`. */
export async function describeCube(reference: string, options: OpenCubeOptions = {}): Promise<CubeDescription> {
  const cube = await openCube(reference, options)
  await cube.close()
  return cube.description
}
