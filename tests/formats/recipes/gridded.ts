import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { loadLibrary, writeHdf5With } from '../../cube/support/hdf5-writer'
import { netCdf3Bytes } from '../../cube/support/netcdf3-writer'
import { numbersOf } from './arrays'
import { recipe } from './recipe'

const library = await loadLibrary()

const array = v.strictObject({
  name: v.string(),
  shape: v.array(v.number()),
  /** Letters of the axes, slowest first, for numbers that tell where they are. */
  axes: v.optional(v.string()),
  data: v.optional(v.array(v.number())),
  dtype: v.optional(v.string()),
  chunks: v.optional(v.array(v.number())),
  attributes: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
  scales: v.optional(v.array(v.string())),
  labels: v.optional(v.array(v.string())),
})

const links = { soft: v.optional(v.array(v.tuple([v.string(), v.string()]))), hard: v.optional(v.array(v.tuple([v.string(), v.string()]))), external: v.optional(v.array(v.tuple([v.string(), v.string(), v.string()]))) }

const hdf5Settings = v.strictObject({ name: v.optional(v.string(), 'scene.h5'), matlab: v.optional(v.boolean(), false), arrays: v.array(array), ...links })

const netcdfSettings = v.strictObject({
  wide: v.optional(v.boolean()),
  records: v.optional(v.number()),
  dimensions: v.record(v.string(), v.number()),
  variables: v.array(v.strictObject({
    name: v.string(),
    type: v.picklist(['int8', 'char', 'int16', 'int32', 'float32', 'float64']),
    axes: v.array(v.string()),
    order: v.optional(v.string()),
    values: v.optional(v.array(v.number())),
    attributes: v.optional(v.record(v.string(), v.union([v.string(), v.array(v.number())]))),
  })),
})

/** HDF5 (with the text header of MATLAB in front of it where wanted) and NetCDF 3. */
export const gridded = {
  hdf5: recipe(hdf5Settings, (folder, { name, matlab, arrays, soft, hard, external }) => {
    const path = join(folder, name)
    writeHdf5With(library, path, { arrays: arrays.map(({ axes, data, ...one }) => ({ ...one, data: data ?? numbersOf(one.shape, axes ?? '') })), soft, hard, external })
    if (matlab) {
      const head = Buffer.alloc(512)
      head.write('MATLAB 7.3 MAT-file, written by a test'.padEnd(116), 'latin1')
      head.set([0x00, 0x02, 0x49, 0x4d], 124)
      writeFileSync(path, Buffer.concat([head, readFileSync(path)]))
    }
    return name
  }),
  netcdf3: recipe(netcdfSettings, (folder, { wide, records, dimensions, variables }) => {
    const made = variables.map(({ order, values, ...one }) => ({ ...one, values: values ?? numbersOf(one.axes.map((axis) => dimensions[axis] || records || 0), order ?? '') }))
    writeFileSync(join(folder, 'scene.nc'), netCdf3Bytes({ wide, records, dimensions, variables: made }))
    return 'scene.nc'
  }),
}
