import { basename } from 'node:path'
import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes, readHead } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { stridedCube } from '../strided-cube'
import type { NpyHeader } from './npy-header'
import { isNpy, LARGEST_NPY_HEADER, npyTypeName, parseNpyHeader } from './npy-header'
import type { Variable } from './variables'
import { describeArray } from './variables'

/** One NumPy array (lines, samples, bands), or (lines, samples): an image of one band. */
export const npy: CubeFormat = {
  name: 'NumPy NPY',
  async recognises(_path, head) {
    return isNpy(head)
  },
  async open(path, options) {
    if (options.variable) throw new CuvetteError('bad-argument', `${path} holds one array without a name; leave out "#${options.variable}".`, { path })
    const size = await fileSize(path)
    const header = parseNpyHeader(await readHead(path, Math.min(size, LARGEST_NPY_HEADER + 12)), path, path)
    const variable: Variable = { name: '', shape: header.shape, dtype: npyTypeName(header), numeric: header.dtype !== null }
    if (!isCubeOrImage(variable)) {
      throw new CuvetteError('not-a-cube', `${path} holds an array (${header.shape.join(' x ') || 'one value'} of ${variable.dtype}) that is no cube; expected numbers with three axes (lines, samples, bands), so save such an array.`, { path })
    }
    const needed = header.dataStart + header.dataBytes
    if (size < needed) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but its header describes ${needed} (${header.shape.join(' x ')} of ${variable.dtype}); copy or save it again.`, { path })
    }
    const cube = npyCube({ path, format: 'NPY', variable, variables: [], header, source: await openBytes(path) }, options)
    cube.description.variable = null
    if (size > needed) cube.description.warnings.push(`${basename(path)} holds ${size - needed} bytes more than its header describes; they are not read.`)
    return cube
  },
}

/** Whether an array can be shown: numbers, two or three axes, none empty. */
export function isCubeOrImage({ numeric, shape }: Variable): boolean {
  return numeric && (shape.length === 2 || shape.length === 3) && shape.every((size) => size > 0)
}

/** The cube of an array whose bytes, header included, are the source. In C order it is bip, in Fortran order bsq with each band transposed. */
export function npyCube(
  { path, format, variable, variables, header, source }: { path: string; format: string; variable: Variable; variables: readonly Variable[]; header: NpyHeader; source: ByteSource },
  options: OpenOptions,
): Cube {
  const { dtype, littleEndian, fortran, dataStart } = header
  if (!dtype) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const description = describeArray(path, format, variable, dtype, variables)
  const [lines, samples, bands] = description.shape
  if (!fortran) description.interleave = 'bip'
  const steps = fortran ? { line: 1, sample: lines, band: lines * samples } : { line: samples * bands, sample: bands, band: 1 }
  return stridedCube(description, { dtype, littleEndian, base: dataStart, steps }, source, options)
}
