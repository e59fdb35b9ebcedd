import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as v from 'valibot'
import { dataBytes, ENVI_CODES, headerText } from '../../cube/support/envi-files'
import { recipe } from './recipe'

const settings = v.strictObject({
  /** Data file and header; the header is opened when `openHeader`. */
  file: v.optional(v.string(), 'cube.img'),
  header: v.optional(v.string(), 'cube.hdr'),
  openHeader: v.optional(v.boolean(), false),
  lines: v.optional(v.number(), 3),
  samples: v.optional(v.number(), 4),
  bands: v.optional(v.number(), 5),
  code: v.optional(v.number(), 12),
  interleave: v.optional(v.picklist(['bsq', 'bil', 'bip']), 'bsq'),
  big: v.optional(v.boolean(), false),
  offset: v.optional(v.number(), 0),
  gzip: v.optional(v.boolean(), false),
  /** Keys of the header that are left out. */
  without: v.optional(v.array(v.string()), []),
  /** Lines of the header that replace those of the same key, and further ones. */
  set: v.optional(v.record(v.string(), v.string()), {}),
  /** Lines at the end, as they are. */
  more: v.optional(v.array(v.string()), []),
  latin1: v.optional(v.boolean(), false),
  /** The number of every element; otherwise 100 line + 10 sample + band. */
  constant: v.optional(v.number()),
  /** Only so many bytes of the data are written. */
  dataBytes: v.optional(v.number()),
  extraBytes: v.optional(v.number(), 0),
})

/** A small ENVI raster of the numbers 100 line + 10 sample + band, with a header that can be bent. */
export const envi = {
  envi: recipe(settings, (folder, made) => {
    const dtype = ENVI_CODES.find(([code]) => code === made.code)?.[1] ?? 'uint8'
    const cube = { ...made, dtype, little: !made.big, value: (line: number, sample: number, band: number) => made.constant ?? 100 * line + 10 * sample + band }
    const lines = headerText(cube).trimEnd().split('\n')
    const replaced = { ...made.set }
    const kept = lines.flatMap((line) => {
      const key = line.split(' = ')[0]
      if (made.without.includes(key)) return []
      const value = replaced[key]
      delete replaced[key]
      return [value === undefined ? line : `${key} = ${value}`]
    })
    const text = [...kept, ...Object.entries(replaced).map(([key, value]) => `${key} = ${value}`), ...made.more, ''].join('\n')
    writeFileSync(join(folder, made.header), Buffer.from(text, made.latin1 ? 'latin1' : 'utf8'))
    const bytes = Buffer.concat([dataBytes(cube), Buffer.alloc(made.extraBytes)])
    writeFileSync(join(folder, made.file), (made.gzip ? gzipSync(bytes) : bytes).subarray(0, made.dataBytes))
    return made.openHeader ? made.header : made.file
  }),
}
