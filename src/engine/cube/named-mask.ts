import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import type { ClassCorrection, MaskDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import { cannotRead } from './bytes'
import { formatReference, parseReference } from './reference'

// What a person says of the classes of a mask, in a small JSON file that names the mask and is opened in its place. The
// mask itself is never changed:
//
//   { "cuvetteMask": 1, "mask": "../data/labels.hdr", "classes": [{ "id": 3, "name": "weed", "use": "anomalous" }] }
//
// `mask` is a reference, relative to the file. `use` is normal, anomalous or ignore, and comes before the class ids that a
// pipeline's Cube node lists; classes without a use, and classes that are not listed, follow the node.

const MARK = /^\s*\{\s*"cuvetteMask"\s*:/
const LARGEST = 2 ** 20

const byte = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255))

export const ClassesSchema = v.pipe(
  v.array(v.strictObject({
    id: byte,
    name: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(100))),
    colour: v.optional(v.tuple([byte, byte, byte])),
    use: v.optional(v.picklist(['normal', 'anomalous', 'ignore'])),
  })),
  v.maxLength(256),
  v.check((classes) => new Set(classes.map(({ id }) => id)).size === classes.length, 'a class is listed twice'),
)

const FileSchema = v.strictObject({ cuvetteMask: v.literal(1), mask: v.pipe(v.string(), v.minLength(1)), classes: ClassesSchema })

/** Whether a file names a mask and its classes. */
export function isNamedMask(head: Uint8Array): boolean {
  return MARK.test(new TextDecoder().decode(head.subarray(0, 100)))
}

/** The mask that the file names, as an absolute reference, and what is said of its classes. Throws CuvetteError('bad-mask') and as reading. */
export async function readNamedMask(path: string): Promise<{ reference: string; classes: ClassCorrection[] }> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw cannotRead(path, error)
  })
  if (bytes.length > LARGEST) throw bad(path, `it has ${bytes.length} bytes, more than the ${LARGEST} allowed`)
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw bad(path, 'it is not JSON', undefined, cause)
  }
  const result = v.safeParse(FileSchema, value)
  if (!result.success) {
    const [issue] = result.issues
    const where = v.getDotPath(issue) ?? undefined
    throw bad(path, issue.expected ? `${where ?? 'it'} is ${issue.received}, expected ${issue.expected}` : `${where ?? 'it'}: ${issue.message}`, where)
  }
  // As a reference, but relative to the file and not to where the program runs.
  const { mask, classes } = result.output
  const reference = isAbsolute(mask) ? mask : resolve(dirname(path), mask)
  if (parseReference(reference).path === resolve(path)) throw bad(path, 'it names itself as the mask', 'mask')
  return { reference, classes }
}

/** Writes such a file atomically; the mask is named relative to it. Throws CuvetteError('cannot-write'). */
export async function writeNamedMask(path: string, reference: string, classes: readonly ClassCorrection[]): Promise<void> {
  const { path: mask, variable } = parseReference(reference)
  const named = formatReference({ path: relative(dirname(path), mask).split(sep).join('/'), variable })
  await writeFileAtomic(path, `${JSON.stringify({ cuvetteMask: 1, mask: named, classes }, null, 2)}\n`)
}

/** A description with what is said of its classes; colours and names of the file stay where nothing else is said. */
export function withClasses(description: MaskDescription, classes: readonly ClassCorrection[], path: string): MaskDescription {
  const said = new Map(classes.map((each) => [each.id, each]))
  return { ...description, namedBy: path, classes: description.classes.map((each) => ({ ...each, ...said.get(each.id) })) }
}

function bad(path: string, what: string, where?: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-mask', `The classes in ${path} cannot be used: ${what}; correct the file or choose the mask itself.`, { path, where, cause })
}
