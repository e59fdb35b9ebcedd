import type { Dataset, File as Hdf5File } from 'h5wasm/node'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { windowedCube } from '../windowed-cube'
import { describeGridded } from './gridded'
import { refuseElsewhere } from './hdf5-elsewhere'
import { closeHdf5, guarded, hasHdf5Signature, loadHdf5, openHdf5 } from './hdf5-library'
import { hdf5Reader } from './hdf5-reader'
import type { Hdf5Variable } from './hdf5-variables'
import { listHdf5 } from './hdf5-variables'

/** HDF5, and NetCDF-4, which is HDF5 with a convention for the names of axes. */
export const hdf5: CubeFormat = {
  name: 'HDF5 with NetCDF-4',
  async recognises(_path, head) {
    // A user block before the signature is 512 bytes, or twice that, and so on.
    return hasHdf5Signature(head) || hasHdf5Signature(head, 512)
  },
  async open(path, options) {
    const library = await loadHdf5()
    const file = await openHdf5(library, path)
    try {
      const variables = guarded(path, () => listHdf5(library, file, path))
      return await cubeOf(path, file, variables, options)
    } catch (error) {
      closeHdf5(file)
      throw error
    }
  },
}

async function cubeOf(path: string, file: Hdf5File, variables: Hdf5Variable[], options: OpenOptions): Promise<Cube> {
  const named = variables.some(({ attributes }) => attributes.has('_Netcdf4Dimid') || attributes.has('_Netcdf4Coordinates')) ? 'NetCDF-4' : 'HDF5'
  const { variable, dtype, axes, description } = await describeGridded(path, named, variables, options, async (list) => numbersOf(path, file, list))
  refuseElsewhere(path, variable.name, variable.elsewhere)
  const { name, shape, chunks } = variable
  return windowedCube(description, hdf5Reader(path, file, { name, dtype, shape, chunks, axes, noData: description.noData }, options), options)
}

/** A short list, whole. */
function numbersOf(path: string, file: Hdf5File, { name, shape, elsewhere }: Hdf5Variable): number[] {
  if (elsewhere.length > 0) return []
  const values = guarded(path, () => (file.get(name) as Dataset).slice(shape.map((size): [number, number] => [0, size])))
  return ArrayBuffer.isView(values) ? Array.from(values as unknown as ArrayLike<number | bigint>, Number) : []
}
