import * as v from 'valibot'
import { CorrectionsSchema } from '../engine/cube/corrected-cube'
import { ClassesSchema } from '../engine/cube/named-mask'
import type { CallName, Calls } from '../shared/contract'
import { SettingsSchema } from './settings'
import { PartSchema, StateSchema } from './view-states'
import { CuvetteError } from '../shared/problem'

// The page is not trusted: whatever arrives is checked here before anything else sees it.

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(8192))
const paths = v.pipe(v.array(path), v.maxLength(1000))
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
const index = v.pipe(v.number(), v.integer(), v.minValue(0))
const documentText = v.pipe(v.string(), v.maxLength(2_000_000))
const nothing = v.strictObject({})

/** A schema for the arguments of every call. */
const schemas: { [N in CallName]: v.GenericSchema<unknown, Calls[N]['args']> } = {
  'session.info': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'projects.recent': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'projects.open': v.strictObject({ folder: path, create: v.boolean() }),
  'files.choose': v.strictObject({ purpose: v.picklist(['cube', 'mask', 'library', 'wavelengths', 'export-folder', 'header-folder', 'project-folder']) }),
  'files.list': v.strictObject({ path: v.nullable(path) }),
  'files.grant': v.strictObject({ paths }),
  'cubes.list': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'cubes.open': v.strictObject({ path }),
  'cubes.lost': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'cubes.locate': v.strictObject({ cubeId: id, path, anyway: v.boolean() }),
  'cubes.close': v.strictObject({ cubeId: id }),
  'cubes.attachMask': v.strictObject({ cubeId: id, path }),
  'cubes.detachMask': v.strictObject({ cubeId: id }),
  'cubes.correct': v.strictObject({ cubeId: id, corrections: v.nullable(CorrectionsSchema) }),
  'cubes.detectBadBands': v.strictObject({ cubeId: id }),
  'cubes.readWavelengths': v.strictObject({
    cubeId: id,
    source: v.variant('kind', [
      v.strictObject({ kind: v.literal('text'), text: documentText }),
      v.strictObject({ kind: v.literal('file'), path }),
      v.strictObject({ kind: v.literal('cube'), cubeId: id }),
    ]),
  }),
  'cubes.saveHeader': v.strictObject({ cubeId: id, path, replace: v.boolean() }),
  'cubes.nameClasses': v.strictObject({ cubeId: id, classes: v.nullable(ClassesSchema) }),
  'settings.get': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'settings.set': v.partial(SettingsSchema),
  'views.get': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'views.set': v.strictObject({ part: PartSchema, state: StateSchema }),
  'cubes.bandStatistics': v.strictObject({ cubeId: id, bands: v.pipe(v.array(index), v.maxLength(10_000)) }),
  'cubes.spectrum': v.strictObject({ cubeId: id, line: index, sample: index }),
  'libraries.list': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'libraries.open': v.strictObject({ path }),
  'libraries.close': v.strictObject({ libraryId: id }),
  'libraries.spectra': v.strictObject({ libraryId: id, indices: v.pipe(v.array(index), v.maxLength(1000)), cubeId: id }),
  'nodes.catalogue': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'pipelines.list': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'pipelines.check': v.strictObject({ text: documentText, cubeId: v.nullable(id), pipelineId: v.optional(v.nullable(id)) }),
  'pipelines.setTargets': v.strictObject({
    pipelineId: id,
    targets: v.pipe(v.array(v.variant('kind', [
      v.strictObject({ kind: v.literal('entry'), libraryId: id, index }),
      v.strictObject({ kind: v.literal('pixel'), line: index, sample: index }),
    ])), v.minLength(1), v.maxLength(1000)),
  }),
  'runs.list': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'runs.start': v.strictObject({
    pipelineId: id,
    cubeId: id,
    epochs: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000))),
    seed: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1))),
    learningRate: v.nullable(v.pipe(v.number(), v.finite(), v.gtValue(0))),
    device: v.picklist(['auto', 'cuda', 'webgpu', 'dml', 'coreml', 'cpu']),
    fromRunId: v.optional(v.nullable(id)),
  }),
  'runs.resume': v.strictObject({ runId: id }),
  'runs.annotate': v.strictObject({ runId: id, note: v.optional(v.pipe(v.string(), v.maxLength(10_000))), starred: v.optional(v.boolean()) }),
  'runs.remove': v.strictObject({ runId: id }),
  'runs.setThreshold': v.strictObject({ runId: id, threshold: v.nullable(v.pipe(v.number(), v.finite())) }),
  'runs.bands': v.strictObject({ runId: id }),
  'runs.pipeline': v.strictObject({ runId: id }),
  'runs.setDecider': v.strictObject({
    runId: id,
    parameters: v.record(v.pipe(v.string(), v.maxLength(100)), v.union([v.pipe(v.number(), v.finite()), v.string(), v.boolean(), v.null()])),
    threshold: v.nullable(v.pipe(v.number(), v.finite())),
  }),
  'runs.export': v.strictObject({ runId: id, folder: path }),
  'jobs.list': nothing as v.GenericSchema<unknown, Record<string, never>>,
  'jobs.stop': v.strictObject({ jobId: id, after: v.optional(v.literal('epoch')) }),
}

export function isCallName(name: unknown): name is CallName {
  return typeof name === 'string' && Object.hasOwn(schemas, name)
}

/** The arguments, if they have the shape that the contract says; else throws 'bad-argument'. */
export function parseArguments<N extends CallName>(name: N, args: unknown): Calls[N]['args'] {
  const result = v.safeParse(schemas[name], args)
  if (result.success && !Array.isArray(args)) return result.output
  const issue = result.issues?.[0]
  const place = issue ? v.getDotPath(issue) : null
  const expected = issue ? (issue.expected ?? PLAIN[issue.type] ?? 'valid') : 'an object'
  throw new CuvetteError('bad-argument', `The call ${name} expects ${place ?? 'its arguments'} to be ${expected}, but found ${issue?.received ?? 'a list'}.`, {
    where: place ?? undefined,
  })
}

/** Rules that valibot gives no expectation for. */
const PLAIN: Record<string, string> = { integer: 'a whole number', finite: 'a finite number' }
