import { CuvetteError } from '../../../shared/problem'
import type { ByteSource } from '../bytes'
import { fileSize, openBytes } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { BYTES_PER_ELEMENT, exactNumbers } from '../numbers'
import { stridedCube } from '../strided-cube'
import { describeGridded } from './gridded'
import type { NetCdf3Variable } from './netcdf3-header'
import { listNetCdf3, netCdf3Version } from './netcdf3-header'

/** NetCDF 3: classic, with 64-bit offsets, or with 64-bit sizes (CDF-5). Numbers are evenly spaced and big-endian. */
export const netcdf3: CubeFormat = {
  name: 'NetCDF 3',
  async recognises(_path, head) {
    return netCdf3Version(head) !== null
  },
  async open(path, options) {
    const source = await openBytes(path)
    try {
      return await openNetCdf3(path, source, options)
    } catch (error) {
      await source.close()
      throw error
    }
  },
}

async function openNetCdf3(path: string, source: ByteSource, options: OpenOptions): Promise<Cube> {
  const variables = await listNetCdf3(source, await fileSize(path))
  const { variable, dtype, axes, description } = await describeGridded(path, 'NetCDF 3', variables, options, async (list) => numbersOf(source, list))
  const steps = stepsOf(variable, path)
  const layout = { line: steps[axes.lines], sample: steps[axes.samples], band: axes.bands === null ? 1 : steps[axes.bands] }
  return stridedCube(description, { dtype, littleEndian: false, base: variable.begin, steps: layout }, source, options)
}

/** Elements between neighbours along each axis. */
function stepsOf({ name, shape, stored, isRecord, recordBytes }: NetCdf3Variable, path: string): number[] {
  const width = stored ? BYTES_PER_ELEMENT[stored] : 1
  const steps = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  if (!isRecord) return steps
  if (recordBytes % width !== 0) {
    throw new CuvetteError('unsupported', `The records of ${name} in ${path} are ${recordBytes} bytes apart, which is no multiple of its ${width} bytes a number; write it without an unlimited dimension.`, { path, where: name })
  }
  return [recordBytes / width, ...steps.slice(1)]
}

/** A short list, whole. */
async function numbersOf(source: ByteSource, list: NetCdf3Variable): Promise<number[]> {
  if (!list.stored) return []
  const width = BYTES_PER_ELEMENT[list.stored]
  const count = list.shape.reduce((product, size) => product * size, 1)
  const apart = list.isRecord ? list.recordBytes : 0
  // Every record holds a part of the list.
  const parts = list.isRecord ? list.shape[0] : 1
  const values: number[] = []
  for (let part = 0; part < parts; part += 1) {
    const bytes = new Uint8Array((count / parts) * width)
    await source.read(list.begin + part * apart, bytes)
    values.push(...exactNumbers(bytes, list.stored, false))
  }
  return values
}
