import { randomUUID } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import * as v from 'valibot'
import { cannotWrite, writeFileAtomic } from '../../engine/files/atomic'
import { makeFolders } from '../../engine/files/folders'
import { CuvetteError } from '../../shared/problem'
import type { CubeRunReport, RunReport } from '../../shared/reports'
import type { SceneJob } from './scene-job'

// The result of a cube is a folder that appears whole, by a rename, and holds the key of the work that made it. So it does
// not matter how often a cube is begun, by whom, or who dies: there is one result, and who comes second finds it.

export const RESULT_FILE = 'result.json'
/** Inside `out`: results that are being written. */
export const UNFINISHED_FOLDER = '.unfinished'

export interface SceneResult {
  key: string
  /** "host:pid" */
  by: string
  report: CubeRunReport
}

const resultSchema = v.looseObject({ key: v.string(), by: v.string(), report: v.looseObject({ path: v.string() }) })

/** The finished result of a job; null when there is none, or one of other work. */
export async function resultOf({ out, name, key }: SceneJob): Promise<SceneResult | null> {
  const text = await readFile(join(out, name, RESULT_FILE), 'utf8').catch(() => null)
  if (text === null) return null
  const parsed = v.safeParse(resultSchema, parseJson(text))
  return parsed.success && parsed.output.key === key ? (parsed.output as unknown as SceneResult) : null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Refuses a folder of somebody else's where a result would go. Throws CuvetteError('cannot-write'). */
export async function requirePlace({ out, name }: SceneJob): Promise<void> {
  const path = join(out, name)
  const content = await readdir(path).catch((error: NodeJS.ErrnoException): string[] | null => (error.code === 'ENOENT' ? [] : null))
  if (content !== null && (content.length === 0 || content.includes(RESULT_FILE))) return
  throw new CuvetteError('cannot-write', `${path} is in the way: it exists and is no result of a batch; choose another folder with --out.`, { path })
}

/** Scores a cube into a folder of its own, which then becomes the result. Returns the result that is there in the end. */
export async function produceResult(job: SceneJob, by: string, score: (out: string) => Promise<RunReport>): Promise<SceneResult> {
  const there = await resultOf(job)
  if (there) {
    await removeUnfinished(job)
    return there
  }
  const workshop = join(job.out, UNFINISHED_FOLDER, `${stemOf(job)}${randomUUID()}`)
  try {
    await makeWorkshop(workshop)
    const { cubes: [report] } = await score(workshop)
    const result: SceneResult = { key: job.key, by, report }
    await writeFileAtomic(join(workshop, RESULT_FILE), `${JSON.stringify(result, null, 2)}\n`)
    return await publish(job, workshop, result)
  } catch (error) {
    // Somebody else may have finished it, and swept this folder away.
    const finished = await resultOf(job)
    if (finished) return finished
    throw error instanceof CuvetteError ? error : cannotWrite(join(job.out, job.name), error)
  } finally {
    await rm(workshop, { recursive: true, force: true }).catch(() => undefined)
  }
}

/** The folder above is removed at the end of a batch, perhaps of another one at this moment. */
async function makeWorkshop(workshop: string): Promise<void> {
  for (let left = 10; ; left -= 1) {
    try {
      await makeFolders(workshop)
      return
    } catch (error) {
      if (left === 0 || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
}

async function publish(job: SceneJob, workshop: string, result: SceneResult): Promise<SceneResult> {
  const place = join(job.out, job.name)
  for (let attempt = 0; ; attempt += 1) {
    try {
      await rename(workshop, place)
      await removeUnfinished(job)
      return result
    } catch (error) {
      const finished = await resultOf(job)
      if (finished) return finished
      if (attempt > 0 || !['EEXIST', 'ENOTEMPTY', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      // The result of an older pipeline or of other options.
      await requirePlace(job)
      // The workshop is in that folder, so it is there.
      await rename(place, join(job.out, UNFINISHED_FOLDER, `${stemOf(job)}old-${randomUUID()}`))
    }
  }
}

/** What others who were killed at the same work left behind. */
async function removeUnfinished(job: SceneJob): Promise<void> {
  const folder = join(job.out, UNFINISHED_FOLDER)
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(stemOf(job))) await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function stemOf({ name, key }: SceneJob): string {
  return `${name}.${key.slice(0, 16)}.`
}
