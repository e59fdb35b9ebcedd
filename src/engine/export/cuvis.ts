import { join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { writeFileAtomic } from '../files/atomic'
import { writeTorchArchive } from '../files/write-torch-archive'
import type { WritableTorchValue } from '../files/write-torch-archive'
import { isSaved, openSavedPipeline } from '../inference/saved-pipeline'
import type { FittedPipeline } from '../inference/trained-pipeline'
import { toleranceOf } from '../pipeline/compile'
import type { PipelineDocument } from '../pipeline/document'
import { enteringBands } from '../pipeline/pipeline'
import { weightsAgain, weightsToWrite } from '../pipeline/repository-state'
import { asSavedByReference, writeRepositoryPipeline } from '../pipeline/write-repository'
import { isMapping } from '../pipeline/yaml-source'
import type { Verification } from './verify'
import { compareScores } from './verify'

/** How far scores may differ, relative or absolute below 1, where the reference computes in another way than we do. */
const LOOSE = 1e-3

/** The two files of a pipeline that the reference implementation loads, by name, and what it would do otherwise. */
export interface CuvisExport {
  files: string[]
  differences: string[]
}

/** Writes <name>.yaml and <name>.pt into a folder. Throws CuvetteError('bad-pipeline') for nodes that the reference does not have. */
export async function writeCuvis(folder: string, fitted: FittedPipeline): Promise<CuvisExport> {
  const { document, name, facts } = fitted.pipeline
  if (enteringBands(fitted.pipeline).length < facts.channels) {
    throw new CuvetteError('unsupported', `The pipeline ${fitted.folder} leaves bad bands out where the cube enters, and the reference implementation cannot; fit it with drop_bands: [], or on a cube without them.`, { path: fitted.folder })
  }
  const stem = stemOf(name)
  const { text, differences } = writeRepositoryPipeline(isSaved(fitted) ? document : asSavedByReference(document))
  const weights = isSaved(fitted) ? weightsAgain(fitted.pipeline, fitted.weights) : weightsToWrite(fitted.pipeline, fitted.state)
  const files = [`${stem}.yaml`, `${stem}.pt`]
  await writeFileAtomic(join(folder, files[0]), text)
  await writeFileAtomic(join(folder, files[1]), writeTorchArchive(new Map([['state_dict', weights], ['metadata', metadataOf(document)]]), stem))
  return { files, differences }
}

/** What the reference stores of the pipeline beside its weights: texts and lists of texts. */
function metadataOf({ name, description, extra }: PipelineDocument): WritableTorchValue {
  const isText = (value: unknown): value is string => typeof value === 'string'
  const stated = isMapping(extra.metadata) ? extra.metadata : {}
  const kept = Object.entries(stated).filter((entry): entry is [string, string | string[]] => isText(entry[1]) || (Array.isArray(entry[1]) && entry[1].every(isText)))
  return new Map<string, WritableTorchValue>(Object.entries({ name, description, created: '', tags: [], author: '', cuvis_ai_version: '', ...Object.fromEntries(kept) }))
}

/** Opens what was written as the reference would read it, and compares its scores with those of the app. */
export async function verifyCuvis(folder: string, { files, differences }: CuvisExport, fitted: FittedPipeline): Promise<Verification> {
  const tolerance = toleranceOf(fitted.pipeline)
  const path = join(folder, files[0])
  const written = await openSavedPipeline(path, fitted.pipeline.facts)
  // Where the reference computes in another way, how far that leads is for the reader of the report to judge.
  if (differences.length > 0) return { maxDifference: await compareScores(written, fitted, Infinity, path), tolerance: LOOSE }
  return { maxDifference: await compareScores(written, fitted, tolerance, path), tolerance }
}

/** A file name that every system takes. */
function stemOf(name: string): string {
  return name.replace(/[^\p{L}\p{N}._-]+/gu, '_').replace(/^[._]+|[._]+$/g, '') || 'pipeline'
}
