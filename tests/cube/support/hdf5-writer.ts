// Writes HDF5 files with h5wasm, for tests.

export interface Hdf5Array {
  /** Path inside the file; groups are made as needed. */
  name: string
  shape: number[]
  data: number[]
  /** As h5wasm writes it: "<f", "<d", "<h", "<H", "<i", "<B", "<q". */
  dtype?: string
  chunks?: number[]
  attributes?: Record<string, string | number>
  /** Names of datasets that are attached as the scales of the axes. */
  scales?: string[]
  labels?: string[]
}

export interface Hdf5Content {
  arrays: Hdf5Array[]
  /** [name, target inside the file] */
  soft?: [string, string][]
  hard?: [string, string][]
  /** [name, file, path in it] */
  external?: [string, string, string][]
}

type Library = typeof import('h5wasm/node')

export async function loadLibrary(): Promise<Library> {
  const library = await import('h5wasm/node')
  await library.ready
  return library
}

export async function writeHdf5(path: string, content: Hdf5Content): Promise<string> {
  return writeHdf5With(await loadLibrary(), path, content)
}

export function writeHdf5With({ File, Group, Dataset }: Library, path: string, { arrays, soft = [], hard = [], external = [] }: Hdf5Content): string {
  const file = new File(path, 'w')
  for (const { name, shape, data, dtype = '<f', chunks, attributes = {}, labels } of arrays) {
    const parts = name.split('/')
    let group: InstanceType<Library['Group']> = file
    for (const part of parts.slice(0, -1)) {
      const there = group.keys().includes(part) ? group.get(part) : group.create_group(part)
      if (!(there instanceof Group)) throw new Error(`${part} is no group`)
      group = there
    }
    const packing = chunks ? { chunks, compression: 'gzip' as const, compression_opts: [4] } : {}
    const dataset = group.create_dataset({ name: parts[parts.length - 1], data: dtype.endsWith('q') ? BigInt64Array.from(data.map(BigInt)) : data, shape, dtype, ...packing })
    for (const [key, value] of Object.entries(attributes)) {
      if (typeof value === 'string') dataset.create_attribute(key, value)
      else dataset.create_attribute(key, value, [1], '<d')
    }
    labels?.forEach((label, axis) => dataset.set_dimension_label(axis, label))
  }
  for (const { name, scales = [] } of arrays) {
    const dataset = file.get(name)
    if (!(dataset instanceof Dataset)) throw new Error(`${name} is no dataset`)
    scales.forEach((scale, axis) => {
      const other = file.get(scale)
      if (!(other instanceof Dataset)) throw new Error(`${scale} is no dataset`)
      if (other.get_scale_name() === null) other.make_scale(scale)
      dataset.attach_scale(axis, `/${scale}`)
    })
  }
  for (const [name, target] of soft) file.create_soft_link(target, name)
  for (const [name, target] of hard) file.create_hard_link(target, name)
  for (const [name, other, target] of external) file.create_external_link(other, target, name)
  file.close()
  return path
}

/** Row-major, slowest axis first. */
export function rowMajor(shape: readonly [number, number, number], value: (first: number, middle: number, last: number) => number): number[] {
  const values: number[] = []
  for (let i = 0; i < shape[0]; i += 1) for (let j = 0; j < shape[1]; j += 1) for (let k = 0; k < shape[2]; k += 1) values.push(value(i, j, k))
  return values
}
