import type { File as Hdf5File } from 'h5wasm/node'
import type { CubeDataType } from '../../../shared/cube'
import { CuvetteError } from '../../../shared/problem'
import { fileSize } from '../bytes'

// The library that reads HDF5: the C library as WebAssembly. It reads the file itself, by ranges, at any offset.

export type Hdf5Library = typeof import('h5wasm/node')

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

/** Whether the signature of HDF5 stands at a byte position. */
export function hasHdf5Signature(head: Uint8Array, position = 0): boolean {
  return signature.every((byte, at) => head[position + at] === byte)
}

/** Loaded when the first file needs it. */
export async function loadHdf5(): Promise<Hdf5Library> {
  const library = await import('h5wasm/node')
  const module = await library.ready
  // Otherwise a damaged chunk reads as zeros, and errors are printed instead of thrown.
  module.activate_throwing_error_handler()
  return library
}

/** Throws CuvetteError('truncated' | 'bad-data'). */
export async function openHdf5(library: Hdf5Library, path: string): Promise<Hdf5File> {
  try {
    return new library.File(path, 'r')
  } catch (error) {
    const found = /truncated file: eof = (\d+).*stored_eof = (\d+)/.exec(String(error))
    const size = await fileSize(path)
    if (found) {
      throw new CuvetteError('truncated', `${path} holds ${size} bytes, but its contents need ${found[2]}; it is incomplete, so copy or export it again.`, { path, cause: error })
    }
    throw damagedHdf5(path, error)
  }
}

/** Closing can fail only after a read that failed, which was reported. */
export function closeHdf5(file: Hdf5File): void {
  try {
    file.close()
  } catch {
    // Nothing more can be done for a damaged file.
  }
}

/** Runs what calls the library; whatever the library throws becomes a sentence. */
export function guarded<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw damagedHdf5(path, error)
  }
}

export function damagedHdf5(path: string, error: unknown): CuvetteError {
  if (error instanceof CuvetteError) return error
  return new CuvetteError('bad-data', `${path} is damaged: its HDF5 contents cannot be read; copy or export it again.`, { path, cause: error })
}

/** The type of HDF5 classes 0 (integer), 1 (float) and 8 (enumeration, whose base is an integer); null for others. */
export function storedType({ type, size, signed }: { type: number; size: number; signed: boolean }): CubeDataType | null {
  if (type === 0 || type === 8) {
    if (size === 1) return signed ? 'int8' : 'uint8'
    if (size === 2) return signed ? 'int16' : 'uint16'
    if (size === 4) return signed ? 'int32' : 'uint32'
    if (size === 8) return signed ? 'int64' : 'uint64'
  }
  if (type === 1 && size === 4) return 'float32'
  if (type === 1 && size === 8) return 'float64'
  return null
}
