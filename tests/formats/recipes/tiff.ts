import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import type { TagValue } from '../../cube/support/tiff-writer'
import { tiffBytes } from '../../cube/support/tiff-writer'
import { recipe } from './recipe'

const tag = v.nullable(v.union([v.string(), v.strictObject({ type: v.picklist([1, 3, 4, 12, 16]), values: v.array(v.number()) })]))

const page = v.strictObject({
  lines: v.optional(v.number(), 3),
  samples: v.optional(v.number(), 4),
  bands: v.optional(v.number(), 5),
  dtype: v.optional(v.picklist(['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64', 'float32', 'float64', 'complex64', 'complex128']), 'uint16'),
  planar: v.optional(v.boolean()),
  compression: v.optional(v.picklist(['none', 'lzw', 'deflate', 'packbits'])),
  predictor: v.optional(v.picklist([1, 2, 3])),
  rowsPerStrip: v.optional(v.number()),
  tile: v.optional(v.tuple([v.number(), v.number()])),
  gaps: v.optional(v.boolean()),
  tags: v.optional(v.record(v.string(), tag)),
})

const settings = v.strictObject({
  name: v.optional(v.string(), 'scene.tif'),
  little: v.optional(v.boolean()),
  big: v.optional(v.boolean()),
  pages: v.optional(v.array(page), [{}]),
  /** Text files beside it. */
  beside: v.optional(v.record(v.string(), v.string()), {}),
})

/** A TIFF of small pages; a number is 100 line + 10 sample + band, on page n + n. */
export const tiff = {
  tiff: recipe(settings, (folder, { name, little, big, pages, beside }) => {
    const made = pages.map((one, n) => ({ ...one, tags: one.tags as Record<number, TagValue | null> | undefined, value: (line: number, sample: number, band: number) => 100 * line + 10 * sample + band + n }))
    writeFileSync(join(folder, name), tiffBytes(made, { little, big }))
    for (const [other, text] of Object.entries(beside)) writeFileSync(join(folder, other), text)
    return name
  }),
}
