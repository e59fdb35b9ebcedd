import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path'
import * as v from 'valibot'
import type { Correctable, CubeCorrections, CubeDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import { cannotRead } from './bytes'
import type { Cube, OpenOptions } from './cube'
import { formatReference, parseReference } from './reference'
import { normalisedUnit } from './wavelengths'

// What a person says of a cube where its file is silent or wrong, in a small JSON file that names the cube and is opened
// in its place. The cube itself is never changed:
//
//   { "cuvetteCube": 1, "cube": "../data/scene.hdr", "corrections": { "badBands": [3, 4], "wavelengthUnit": "nm" } }
//
// `cube` is a reference, relative to the file. Keys that are absent are as the cube's own file says; null takes away.

const MARK = /^\s*\{\s*"cuvetteCube"\s*:/
const LARGEST = 16 * 2 ** 20

const band = v.pipe(v.number(), v.integer(), v.minValue(0))
const numbers = v.array(v.pipe(v.number(), v.finite()))

export const CorrectionsSchema = v.strictObject({
  badBands: v.optional(v.array(band)),
  wavelengths: v.optional(v.nullable(numbers)),
  wavelengthUnit: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(40)))),
  fwhm: v.optional(v.nullable(numbers)),
  noData: v.optional(v.nullable(v.pipe(v.number(), v.finite()))),
  scale: v.optional(v.nullable(v.pipe(v.number(), v.finite(), v.gtValue(0)))),
})

const FileSchema = v.strictObject({ cuvetteCube: v.literal(1), cube: v.pipe(v.string(), v.minLength(1)), corrections: CorrectionsSchema })

/** Whether a file names a cube and corrections of it. */
export function isCorrection(head: Uint8Array): boolean {
  return MARK.test(new TextDecoder().decode(head.subarray(0, 100)))
}

/** The cube that a correction names, with what it says instead. `open` opens the cube's own file. */
export async function openCorrected(path: string, options: OpenOptions, open: (path: string, options: OpenOptions) => Promise<Cube>): Promise<Cube> {
  const { reference, corrections } = await readCorrection(path)
  const named = parseReference(reference)
  const cube = await open(named.path, { ...options, variable: named.variable, ...(corrections.noData !== undefined && options.noData === undefined && { noData: corrections.noData }) })
  try {
    const description = { ...cube.description, ...correct(cube.description, corrections, path), correctedBy: path, corrections, fileSays: correctable(cube.description) }
    return { ...cube, description }
  } catch (error) {
    await cube.close()
    throw error
  }
}

/** The cube that a correction is of, as an absolute reference, and what is said of it. */
export async function readCorrection(path: string): Promise<{ reference: string; corrections: CubeCorrections }> {
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
    throw bad(path, faultOf(issue.expected, issue.received, issue.message, where ?? 'it'), where)
  }
  const { path: written, variable } = apart(result.output.cube)
  const reference = formatReference({ path: isAbsolute(written) ? written : resolve(dirname(path), written), variable })
  if (parseReference(reference).path === resolve(path)) throw bad(path, 'it names itself as the cube', 'cube')
  return { reference, corrections: result.output.corrections }
}

/** Writes a correction atomically; the cube is named relative to it. Throws CuvetteError('cannot-write'). */
export async function writeCorrection(path: string, reference: string, corrections: CubeCorrections): Promise<void> {
  const { path: cube, variable } = parseReference(reference)
  const named = formatReference({ path: relative(dirname(path), cube).split(sep).join('/'), variable })
  await writeFileAtomic(path, `${JSON.stringify({ cuvetteCube: 1, cube: named, corrections }, null, 2)}\n`)
}

/** What of a description can be corrected. */
function correctable({ badBands, wavelengths, wavelengthUnit, wavelengthUnitGuessed, fwhm, noData, scale }: CubeDescription): Correctable {
  return { badBands, wavelengths, wavelengthUnit, ...(wavelengthUnitGuessed && { wavelengthUnitGuessed }), fwhm, noData, scale }
}

/** What of a description the corrections change. Throws CuvetteError('bad-data') for numbers that do not fit the cube. */
export function correct(description: CubeDescription, corrections: CubeCorrections, path: string): Partial<CubeDescription> {
  const bands = description.shape[2]
  const { badBands, wavelengthUnit } = corrections
  const outside = badBands?.find((one) => one >= bands)
  if (outside !== undefined) throw bad(path, `band ${outside} is marked as bad, but ${description.path} has ${bands} bands, 0 to ${bands - 1}`, 'corrections.badBands')
  for (const key of ['wavelengths', 'fwhm'] as const) {
    const values = corrections[key]
    if (values && values.length !== bands) throw bad(path, `${values.length} ${key} are given, but ${description.path} has ${bands} bands`, `corrections.${key}`)
  }
  return {
    ...corrections,
    ...(badBands && { badBands: [...new Set(badBands)].sort((a, b) => a - b) }),
    // What a person says is no guess.
    ...(wavelengthUnit !== undefined && { wavelengthUnit: normalisedUnit(wavelengthUnit), wavelengthUnitGuessed: undefined }),
  }
}

function faultOf(expected: string | null, received: string, message: string, where: string): string {
  if (expected === 'never') return `the key ${where} is not known`
  if (received === 'undefined') return `the key ${where} is missing`
  return expected ? `${where} is ${received}, expected ${expected}` : `${where}: ${message}`
}

/** As parseReference, for a path that is relative to the file and not to where the program runs. */
function apart(reference: string): { path: string; variable: string | null } {
  const mark = reference.lastIndexOf('#')
  return mark > 0 ? { path: reference.slice(0, mark), variable: reference.slice(mark + 1) || null } : { path: reference, variable: null }
}

function bad(path: string, what: string, where?: string, cause?: unknown): CuvetteError {
  return new CuvetteError('bad-data', `The corrections in ${path} cannot be used: ${what}; correct the file or open the cube itself.`, { path, where, cause })
}
