import type { Dataset, File as Hdf5File } from 'h5wasm/node'
import type { GriddedVariable } from './gridded'
import type { Elsewhere } from './hdf5-elsewhere'
import { elsewhereOf } from './hdf5-elsewhere'
import type { Hdf5Library } from './hdf5-library'
import { storedType } from './hdf5-library'
import { openObjectHeaders } from './hdf5-object-header'

/** A dataset of an HDF5 file. */
export interface Hdf5Variable extends GriddedVariable {
  /** null when contiguous. */
  chunks: readonly number[] | null
  /** Other files that hold its numbers, or datasets that may. */
  elsewhere: readonly string[]
}

/** Objects that are looked at; more make no list that anybody reads. */
const LARGEST_OBJECTS = 5000
const DEEPEST_GROUP = 32
const LONGEST_ATTRIBUTE = 4096

/**
 * Lists the datasets of all groups by their paths without the leading "/". Only hard links are followed, each object
 * once: soft links are second names, external links lead to other files, and both can lead in circles.
 */
export function listHdf5(library: Hdf5Library, file: Hdf5File, filePath: string): Hdf5Variable[] {
  const headers = openObjectHeaders(filePath)
  try {
    return withinFile(walk(library, file, (dataset) => elsewhereOf(dataset, headers)))
  } finally {
    headers.close()
  }
}

interface Found {
  variable: Hdf5Variable
  elsewhere: Elsewhere
}

/** A virtual dataset may show plain datasets of its own file; by another way it could lead out of it. */
function withinFile(found: readonly Found[]): Hdf5Variable[] {
  const plain = new Set(found.filter(({ elsewhere: { files, datasets } }) => files.length + datasets.length === 0).map(({ variable }) => variable.name))
  return found.map(({ variable, elsewhere: { files, datasets } }) => ({ ...variable, elsewhere: [...files, ...datasets.filter((name) => !plain.has(name))] }))
}

function walk(library: Hdf5Library, file: Hdf5File, elsewhere: (dataset: Dataset) => Elsewhere): Found[] {
  const variables: Found[] = []
  const seen = new Set<string>()
  const waiting: { path: string; depth: number }[] = [{ path: '', depth: 0 }]
  let objects = 0
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const group = next.path === '' ? file : file.get(next.path)
    if (!(group instanceof library.Group)) continue
    for (const key of group.keys()) {
      const path = next.path === '' ? key : `${next.path}/${key}`
      const link = `/${path}`
      if (group.get_link(link) !== null || group.get_external_link(link).filename !== undefined) continue
      objects += 1
      if (objects > LARGEST_OBJECTS) return variables
      const entity = file.get(path)
      if (entity instanceof library.Dataset) {
        // The address of the object: a second hard link to it has the same.
        if (firstTime(seen, entity.create_reference().ref_data)) variables.push({ variable: describe(path, entity), elsewhere: elsewhere(entity) })
      } else if (entity instanceof library.Group && next.depth < DEEPEST_GROUP && firstTime(seen, entity.create_reference().ref_data)) {
        waiting.push({ path, depth: next.depth + 1 })
      }
    }
  }
  return variables
}

function firstTime(seen: Set<string>, address: Uint8Array): boolean {
  const key = Buffer.from(address).toString('hex')
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

function describe(name: string, dataset: Dataset): Hdf5Variable {
  const { metadata } = dataset
  const stored = storedType(metadata)
  const shape = [...metadata.shape ?? []]
  return {
    name, shape, stored,
    dtype: stored ?? (metadata.type === 3 ? 'char' : metadata.type === 6 ? 'compound' : 'unknown'),
    numeric: stored !== null && shape.length > 0,
    dimensions: dimensionsOf(dataset, shape),
    attributes: attributesOf(dataset),
    chunks: metadata.chunks,
    elsewhere: [],
  }
}

/** Labels, or the names of attached scales (what NetCDF-4 calls dimensions). */
function dimensionsOf(dataset: Dataset, shape: readonly number[]): (string | null)[] {
  if (shape.length < 2 || shape.length > 3) return shape.map(() => null)
  const labels = dataset.get_dimension_labels()
  return shape.map((_, axis) => labels[axis] || dataset.get_attached_scales(axis)[0]?.replace(/^\/+/, '') || null)
}

function attributesOf(dataset: Dataset): Map<string, string | number[]> {
  const attributes = new Map<string, string | number[]>()
  for (const [name, attribute] of Object.entries(dataset.attrs)) {
    if (attribute.metadata.total_size > LONGEST_ATTRIBUTE || attribute.metadata.vlen && attribute.metadata.type === 9) continue
    const { value } = attribute
    if (typeof value === 'string') attributes.set(name, value)
    else if (typeof value === 'number' || typeof value === 'bigint') attributes.set(name, [Number(value)])
    else if (ArrayBuffer.isView(value)) attributes.set(name, Array.from(value as unknown as ArrayLike<number | bigint>, Number))
    else if (Array.isArray(value) && value.length === 1 && typeof value[0] === 'string') attributes.set(name, value[0])
  }
  return attributes
}
