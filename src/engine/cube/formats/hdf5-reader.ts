import type { Dataset, File as Hdf5File } from 'h5wasm/node'
import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { throwIfCancelled } from '../bytes'
import type { OpenOptions } from '../cube'
import { effectiveNoData } from '../cube'
import { BYTES_PER_ELEMENT, decoder } from '../numbers'
import type { BoxReader, Selection } from '../windowed-cube'
import { PIECE_BYTES } from '../windowed-cube'
import type { Axes } from './arrangement'
import { closeHdf5, damagedHdf5, guarded } from './hdf5-library'

/** A dataset that holds plain numbers. */
export interface Hdf5Numbers {
  /** As the library finds it. */
  name: string
  dtype: CubeDataType
  /** In the order of the file, slowest first, as is everything below. */
  shape: readonly number[]
  /** null when contiguous. */
  chunks: readonly number[] | null
  axes: Axes
  noData: number | null
}

/** A chunk is decompressed whole, inside the memory of the library. */
const LARGEST_CHUNK = 256 * 1024 * 1024

/**
 * Reads a box block by block; a block is a whole number of chunks, so that no chunk is decompressed twice without need.
 * Closing it closes the file. Throws CuvetteError('unsupported') at once where chunks are too large to hold.
 */
export function hdf5Reader(path: string, file: Hdf5File, numbers: Hdf5Numbers, options: OpenOptions): BoxReader {
  const { name, dtype, shape, chunks, axes } = numbers
  const width = BYTES_PER_ELEMENT[dtype]
  const chunkBytes = (chunks ?? []).reduce((product, size) => product * size, width)
  if (chunkBytes > LARGEST_CHUNK) {
    throw new CuvetteError('unsupported', `${path} stores ${name} in chunks of ${(chunks ?? []).join(' x ')} numbers (${chunkBytes} bytes), larger than the ${LARGEST_CHUNK} that are read at once; write it with smaller chunks.`, { path, where: name })
  }
  const dataset = guarded(path, () => file.get(name)) as Dataset
  const decode = decoder(dtype, true, effectiveNoData(numbers, options))
  const extents = blockExtents(shape, chunks, width, options.pieceBytes ?? PIECE_BYTES)
  return {
    bandBytes: bandBytes(shape, chunks, axes, width),
    async read(box, out, signals) {
      const selections = new Array<Selection>(shape.length)
      selections[axes.lines] = box.lines
      selections[axes.samples] = box.samples
      if (axes.bands !== null) selections[axes.bands] = box.bands
      // The one band of an image only says where in the output it goes.
      else selections.push({ indices: [0], targets: box.bands.targets })
      for (const first of partsOf(selections[0], extents[0])) {
        for (const second of partsOf(selections[1], extents[1])) {
          for (const third of partsOf(selections[2], extents[2] ?? 1)) {
            // The library blocks while it reads; between blocks others get their turn.
            await new Promise((resolve) => setImmediate(resolve))
            throwIfCancelled(path, ...signals)
            const parts = [first, second, third].slice(0, shape.length)
            const block = guarded(path, () => dataset.slice(parts.map(({ from, to }): [number, number] => [from, to])))
            scatter(numbersOf(block), [first, second, third], out)
          }
        }
      }
    },
    async close() {
      closeHdf5(file)
    },
  }

  function numbersOf(block: unknown): Float32Array {
    if (!ArrayBuffer.isView(block)) throw damagedHdf5(path, new Error('the library gave no numbers'))
    const values = new Float32Array(block.byteLength / width)
    decode(new Uint8Array(block.buffer, block.byteOffset, block.byteLength), values.length, values)
    return values
  }
}

/** What one band shares its chunks with is read along; bands that lie side by side without chunks are all read. */
function bandBytes(shape: readonly number[], chunks: readonly number[] | null, { bands }: Axes, width: number): number | undefined {
  if (bands === null) return undefined
  const together = chunks ? Math.min(chunks[bands], shape[bands]) : bands === 2 ? shape[bands] : 1
  return shape.reduce((product, size, axis) => product * (axis === bands ? together : size), width)
}

/** Grows a block from one chunk (contiguous: one row) along the fastest axis first, while it stays within the piece. */
function blockExtents(shape: readonly number[], chunks: readonly number[] | null, width: number, pieceBytes: number): number[] {
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
