import type { Dataset, File as Hdf5File, Group } from 'h5wasm/node'
import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { windowedCube } from '../windowed-cube'
import { elsewhereOf, refuseElsewhere } from './hdf5-elsewhere'
import type { Hdf5Library } from './hdf5-library'
import { closeHdf5, guarded, hasHdf5Signature, loadHdf5, openHdf5, storedType } from './hdf5-library'
import type { ObjectHeaders } from './hdf5-object-header'
import { openObjectHeaders } from './hdf5-object-header'
import { hdf5Reader } from './hdf5-reader'
import { describeMatlab } from './matlab-arrays'
import type { Variable } from './variables'

/** MATLAB 7.3: an HDF5 file behind a text header. HDF5 lists the axes in reverse: (bands, samples, lines). */
export const matlab73: CubeFormat = {
  name: 'MATLAB 7.3',
  async recognises(path, head) {
    if (new TextDecoder('latin1').decode(head.subarray(0, 10)) === 'MATLAB 7.3') return true
    return /\.mat$/i.test(path) && [0, 512].some((start) => hasHdf5Signature(head, start))
  },
  async open(path, options) {
    const library = await loadHdf5()
    const file = await openHdf5(library, path)
    try {
      const variables = guarded(path, () => listVariables(library, file, path))
      return await cubeOf(path, file, variables, options)
    } catch (error) {
      closeHdf5(file)
      throw error
    }
  },
}

interface Matlab73Variable extends Variable {
  stored: CubeDataType | null
  /** Chunk in the order of the file; null when contiguous. */
  chunks: number[] | null
  /** Other files, or other datasets, that hold its numbers. */
  elsewhere: readonly string[]
}

/** Arrays of the file and of its structs, one level deep ("data.cube"). */
function listVariables(library: Hdf5Library, file: Hdf5File, path: string): Matlab73Variable[] {
  const headers = openObjectHeaders(path)
  try {
    return variablesOf(library, file, headers)
  } finally {
    headers.close()
  }
}

function variablesOf(library: Hdf5Library, file: Hdf5File, headers: ObjectHeaders): Matlab73Variable[] {
  return file
    .keys()
    // "#refs#" and "#subsystem#" are MATLAB's own; links lead elsewhere.
    .filter((name) => !name.startsWith('#') && isHardLink(file, name))
    .flatMap((name) => {
      const entity = file.get(name)
      if (entity instanceof library.Dataset) return [describeDataset(name, entity, headers)]
      if (!(entity instanceof library.Group)) return []
      const className = classNameOf(entity)
      const group: Matlab73Variable = { name, shape: [], dtype: className ?? 'struct', numeric: false, stored: null, chunks: null, elsewhere: [] }
      // A sparse matrix is a group too, of its indices and its numbers.
      if ('MATLAB_sparse' in entity.attrs) return [{ ...group, dtype: 'sparse' }]
      return [group, ...fieldsOf(library, file, name, entity, headers)]
    })
}

function fieldsOf(library: Hdf5Library, file: Hdf5File, struct: string, group: Group, headers: ObjectHeaders): Matlab73Variable[] {
  return group.keys().filter((field) => isHardLink(file, `${struct}/${field}`)).flatMap((field) => {
    const entity = file.get(`${struct}/${field}`)
    return entity instanceof library.Dataset ? [describeDataset(`${struct}.${field}`, entity, headers)] : []
  })
}

function isHardLink(file: Hdf5File, path: string): boolean {
  return file.get_link(`/${path}`) === null && file.get_external_link(`/${path}`).filename === undefined
}

function describeDataset(name: string, dataset: Dataset, headers: ObjectHeaders): Matlab73Variable {
  const { metadata } = dataset
  const matlabClass = classNameOf(dataset)
  const empty = 'MATLAB_empty' in dataset.attrs
  const stored = storedType(metadata)
  // Cells hold references; text is numbers with the class char.
  const numeric = stored !== null && !empty && matlabClass !== 'char' && matlabClass !== 'cell'
  const shape = [...(metadata.shape ?? [])].reverse()
  // Complex numbers are pairs (HDF5 class 6).
  const other = metadata.type === 6 && matlabClass ? `complex ${matlabClass}` : matlabClass ?? 'unknown'
  const dtype = matlabClass === 'logical' || matlabClass === 'char' ? matlabClass : stored ?? other
  return { name, shape: empty ? [0, 0] : shape, dtype, numeric, stored: numeric ? stored : null, chunks: metadata.chunks, elsewhere: Object.values(elsewhereOf(dataset, headers)).flat() }
}

function classNameOf(entity: Dataset | Group): string | null {
  const value = entity.attrs['MATLAB_class']?.value
  return typeof value === 'string' ? value : null
}

async function cubeOf(path: string, file: Hdf5File, variables: Matlab73Variable[], options: OpenOptions): Promise<Cube> {
  const { variable, axes, description } = await describeMatlab(path, 'MATLAB 7.3', variables, options, async (list) => numbersOf(path, file, list))
  refuseElsewhere(path, variable.name, variable.elsewhere)
  const dtype = variable.stored
  if (!dtype) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const shape = [...variable.shape].reverse()
  const reversed = (axis: number): number => shape.length - 1 - axis
  const numbers = {
    name: pathOf(variable.name), dtype, shape, chunks: variable.chunks, noData: null,
    axes: { lines: reversed(axes.lines), samples: reversed(axes.samples), bands: axes.bands === null ? null : reversed(axes.bands) },
  }
  return windowedCube(description, hdf5Reader(path, file, numbers, options), options)
}

/** A field of a struct is a dataset of a group. */
function pathOf(name: string): string {
  return name.replace('.', '/')
}

function numbersOf(path: string, file: Hdf5File, { name, shape, elsewhere }: Matlab73Variable): number[] {
  if (elsewhere.length > 0) return []
  const values = guarded(path, () => (file.get(pathOf(name)) as Dataset).slice([...shape].reverse().map((size): [number, number] => [0, size])))
  return ArrayBuffer.isView(values) ? Array.from(values as unknown as ArrayLike<number | bigint>, Number) : []
}
