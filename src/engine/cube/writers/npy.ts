import { openAtomic } from '../../files/atomic'
import type { RasterContent, RasterType, RasterWriter } from './raster-writer'
import { bytesOf, linesOf, requireAllLines, writeContent } from './raster-writer'

/** An array for NumPy. */
export interface NpyArray {
  /** First axis: lines. */
  shape: readonly number[]
  dataType: RasterType
}

/** Writes a .npy file (format 1.0, C order, little-endian) atomically. Throws CuvetteError('cannot-write'). */
export async function writeNpy(path: string, array: NpyArray & { values: RasterContent }): Promise<string[]> {
  return writeContent(await openNpy(path, array), array.shape[0] ?? 1, array.values)
}

/** The same, line by line as they come. */
export async function openNpy(path: string, { shape, dataType }: NpyArray): Promise<RasterWriter> {
  const [lines = 1, ...rest] = shape
  const perLine = rest.reduce((product, size) => product * size, 1)
  const file = await openAtomic(path)
  await file.write(npyHeader(shape, dataType))
  let written = 0
  return {
    async writeLines(values) {
      const count = linesOf(path, values, dataType, perLine, lines - written)
      await file.write(bytesOf(values))
      written += count
    },
    async commit() {
      requireAllLines(path, written, lines)
      await file.commit()
      return [path]
    },
    abort: () => file.abort(),
  }
}

/** Magic, version, header length and a Python dictionary, padded to 64 bytes. (NumPy enhancement proposal 1.) */
function npyHeader(shape: readonly number[], dataType: RasterType): Uint8Array {
  const descr = { float32: '<f4', uint8: '|u1', uint16: '<u2' }[dataType]
  const axes = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${axes}, }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const bytes = new Uint8Array(length).fill(0x20)
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, (length - 10) & 0xff, (length - 10) >> 8])
  bytes.set(new TextEncoder().encode(text), 10)
  bytes[length - 1] = 0x0a
  return bytes
}
