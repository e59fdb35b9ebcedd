import type { Dataset } from 'h5wasm/node'
import { CuvetteError } from '../../../shared/problem'
import type { ObjectHeaders } from './hdf5-object-header'

/** Where the numbers of a dataset lie, if not in itself. */
export interface Elsewhere {
  /** Other files, as the file names them. */
  files: string[]
  /** Datasets of the same file, by their paths without the leading "/". */
  datasets: string[]
}

/** Raw files, and the sources of a virtual dataset. */
export function elsewhereOf(dataset: Dataset, headers: ObjectHeaders): Elsewhere {
  const sources = dataset.metadata.virtual_sources ?? []
  const address = Number(Buffer.from(dataset.create_reference().ref_data).readBigUInt64LE(0))
  return {
    files: [...headers.externalFiles(address), ...sources.map(({ file_name }) => file_name).filter((name) => name !== '.')],
    datasets: sources.filter(({ file_name }) => file_name === '.').map(({ dset_name }) => dset_name.replace(/^\/+/, '')),
  }
}

/** Numbers of other files are never read: a file could show any other as its own. Throws CuvetteError('unsupported'). */
export function refuseElsewhere(path: string, name: string, elsewhere: readonly string[]): void {
  if (elsewhere.length === 0) return
  throw new CuvetteError('unsupported', `The numbers of ${name} in ${path} lie in other files (${elsewhere.slice(0, 3).join(', ')}), which are not followed; write them into one file.`, { path, where: name })
}
