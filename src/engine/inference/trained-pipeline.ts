import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { CuvetteError } from '../../shared/problem'
import type { DetectionMetrics } from '../../shared/metrics'
import type { RunRecord } from '../../shared/reports'
import type { Reference } from '../cube'
import { wavelengthsInNanometres } from '../cube'
import { decodeSafetensors } from '../files/safetensors'
import type { Tensor } from '../onnx/tensor'
import { resolvePipeline } from '../pipeline/check'
import { parsePipeline } from '../pipeline/document'
import { MODELS_FOLDER, withStoredFiles } from '../pipeline/node-files'
import type { Pipeline, PipelineState } from '../pipeline/pipeline'
import { requireState } from '../pipeline/state'

// A trained pipeline is a folder. run.json is written last and names every other file with its size and SHA-256, so
// that a folder is whole exactly when run.json fits the rest.

export const PIPELINE_FILES = {
  pipeline: 'pipeline.yaml',
  state: 'state.safetensors',
  model: 'model.onnx',
  record: 'run.json',
} as const

/** Folder of the training artifacts. */
export const TRAINING_FOLDER = 'training'
/** Inside a trained pipeline: the next fit, until it is finished. */
export const UNFINISHED_FOLDER = 'unfinished'
/** The only layout of run.json so far. */
export const RECORD_FORMAT = 1

/** What the fitted pipeline said of one training cube. */
export interface FittedScene {
  path: string
  /** null without a decider. */
  threshold: number | null
  flagged: number | null
  /** Pixels that could not be scored. */
  unusable: number
  metrics: DetectionMetrics | null
}

/** `run.json`: the public record, and what makes the folder checkable. */
export interface TrainedRecord extends RunRecord {
  format: typeof RECORD_FORMAT
  /** Every other file of the pipeline by its path inside the folder, with '/'. */
  files: Record<string, { bytes: number; sha256: string }>
  /** Why there are no training artifacts; null when there are. */
  withoutTraining: string | null
  scenes: FittedScene[]
  /** Where a threshold was chosen on the picture: the decider of this folder uses it instead of its rule. */
  chosenThreshold?: number
}

/** A pipeline with its state, ready to score, wherever it came from. */
export interface FittedPipeline {
  /** Where it was opened, for messages. */
  folder: string
  pipeline: Pipeline
  state: PipelineState
  /** Bytes of model.onnx. */
  model: Uint8Array
  /** A cube to try it on; null when none is known. It may be gone. */
  sample: Reference | null
  /** Sentences. */
  warnings: readonly string[]
}

/** A trained-pipeline folder that was read and checked. */
export interface TrainedPipeline extends FittedPipeline {
  record: TrainedRecord
}

const fileSchema = v.object({ bytes: v.number(), sha256: v.string() })

/** What is relied on here; the rest of the record is for people. */
const recordSchema = v.looseObject({
  format: v.literal(RECORD_FORMAT),
  cuvette: v.string(),
  seed: v.number(),
  data: v.pipe(v.array(v.looseObject({ path: v.string(), variable: v.nullable(v.string()), shape: v.tuple([v.number(), v.number(), v.number()]) })), v.minLength(1)),
  wavelengths: v.nullable(v.array(v.number())),
  wavelengthUnit: v.nullable(v.string()),
  epochs: v.array(v.looseObject({})),
  files: v.record(v.string(), fileSchema),
})

/**
 * Opens a trained-pipeline folder and checks all of it: every file is there with the content it had after the fit, and
 * the state fits the pipeline. Throws CuvetteError: 'missing-file' without a folder, 'bad-artifact' with one sentence
 * for everything else.
 */
export async function openTrainedPipeline(folder: string): Promise<TrainedPipeline> {
  const record = await readRecord(folder)
  const contents = new Map<string, Uint8Array>()
  for (const [name, stated] of Object.entries(record.files)) {
    const bytes = await readChecked(folder, name, stated)
    if (Object.values<string>(PIPELINE_FILES).includes(name) || name.startsWith(`${MODELS_FOLDER}/`)) contents.set(name, bytes)
  }
  const content = (name: string): Uint8Array => {
    const bytes = contents.get(name)
    if (!bytes) throw damaged(folder, `${PIPELINE_FILES.record} does not list ${name}`)
    return bytes
  }
  const model = content(PIPELINE_FILES.model)
  const statePath = join(folder, PIPELINE_FILES.state)
  const tensors = decodeSafetensors(content(PIPELINE_FILES.state), statePath).tensors
  const text = new TextDecoder().decode(content(PIPELINE_FILES.pipeline))
  const facts = { channels: record.data[0].shape[2], wavelengthsNm: wavelengthsInNanometres(record) }
  const pipeline = resolvePipeline(withStoredFiles(parsePipeline(text, join(folder, PIPELINE_FILES.pipeline)), (name) => contents.get(name)), facts)
  const state: PipelineState = new Map(Object.entries(tensors) as [string, Tensor][])
  requireState(pipeline, state, statePath)
  const [{ path, variable }] = record.data
  return { folder, record, pipeline, state, model, sample: { path, variable }, warnings: pipeline.warnings }
}

/** Whether a folder holds a whole or damaged trained pipeline: anything with a run.json. */
export function hasRecord(folder: string): boolean {
  return existsSync(join(folder, PIPELINE_FILES.record))
}

async function readRecord(folder: string): Promise<TrainedRecord> {
  const path = join(folder, PIPELINE_FILES.record)
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (!existsSync(folder)) throw new CuvetteError('missing-file', `There is no trained pipeline at ${folder}; name the folder that "cuvette fit --out" wrote.`, { path: folder })
    if (error.code !== 'ENOENT') throw damaged(folder, `${PIPELINE_FILES.record} cannot be read (${error.code ?? error.message})`, error)
    if (existsSync(join(folder, TRAINING_FOLDER, 'checkpoint'))) {
      throw new CuvetteError('bad-artifact', `${folder} holds a fit that was not finished; continue it with "cuvette fit --resume", or fit again.`, { path: folder })
    }
    throw new CuvetteError('bad-artifact', `${folder} is no trained pipeline: it has no ${PIPELINE_FILES.record}; name the folder that "cuvette fit --out" wrote.`, { path: folder })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damaged(folder, `${PIPELINE_FILES.record} is not JSON`, error)
  }
  const format = (value as { format?: unknown } | null)?.format
  if (typeof format === 'number' && format !== RECORD_FORMAT) {
    throw new CuvetteError('bad-artifact', `${folder} was written in format ${format}, this Cuvette reads format ${RECORD_FORMAT}; use the version that wrote it, or fit again.`, { path })
  }
  const result = v.safeParse(recordSchema, value)
  if (!result.success) {
    const [issue] = result.issues
    throw damaged(folder, `${PIPELINE_FILES.record} lacks a proper "${v.getDotPath(issue) ?? 'format'}"`)
  }
  return value as TrainedRecord
}

async function readChecked(folder: string, name: string, stated: { bytes: number; sha256: string }): Promise<Uint8Array> {
  if (name.split('/').includes('..')) throw damaged(folder, `${PIPELINE_FILES.record} lists ${name}, which lies outside`)
  const read = await readFile(join(folder, name)).catch((error: NodeJS.ErrnoException) => {
    throw damaged(folder, error.code === 'ENOENT' ? `${name} is missing` : `${name} cannot be read (${error.code ?? error.message})`, error)
  })
  if (read.length !== stated.bytes) throw damaged(folder, `${name} has ${read.length} bytes, expected ${stated.bytes}`)
  if (sha256(read) !== stated.sha256) throw damaged(folder, `${name} is not the file that the fit wrote (its SHA-256 differs)`)
  // Not a Buffer: its slices would share memory with whatever else was read.
  return new Uint8Array(read.buffer, read.byteOffset, read.length)
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function damaged(folder: string, what: string, cause?: unknown): CuvetteError {
  const unfinished = existsSync(join(folder, UNFINISHED_FOLDER))
  const next = unfinished ? 'a newer fit was interrupted here, so continue it with "cuvette fit --resume"' : 'restore it from a copy, or fit again'
  return new CuvetteError('bad-artifact', `The trained pipeline ${folder} is damaged: ${what}; ${next}.`, { path: folder, cause })
}
