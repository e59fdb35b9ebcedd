import { existsSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { openCube, parseReference } from '../cube'
import { readTorchArchive } from '../files/torch-archive'
import { encodeModel } from '../onnx/model'
import { resolvePipeline } from '../pipeline/check'
import { withNodeFiles } from '../pipeline/node-files'
import { compileInference } from '../pipeline/compile'
import { parsePipeline } from '../pipeline/document'
import type { CubeFacts } from '../pipeline/pipeline'
import { stateFromWeights, weightsOf } from '../pipeline/repository-state'
import type { StoredWeights } from '../pipeline/repository-state'
import { statedFacts } from '../pipeline/stated-channels'
import { factsOf } from './fits'
import { openTrainedPipeline } from './trained-pipeline'
import type { FittedPipeline } from './trained-pipeline'
import { CUVETTE_VERSION } from './version'

// The reference implementation saves a trained pipeline as two files of one name: x.yaml, the document, and x.pt, the
// weights.

/** A pipeline that the reference saved. */
export interface SavedPipeline extends FittedPipeline {
  /** All weights as they are stored, those of unknown nodes among them. */
  weights: StoredWeights
}

/** Whether a path names a document rather than a folder. */
export function isDocument(path: string): boolean {
  return ['.yaml', '.yml'].includes(extname(path).toLowerCase()) && !(existsSync(path) && statSync(path).isDirectory())
}

/**
 * Opens what was fitted: a trained-pipeline folder, or x.yaml with x.pt beside it. `cube`: whose bands and wavelengths
 * the document meets; without one, those that its nodes state. Throws CuvetteError.
 */
export async function openFitted(path: string, cube: string | undefined, signal?: AbortSignal): Promise<FittedPipeline | SavedPipeline> {
  return isDocument(path) ? await openSavedPipeline(path, cube, signal) : await openTrainedPipeline(path)
}

/** Opens x.yaml with x.pt, for a cube or the facts of one. Throws CuvetteError: 'missing-file', 'bad-pipeline', 'bad-artifact'. */
export async function openSavedPipeline(path: string, cube: string | CubeFacts | undefined, signal?: AbortSignal): Promise<SavedPipeline> {
  const document = parsePipeline(await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CuvetteError('missing-file', error.code === 'ENOENT' ? `There is no pipeline file ${path}.` : `The pipeline file ${path} cannot be read (${error.code ?? error.message}).`, { path, cause: error })
  }), path)
  const weightsPath = weightsBeside(path)
  const bytes = await readFile(weightsPath).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === 'ENOENT' ? `There is no ${basename(weightsPath)} with its weights beside ${path}; fit the document first, and name the folder that the fit wrote.` : `The weights ${weightsPath} cannot be read (${error.code ?? error.message}).`
    throw new CuvetteError('missing-file', what, { path: weightsPath, cause: error })
  })
  const facts = cube === undefined ? statedFacts(document) : typeof cube === 'string' ? await factsOfCube(cube, signal) : cube
  const pipeline = resolvePipeline(await withNodeFiles(document, null), facts)
  const weights = weightsOf(readTorchArchive(bytes, weightsPath), weightsPath)
  const { state, warnings } = stateFromWeights(pipeline, weights, weightsPath)
  const { graph, metadata } = compileInference(pipeline, state)
  const model = encodeModel(graph, { name: 'inference', metadata: { ...metadata, 'cuvette.version': CUVETTE_VERSION } })
  return { folder: path, pipeline, state, model, weights, warnings: [...pipeline.warnings, ...warnings], sample: typeof cube === 'string' ? parseReference(cube) : null }
}

function weightsBeside(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.pt`)
}

async function factsOfCube(reference: string, signal?: AbortSignal): Promise<CubeFacts> {
  const cube = await openCube(reference, { mask: false, signal })
  try {
    return factsOf(cube)
  } finally {
    await cube.close()
  }
}

/** Whether the pipeline was opened from a document and its weights. */
export function isSaved(fitted: FittedPipeline): fitted is SavedPipeline {
  return 'weights' in fitted
}
