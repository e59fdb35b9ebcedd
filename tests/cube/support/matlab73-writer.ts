import { readFileSync, rmSync, writeFileSync } from 'node:fs'

// Writes MATLAB 7.3 files with h5wasm: reversed axes, class attributes, and the text header of 512 bytes in front.

export interface Matlab73Array {
  name: string
  matlabClass: string
  /** As MATLAB shows it. */
  shape: number[]
  /** Column-major, which is the row-major order of the reversed shape. */
  data: Float64Array | Float32Array | Uint16Array | Int16Array | Uint8Array | Int32Array | BigInt64Array
  /** In MATLAB's order; makes it chunked and gzip-ed. */
  chunks?: number[]
  attributes?: Record<string, number>
}

export async function writeMatlab73(path: string, arrays: Matlab73Array[], groups: string[] = []): Promise<string> {
  const { File, ready } = await import('h5wasm/node')
  await ready
  const bare = `${path}.h5`
  const file = new File(bare, 'w')
  for (const { name, matlabClass, shape, data, chunks, attributes = {} } of arrays) {
    const packing = chunks ? { chunks: [...chunks].reverse(), compression: 'gzip' as const, compression_opts: [4] } : {}
    const dataset = file.create_dataset({ name, data, shape: [...shape].reverse(), ...packing })
    dataset.create_attribute('MATLAB_class', matlabClass)
    for (const [key, value] of Object.entries(attributes)) dataset.create_attribute(key, Int32Array.of(value), [1], '<i')
  }
  for (const name of groups) file.create_group(name).create_attribute('MATLAB_class', 'struct')
  file.close()
  const head = Buffer.alloc(512)
  head.write('MATLAB 7.3 MAT-file, written by a test'.padEnd(116), 'latin1')
  head.set([0x00, 0x02, 0x49, 0x4d], 124)
  writeFileSync(path, Buffer.concat([head, readFileSync(bare)]))
  rmSync(bare)
  return path
}
