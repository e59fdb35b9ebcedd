import type { ClassDescription, CubeDescription, MaskDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { readHead } from './bytes'
import type { Cube } from './cube'
import { requireFile } from './looks-like'
import { isNamedMask, readNamedMask, withClasses } from './named-mask'
import { openFile } from './open-file'
import { formatReference, parseReference } from './reference'

const BLOCK_PIXELS = 1024 * 1024

/** A mask: what is known of it, and its class ids [H, W] row-major. */
export interface Mask {
  description: MaskDescription
  values: Uint8Array
}

/**
 * Reads a mask for a cube of `shape` [lines, samples] by reference: an image of one band (ENVI, ERDAS, NPY, TIFF), a 2-D
 * array of a file that holds several (named after '#', or the only one of that size), a PNG picture, or annotations in
 * COCO JSON; or the file that names the classes of one (`named-mask.ts`). Values are whole numbers from 0 to 255.
 * Throws CuvetteError('bad-mask') with file, found and expected size; reading errors as `openCube`.
 */
export async function readMask(reference: string, shape: readonly [number, number], signal?: AbortSignal): Promise<Mask> {
  const values = new Uint8Array(shape[0] * shape[1])
  return { description: await describeNamed(reference, shape, values, signal), values }
}

/** As `readMask`, without holding the values. */
export async function describeMask(reference: string, shape: readonly [number, number], signal?: AbortSignal): Promise<MaskDescription> {
  return describeNamed(reference, shape, null, signal)
}

async function describeNamed(reference: string, shape: readonly [number, number], values: Uint8Array | null, signal?: AbortSignal): Promise<MaskDescription> {
  const { path } = parseReference(reference)
  await requireFile(path)
  if (!isNamedMask(await readHead(path, 100))) return classesOf(reference, shape, values, signal)
  const { reference: mask, classes } = await readNamedMask(path)
  return withClasses(await classesOf(mask, shape, values, signal), classes, path)
}

async function openMask(reference: string, shape: readonly [number, number], signal?: AbortSignal): Promise<Cube> {
  const { path, variable } = parseReference(reference)
  const cube = await openFile(path, { signal, variable, maskFor: shape })
  try {
    requireSize(cube.description, shape)
    return cube
  } catch (error) {
    await cube.close()
    throw error
  }
}

function requireSize({ path, variable, shape: found }: CubeDescription, shape: readonly [number, number]): void {
  const named = formatReference({ path, variable })
  if (found[2] !== 1) {
    throw new CuvetteError('bad-mask', `The mask ${named} has ${found[2]} bands; a mask has one.`, { path })
  }
  if (found[0] !== shape[0] || found[1] !== shape[1]) {
    throw new CuvetteError(
      'bad-mask',
      `The mask ${named} is ${found[0]} lines x ${found[1]} samples, but the cube is ${shape[0]} x ${shape[1]}; choose the mask of this cube.`,
      { path },
    )
  }
}

/** Reads and counts blocks of lines, so that memory beyond `values` stays small. */
async function classesOf(reference: string, shape: readonly [number, number], values: Uint8Array | null, signal?: AbortSignal): Promise<MaskDescription> {
  const cube = await openMask(reference, shape, signal)
  try {
    const { description } = cube
    const [lines, samples] = shape
    const counts = new Float64Array(256)
    const blockLines = Math.max(1, Math.floor(BLOCK_PIXELS / samples))
    for (let line = 0; line < lines; line += blockLines) {
      const block = await cube.readBand(0, { line, sample: 0, lines: Math.min(blockLines, lines - line), samples }, 1, signal)
      const first = line * samples
      for (let n = 0; n < block.length; n += 1) {
        const value = block[n]
        if (!(value >= 0 && value <= 255 && Math.floor(value) === value)) throw notAClass(description, value, first + n)
        if (values) values[first + n] = value
        counts[value] += 1
      }
    }
    const classes = Array.from(counts, (count, id) => ({ id, count, ...named(description.classes, id) })).filter(({ count }) => count > 0)
    const { path, variable, warnings } = description
    return { path, variable, shape: [lines, samples], classes, ...(warnings.length > 0 ? { warnings } : {}) }
  } finally {
    await cube.close()
  }
}

/** Name and colour of a class, where the file gives them. */
function named(classes: readonly ClassDescription[] | undefined, id: number): { name?: string; colour?: [number, number, number] } {
  const found = classes?.find((other) => other.id === id)
  return { ...(found?.name ? { name: found.name } : {}), ...(found?.colour ? { colour: found.colour } : {}) }
}

function notAClass({ path, variable, shape }: CubeDescription, value: number, pixel: number): CuvetteError {
  const [, samples] = shape
  const place = `line ${Math.floor(pixel / samples)}, sample ${pixel % samples}`
  return new CuvetteError(
    'bad-mask',
    `The mask ${formatReference({ path, variable })} holds ${value} at ${place}; a mask holds whole numbers from 0 to 255, one for each class.`,
    { path, where: place },
  )
}
