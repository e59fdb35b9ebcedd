import type { Dataset, File as Hdf5File, Group } from 'h5wasm/node'
import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { fileSize, throwIfCancelled } from '../bytes'
import type { Cube, CubeFormat, OpenOptions } from '../cube'
import { BYTES_PER_ELEMENT, decoder } from '../numbers'
import type { Box, BoxReader, Selection } from '../windowed-cube'
import { PIECE_BYTES, windowedCube } from '../windowed-cube'
import type { Variable } from './variables'
import { chooseVariable, describeArray } from './variables'

/** MATLAB 7.3: an HDF5 file behind a text header. HDF5 lists the axes in reverse: (bands, samples, lines). */
export const matlab73: CubeFormat = {
  name: 'MATLAB 7.3',
  async recognises(path, head) {
    if (new TextDecoder('latin1').decode(head.subarray(0, 10)) === 'MATLAB 7.3') return true
    return /\.mat$/i.test(path) && [0, 512].some((start) => hdf5Signature.every((byte, at) => head[start + at] === byte))
  },
  async open(path, options) {
    const library = await loadLibrary()
    const file = await openHdf5(library, path)
    try {
      const variables = guarded(path, () => listVariables(library, file))
      const variable = chooseVariable(variables, options, path)
      return guarded(path, () => cubeOf(path, file, variable, variables, options))
    } catch (error) {
      closeFile(file)
      throw error
    }
  },
}

const hdf5Signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

interface Matlab73Variable extends Variable {
  stored: CubeDataType | null
  /** Chunk in the order of the file; null when contiguous. */
  chunks: number[] | null
}

type Library = typeof import('h5wasm/node')

/** Loaded when the first file needs it. */
async function loadLibrary(): Promise<Library> {
  const library = await import('h5wasm/node')
  const module = await library.ready
  // Otherwise a damaged chunk reads as zeros, and errors are printed instead of thrown.
  module.activate_throwing_error_handler()
  return library
}

async function openHdf5(library: Library, path: string): Promise<Hdf5File> {
  try {
    return new library.File(path, 'r')
  } catch (error) {
    const found = /truncated file: eof = (\d+).*stored_eof = (\d+)/.exec(String(error))
    const size = await fileSize(path)
    if (found) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but its contents need ${found[2]}; it is incomplete, so copy or export it again.`, { path, cause: error })
    }
    throw damaged(path, error)
  }
}

function listVariables(library: Library, file: Hdf5File): Matlab73Variable[] {
  return file
    .keys()
    .filter((name) => !name.startsWith('#'))
    .flatMap((name) => {
      const entity = file.get(name)
      if (entity instanceof library.Dataset) return [describeDataset(name, entity)]
      if (!(entity instanceof library.Group)) return []
      return [{ name, shape: [], dtype: className(entity) ?? 'struct', numeric: false, stored: null, chunks: null }]
    })
}

function describeDataset(name: string, dataset: Dataset): Matlab73Variable {
  const { metadata } = dataset
  const matlabClass = className(dataset)
  const empty = 'MATLAB_empty' in dataset.attrs
  const stored = storedType(metadata.type, metadata.size, metadata.signed)
  // Cells hold references; text is numbers with the class char.
  const numeric = stored !== null && !empty && matlabClass !== 'char' && matlabClass !== 'cell'
  const shape = [...(metadata.shape ?? [])].reverse()
  const dtype = matlabClass === 'logical' || matlabClass === 'char' ? matlabClass : stored ?? matlabClass ?? 'unknown'
  return { name, shape: empty ? [0, 0] : shape, dtype, numeric, stored: numeric ? stored : null, chunks: metadata.chunks }
}

function className(entity: Dataset | Group): string | null {
  const value = entity.attrs['MATLAB_class']?.value
  return typeof value === 'string' ? value : null
}

/** HDF5 classes 0 (integer) and 1 (float). */
function storedType(type: number, size: number, signed: boolean): CubeDataType | null {
  if (type === 0) {
    if (size === 1) return signed ? 'int8' : 'uint8'
    if (size === 2) return signed ? 'int16' : 'uint16'
    if (size === 4) return signed ? 'int32' : 'uint32'
    if (size === 8) return signed ? 'int64' : 'uint64'
  }
  if (type === 1 && size === 4) return 'float32'
  if (type === 1 && size === 8) return 'float64'
  return null
}

function cubeOf(path: string, file: Hdf5File, variable: Matlab73Variable, variables: Matlab73Variable[], options: OpenOptions): Cube {
  const dtype = variable.stored
  if (!dtype) throw new CuvetteError('not-a-cube', `The variable ${variable.name} of ${path} holds no plain numbers.`, { path, where: variable.name })
  const description = describeArray(path, 'MATLAB 7.3', variable, dtype, variables)
  return windowedCube(description, chunkedReader(path, file, variable, dtype, options), options)
}

/** Reads a box block by block; a block is a whole number of chunks, so that no chunk is decompressed twice without need. */
function chunkedReader(path: string, file: Hdf5File, variable: Matlab73Variable, dtype: CubeDataType, options: OpenOptions): BoxReader {
  const dataset = file.get(variable.name) as Dataset
  const decode = decoder(dtype, true, null)
  const extents = blockExtents([...variable.shape].reverse(), variable.chunks, BYTES_PER_ELEMENT[dtype], options.pieceBytes ?? PIECE_BYTES)
  return {
    async read(box, out, signals) {
      const axes = fileAxes(box, extents.length)
      for (const first of partsOf(axes[0], extents[0])) {
        for (const second of partsOf(axes[1], extents[1])) {
          for (const third of partsOf(axes[2], extents[2] ?? 1)) {
            // The library blocks while it reads; between blocks others get their turn.
            await new Promise((resolve) => setImmediate(resolve))
            throwIfCancelled(path, ...signals)
            const parts = [first, second, third].slice(0, extents.length)
            const block = guarded(path, () => dataset.slice(parts.map(({ from, to }): [number, number] => [from, to])))
            scatter(numbersOf(block), [first, second, third], out)
          }
        }
      }
    },
    async close() {
      closeFile(file)
    },
  }

  function numbersOf(block: unknown): Float32Array {
    if (block instanceof Float32Array) return block
    if (!ArrayBuffer.isView(block)) throw damaged(path, new Error('the library gave no numbers'))
    const numbers = new Float32Array(block.byteLength / BYTES_PER_ELEMENT[dtype])
    decode(new Uint8Array(block.buffer, block.byteOffset, block.byteLength), numbers.length, numbers)
    return numbers
  }
}

/** Axes in the order of the file: [bands, samples, lines], or [samples, lines] for an image of one band. */
function fileAxes({ lines, samples, bands }: Box, rank: number): Selection[] {
  if (rank === 3) return [bands, samples, lines]
  // The one band only says where in the output it goes.
  return [samples, lines, { indices: [0], targets: bands.targets }]
}

/** Grows a block from one chunk (contiguous: one row) along the fastest axis first, while it stays within the piece. */
function blockExtents(shape: number[], chunks: number[] | null, width: number, pieceBytes: number): number[] {
  const limit = Math.max(1, Math.floor(pieceBytes / width))
  const extents = chunks ? chunks.map((size, axis) => Math.min(size, shape[axis])) : shape.map((size, axis) => (axis === shape.length - 1 ? Math.min(size, limit) : 1))
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    const others = extents.reduce((product, size, other) => (other === axis ? product : product * size), 1)
    const times = Math.floor(limit / (others * extents[axis]))
    if (times > 1) extents[axis] = Math.min(shape[axis], extents[axis] * times)
    if (extents[axis] < shape[axis]) break
  }
  return extents
}

/** The part of a selection that lies in one block: [from, to) in the file, and the chosen indices within. */
interface Part {
  from: number
  to: number
  indices: ArrayLike<number>
  targets: ArrayLike<number>
  start: number
  end: number
}

function partsOf({ indices, targets }: Selection, extent: number): Part[] {
  const parts: Part[] = []
  for (let start = 0; start < indices.length; ) {
    const block = Math.floor(indices[start] / extent)
    let end = start + 1
    while (end < indices.length && Math.floor(indices[end] / extent) === block) end += 1
    parts.push({ from: indices[start], to: indices[end - 1] + 1, indices, targets, start, end })
    start = end
  }
  return parts
}

function scatter(block: Float32Array, [first, second, third]: Part[], out: Float32Array): void {
  const secondSize = second.to - second.from
  const thirdSize = third.to - third.from
  for (let i = first.start; i < first.end; i += 1) {
    const plane = (first.indices[i] - first.from) * secondSize
    for (let j = second.start; j < second.end; j += 1) {
      const row = (plane + second.indices[j] - second.from) * thirdSize - third.from
      const target = first.targets[i] + second.targets[j]
      for (let k = third.start; k < third.end; k += 1) out[target + third.targets[k]] = block[row + third.indices[k]]
    }
  }
}

/** Closing can fail only after a read that failed, which was reported. */
function closeFile(file: Hdf5File): void {
  try {
    file.close()
  } catch {
    // Nothing more can be done for a damaged file.
  }
}

function guarded<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw damaged(path, error)
  }
}

function damaged(path: string, error: unknown): CuvetteError {
  if (error instanceof CuvetteError) return error
  return new CuvetteError('bad-data', `${path} is damaged: its HDF5 contents cannot be read; copy or export it again.`, { path, cause: error })
}
