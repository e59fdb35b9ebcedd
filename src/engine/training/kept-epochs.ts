import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cannotWrite } from '../files/atomic'
import type { CheckpointSettings } from '../pipeline/trainer'

/** An epoch whose checkpoint is kept beside the running one, and the number for which it is. */
export interface KeptEpoch {
  epoch: number
  value: number
}

/** Inside the folder of the artifacts. */
export const CHECKPOINTS_FOLDER = 'checkpoints'
/** The last epoch, where another one became the pipeline. */
export const LAST_CHECKPOINT = 'last'

/** File of a kept epoch inside CHECKPOINTS_FOLDER. */
export function keptFile(epoch: number): string {
  return `epoch-${epoch}`
}

/**
 * The best epochs, best first, after one more. It takes its place while there are fewer than `keep`, or when it is
 * strictly better than the worst of them; a number that is null or not finite never does. Semantics: ModelCheckpoint of
 * PyTorch Lightning, which keeps the earlier of two equal epochs.
 */
export function keepBest({ mode, keep }: CheckpointSettings, kept: readonly KeptEpoch[], epoch: number, value: number | null): KeptEpoch[] {
  if (value === null || !Number.isFinite(value)) return [...kept]
  const better = (a: number, b: number) => (mode === 'min' ? a < b : a > b)
  const at = kept.findIndex((one) => better(value, one.value))
  const place = at < 0 ? kept.length : at
  return [...kept.slice(0, place), { epoch, value }, ...kept.slice(place)].slice(0, keep)
}

/** The folder of kept checkpoints, created. `training`: folder of the artifacts. */
export async function checkpointsFolder(training: string): Promise<string> {
  const folder = join(training, CHECKPOINTS_FOLDER)
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  return folder
}

/** Names of the kept checkpoints that lie in a folder of artifacts. */
export async function checkpointsIn(training: string): Promise<string[]> {
  const names = await readdir(join(training, CHECKPOINTS_FOLDER)).catch(() => [])
  return names.filter((name) => name === LAST_CHECKPOINT || /^epoch-\d+$/.test(name)).sort()
}

/** Removes the checkpoints of epochs that are no longer among the best. */
export async function removeOthers(training: string, kept: readonly KeptEpoch[]): Promise<void> {
  const wanted = new Set([LAST_CHECKPOINT, ...kept.map(({ epoch }) => keptFile(epoch))])
  for (const name of await checkpointsIn(training)) if (!wanted.has(name)) await rm(join(training, CHECKPOINTS_FOLDER, name), { force: true })
}
