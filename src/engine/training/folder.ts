import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import { cannotWrite, removeLeftovers, writeFileAtomic } from '../files/atomic'
import { createFolder } from '../inference/outputs'
import { hasRecord, PIPELINE_FILES, sha256, TRAINING_FOLDER, UNFINISHED_FOLDER } from '../inference/trained-pipeline'
import { MODELS_FOLDER } from '../pipeline/node-files'
import type { TrainedRecord } from '../inference/trained-pipeline'
import { ARTIFACT_FILES } from './artifacts'
import { CHECKPOINTS_FOLDER, checkpointsIn } from './kept-epochs'

// A fit never touches a finished pipeline before it is finished itself: it then works in out/unfinished, and its files
// move into place at the end, run.json last. In a new folder it works in place. Whatever is interrupted, the folder
// either opens as the old pipeline or says that a fit was not finished, and --resume goes on.

/** Where a fit writes. */
export interface FitFolder {
  out: string
  /** `out` itself, or out/unfinished beside a pipeline that must stay until the end. */
  stage: string
  /** Leaves everything as it was found. */
  undo(): Promise<void>
}

const ARTIFACT_PATHS = Object.values(ARTIFACT_FILES).map((name) => `${TRAINING_FOLDER}/${name}`)
const OWN_FILES = [...Object.values(PIPELINE_FILES), ...ARTIFACT_PATHS]

/** Makes place for a new fit. Throws CuvetteError('cannot-write'); then nothing was created. */
export async function newFitFolder(out: string): Promise<FitFolder> {
  const removeCreated = await createFolder(out)
  const occupied = OWN_FILES.some((file) => existsSync(join(out, file)))
  const stage = occupied ? join(out, UNFINISHED_FOLDER) : out
  if (occupied) await rm(stage, { recursive: true, force: true })
  return {
    out,
    stage,
    async undo() {
      if (occupied) await rm(stage, { recursive: true, force: true })
      else await removeOwnFiles(out)
      await removeCreated()
    },
  }
}

/** Finds what an earlier fit left to continue from. Throws CuvetteError('bad-argument') when there is nothing. */
export async function resumedFitFolder(out: string): Promise<FitFolder> {
  const unfinished = join(out, UNFINISHED_FOLDER)
  const checkpoint = join(TRAINING_FOLDER, ARTIFACT_FILES.checkpoint)
  await endReplacing(out)
  if (!existsSync(join(unfinished, checkpoint)) && !existsSync(join(out, checkpoint))) {
    throw new CuvetteError('bad-argument', `There is no checkpoint in ${out} to continue from; fit without --resume.`, { path: out })
  }
  await createFolder(out)
  if (existsSync(join(unfinished, checkpoint))) return { out, stage: unfinished, undo: async () => undefined }
  if (!hasRecord(out)) return { out, stage: out, undo: async () => undefined }
  const undo = () => rm(unfinished, { recursive: true, force: true })
  try {
    await mkdir(join(unfinished, TRAINING_FOLDER, CHECKPOINTS_FOLDER), { recursive: true })
    for (const file of [PIPELINE_FILES.pipeline, PIPELINE_FILES.state, ...ARTIFACT_PATHS, ...(await keptPaths(out))]) await copyFile(join(out, file), join(unfinished, file))
  } catch (error) {
    await undo()
    throw cannotWrite(unfinished, error)
  }
  return { out, stage: unfinished, undo }
}

/** The folder of the artifacts, created. */
export async function trainingFolder({ stage }: FitFolder): Promise<string> {
  const folder = join(stage, TRAINING_FOLDER)
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  return folder
}

/** Writes one file of the pipeline into the stage. */
export async function writeStaged({ stage }: FitFolder, file: string, content: Uint8Array | string): Promise<void> {
  const folder = dirname(join(stage, file))
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  await writeFileAtomic(join(stage, file), content)
}

/**
 * Ends a fit: `models` are the copies of files that nodes read. Writes run.json with the sizes and hashes of all other files, and moves everything into place. Returns the
 * files of the pipeline, relative to `out`.
 */
export async function finishFolder({ out, stage }: FitFolder, models: readonly string[], record: Omit<TrainedRecord, 'files'>): Promise<string[]> {
  const own = OWN_FILES.filter((file) => file !== PIPELINE_FILES.record && (record.withoutTraining === null || !ARTIFACT_PATHS.includes(file)))
  const names = [...own, ...models, ...(await keptPaths(stage))]
  const files: TrainedRecord['files'] = {}
  for (const name of names) {
    const bytes = await readFile(join(stage, name))
    files[name] = { bytes: bytes.length, sha256: sha256(bytes) }
  }
  const whole: TrainedRecord = { ...record, files }
  await writeFileAtomic(join(stage, PIPELINE_FILES.record), `${JSON.stringify(whole, null, 2)}\n`)
  if (stage !== out) await publish(stage, out)
  for (const file of OWN_FILES) await removeLeftovers(join(out, file))
  return [...names, PIPELINE_FILES.record]
}

/**
 * Puts new contents into the place of files of a finished pipeline, run.json among them: all or none, and where it was
 * interrupted, the next attempt or --resume ends it. Throws CuvetteError('cannot-write').
 */
export async function replaceFiles(out: string, contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const stage = join(out, UNFINISHED_FOLDER)
  await rm(stage, { recursive: true, force: true })
  const record = contents.get(PIPELINE_FILES.record)
  if (!record) throw new Error('A pipeline is not changed without its record.')
  try {
    await mkdir(stage)
    for (const [name, bytes] of contents) if (name !== PIPELINE_FILES.record) await writeFileAtomic(join(stage, name), bytes)
    await writeFileAtomic(join(stage, PIPELINE_FILES.record), record)
  } catch (error) {
    await rm(stage, { recursive: true, force: true })
    throw cannotWrite(out, error)
  }
  await publish(stage, out)
}

/** Ends what was interrupted while it moved into place. */
export async function endReplacing(out: string): Promise<void> {
  const unfinished = join(out, UNFINISHED_FOLDER)
  if (existsSync(join(unfinished, PIPELINE_FILES.record))) await publish(unfinished, out)
}

/** Moves a finished fit into place; goes on where an earlier attempt was interrupted. */
async function publish(stage: string, out: string): Promise<void> {
  const { files } = JSON.parse(await readFile(join(stage, PIPELINE_FILES.record), 'utf8')) as TrainedRecord
  try {
    await mkdir(join(out, TRAINING_FOLDER, CHECKPOINTS_FOLDER), { recursive: true })
    const before = await modelPaths(out)
    await mkdir(join(out, MODELS_FOLDER), { recursive: true })
    for (const name of Object.keys(files)) if (existsSync(join(stage, name))) await rename(join(stage, name), join(out, name))
    for (const name of [...ARTIFACT_PATHS, ...before, ...(await keptPaths(out))]) if (!(name in files)) await rm(join(out, name), { force: true })
    await rename(join(stage, PIPELINE_FILES.record), join(out, PIPELINE_FILES.record))
    await rm(stage, { recursive: true, force: true })
    await removeEmptyFolders(out)
  } catch (error) {
    throw cannotWrite(out, error)
  }
}

async function removeOwnFiles(out: string): Promise<void> {
  for (const file of [...OWN_FILES, ...(await modelPaths(out)), ...(await keptPaths(out))]) await rm(join(out, file), { force: true })
  await removeEmptyFolders(out)
}

/** Copies of models that the document in a folder names. */
async function modelPaths(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, PIPELINE_FILES.pipeline), 'utf8').catch(() => null)
  const written = await readdir(join(folder, MODELS_FOLDER)).catch(() => [])
  return written.map((name) => `${MODELS_FOLDER}/${name}`).filter((path) => text?.includes(path))
}

/** Kept checkpoints of a pipeline by their paths inside. */
async function keptPaths(folder: string): Promise<string[]> {
  return (await checkpointsIn(join(folder, TRAINING_FOLDER))).map((name) => `${TRAINING_FOLDER}/${CHECKPOINTS_FOLDER}/${name}`)
}

async function removeEmptyFolders(out: string): Promise<void> {
  await removeIfEmpty(join(out, TRAINING_FOLDER, CHECKPOINTS_FOLDER))
  await removeIfEmpty(join(out, TRAINING_FOLDER))
  await removeIfEmpty(join(out, MODELS_FOLDER))
}

async function removeIfEmpty(folder: string): Promise<void> {
  const content = await readdir(folder).catch(() => ['unknown'])
  if (content.length === 0) await rmdir(folder)
}
