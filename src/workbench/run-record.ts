import * as v from 'valibot'
import type { RunEntry } from '../shared/contract'
import type { DetectionMetrics } from '../shared/metrics'
import type { FitReport } from '../shared/reports'
import { IdSchema } from './project-file'

/** What runs/<id>.json keeps: the entry as the page sees it, and what is needed to continue the run. */
export interface SavedRun {
  entry: Omit<RunEntry, 'folder'>
  pipelineText: string
  cubeReference: string
  maskReference: string | null
  /** The run whose trained pipeline this one starts from; left out: none. */
  fromRunId?: string
  /** null: as the pipeline document says. */
  epochs: number | null
  seed: number | null
  learningRate: number | null
  device: v.InferOutput<typeof DeviceChoiceSchema>
  /** Header of the scores, relative to the run's folder; null before they were computed. */
  scoresFile: string | null
}

const DeviceChoiceSchema = v.picklist(['auto', 'cuda', 'webgpu', 'dml', 'coreml', 'cpu'])
const ProblemSchema = v.object({
  code: v.picklist([
    'not-a-cube', 'missing-file', 'truncated', 'unsupported', 'bad-header', 'bad-mask', 'bad-pipeline', 'bad-data', 'bad-argument',
    'bad-artifact', 'cannot-write', 'device-unavailable', 'not-granted', 'cancelled', 'engine-lost', 'internal',
  ]),
  message: v.string(),
  path: v.optional(v.string()),
  where: v.optional(v.string()),
})
const EpochSchema = v.object({
  epoch: v.number(),
  loss: v.number(),
  validationLoss: v.nullable(v.number()),
  learningRate: v.number(),
  gradientNorm: v.nullable(v.number()),
  metrics: v.record(v.string(), v.number()),
  settings: v.optional(v.record(v.string(), v.number())),
})
const nullableNumber = v.nullable(v.number())

/** Reports were made by the engine and come back as they were; only their outline is checked. */
const SavedRunSchema = v.object({
  entry: v.object({
    id: IdSchema,
    name: v.string(),
    pipelineId: v.string(),
    pipelineName: v.string(),
    cubeId: v.nullable(v.string()),
    cubeName: v.string(),
    created: v.string(),
    status: v.picklist(['running', 'finished', 'stopped', 'failed', 'interrupted']),
    problem: v.nullable(ProblemSchema),
    epochs: v.array(EpochSchema),
    epochsPlanned: v.number(),
    seed: v.number(),
    device: v.nullable(v.object({ device: v.picklist(['cuda', 'webgpu', 'dml', 'coreml', 'cpu']), reason: v.string() })),
    metrics: v.nullable(v.custom<DetectionMetrics>((value) => isObject(value) && typeof value.f1 === 'number')),
    fit: v.nullable(v.custom<FitReport>((value) => isObject(value) && typeof value.stopped === 'boolean')),
    scored: v.boolean(),
    ruleThreshold: nullableNumber,
    threshold: nullableNumber,
    note: v.optional(v.string(), ''),
    starred: v.optional(v.boolean(), false),
    log: v.optional(v.array(v.object({ at: v.string(), kind: v.picklist(['begin', 'status', 'stage', 'warning']), stage: v.optional(v.string()), message: v.string() })), []),
    version: v.number(),
  }),
  pipelineText: v.string(),
  cubeReference: v.string(),
  maskReference: v.nullable(v.string()),
  fromRunId: v.optional(IdSchema),
  epochs: nullableNumber,
  seed: nullableNumber,
  learningRate: nullableNumber,
  device: DeviceChoiceSchema,
  scoresFile: v.nullable(v.string()),
})

/** Throws on anything that is not a run record. */
export function parseSavedRun(value: unknown): SavedRun {
  return v.parse(SavedRunSchema, value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
