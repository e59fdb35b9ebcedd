import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'

const numbers = v.array(v.number())
/** A list, or for a long one its length and its ends. */
const series = v.union([numbers, v.strictObject({ count: v.number(), first: v.number(), last: v.number() })])
const names = v.union([v.array(v.string()), v.strictObject({ count: v.number(), first: v.string(), last: v.string() })])
const size = v.tuple([v.number(), v.number()])

const mask = v.strictObject({
  /** Relative to the folder of the files. */
  path: v.string(),
  variable: v.optional(v.string()),
  shape: size,
  classes: v.array(v.strictObject({ id: v.number(), count: v.number(), name: v.optional(v.string()), colour: v.optional(numbers) })),
  warnings: v.optional(v.array(v.string())),
})

/** All that is known of a cube; what the entry does not name must be absent or empty. */
const cube = v.strictObject({
  variable: v.optional(v.string()),
  format: v.string(),
  shape: v.tuple([v.number(), v.number(), v.number()]),
  dtype: v.string(),
  interleave: v.picklist(['bsq', 'bil', 'bip']),
  wavelengths: v.optional(series),
  wavelengthUnit: v.optional(v.string()),
  wavelengthUnitGuessed: v.optional(v.boolean()),
  fwhm: v.optional(series),
  bandNames: v.optional(names),
  badBands: v.optional(series),
  defaultBands: v.optional(numbers),
  noData: v.optional(v.number()),
  scale: v.optional(v.number()),
  gains: v.optional(series),
  offsets: v.optional(series),
  library: v.optional(v.strictObject({ spectra: names })),
  classes: v.optional(v.array(v.strictObject({ id: v.number(), name: v.nullable(v.string()), colour: v.nullable(numbers) }))),
  variables: v.optional(v.array(v.strictObject({ name: v.string(), shape: numbers, dtype: v.string() }))),
  mask: v.optional(mask),
  warnings: v.optional(v.array(v.string())),
})

const damage = v.union([
  /** Only the first bytes are left. */
  v.strictObject({ file: v.string(), keep: v.number() }),
  /** So many bytes are cut off the end. */
  v.strictObject({ file: v.string(), cut: v.number() }),
  /** Bytes are overwritten; a negative place counts from the end. */
  v.strictObject({ file: v.string(), at: v.number(), hex: v.string() }),
])

const entry = v.pipe(
  v.strictObject({
    /** Unique; begins with the format. */
    name: v.string(),
    /** A file of the real data. */
    data: v.optional(v.string()),
    /** Or a small file written by this recipe with these settings... */
    recipe: v.optional(v.string()),
    with: v.optional(v.record(v.string(), v.unknown())),
    /** ...and then damaged. */
    damage: v.optional(v.array(damage)),
    /** What is opened, relative to the folder; default: what the recipe says. */
    open: v.optional(v.string()),
    /** It is opened as the mask of a cube of this size. */
    maskFor: v.optional(size),
    /** It is opened as a spectral library; the value is at [spectrum, channel]. */
    library: v.optional(v.boolean()),
    /** What must be seen, and one value at [line, sample, band] (of a mask: [line, sample]). */
    seen: v.optional(v.union([cube, mask])),
    value: v.optional(v.strictObject({ at: numbers, is: v.union([v.number(), v.literal('NaN')]) })),
    /** Or the exact sentence; `{folder}` is the folder of the files, `{formats}` the list of what is read. `read`: it opens, and then fails. */
    error: v.optional(v.strictObject({ code: v.string(), message: v.string(), read: v.optional(v.boolean()) })),
  }),
  v.check((one) => (one.data === undefined) !== (one.recipe === undefined), 'An entry has either "data" or "recipe".'),
  v.check((one) => (one.error === undefined) === (one.seen !== undefined && one.value !== undefined), 'An entry has either "seen" and "value", or "error".'),
)

export type Entry = v.InferOutput<typeof entry>

/** The entries of every part that manifest.json lists. An unknown key anywhere is an error. */
export function readEntries(): Entry[] {
  const index = v.parse(v.strictObject({ about: v.string(), parts: v.array(v.string()) }), json('manifest.json'))
  return index.parts.flatMap((part) => v.parse(v.array(entry), json(part)))
}

function json(name: string): unknown {
  return JSON.parse(readFileSync(join(import.meta.dirname, name), 'utf8'))
}
