import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { MatlabArray } from '../../cube/support/matlab5-writer'
import { matlab5Bytes } from '../../cube/support/matlab5-writer'
import { columnMajor } from './arrays'
import { recipe } from './recipe'

const own = {
  name: v.string(),
  matlabClass: v.optional(v.picklist(['cell', 'struct', 'char', 'sparse', 'double', 'single', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'int64', 'uint64'])),
  shape: v.array(v.number()),
  stored: v.optional(v.picklist(['int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32', 'float32', 'float64', 'int64', 'uint64'])),
  /** Letters of the axes, fastest first as MATLAB lists them. */
  axes: v.optional(v.string()),
  values: v.optional(v.array(v.number())),
  logical: v.optional(v.boolean()),
  complex: v.optional(v.boolean()),
  compressed: v.optional(v.boolean()),
}
const plain = v.strictObject(own)
const array = v.strictObject({ ...own, fields: v.optional(v.array(plain)) })

const settings = v.strictObject({ little: v.optional(v.boolean()), arrays: v.array(array) })

function filled({ axes, values, ...one }: v.InferOutput<typeof plain>): MatlabArray {
  return { ...one, values: values ?? (axes ? columnMajor(one.shape, axes) : []) }
}

/** MATLAB 5. */
export const matlab = {
  matlab5: recipe(settings, (folder, { little, arrays }) => {
    const made = arrays.map(({ fields, ...one }) => ({ ...filled(one), fields: fields?.map(filled) }))
    writeFileSync(join(folder, 'scene.mat'), matlab5Bytes(made, little))
    return 'scene.mat'
  }),
}
