import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, extname, join, resolve } from 'node:path'
import * as v from 'valibot'
import { filesOf, formatReference, parseReference } from '../../engine/cube'
import { isDocument } from '../../engine/inference/saved-pipeline'
import { PIPELINE_FILES } from '../../engine/inference/trained-pipeline'
import { withFoldersOpened } from '../../engine/training/cube-folder'
import { CuvetteError } from '../../shared/problem'

/** How every cube of a batch is scored and what is written of it. */
const settings = v.object({
  format: v.pipe(v.array(v.picklist(['envi', 'npy', 'tiff', 'png'])), v.minLength(1)),
  regions: v.optional(v.array(v.picklist(['coco', 'csv']))),
  connectivity: v.optional(v.picklist([4, 8])),
  leastArea: v.optional(v.number()),
  images: v.optional(v.array(v.string())),
  threshold: v.optional(v.number()),
  memoryMB: v.optional(v.number()),
  device: v.picklist(['auto', 'cuda', 'webgpu', 'dml', 'coreml', 'cpu']),
})

/** One cube to be scored: plain JSON, so that it can lie in a queue. All paths are absolute. */
export const SceneJobSchema = v.object({
  /** SHA-256 of everything that the result depends on; the same work has the same key. */
  key: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Folder of its result inside `out`. */
  name: v.pipe(v.string(), v.regex(/^[^/\\]+$/), v.check((name) => name !== '.' && name !== '..')),
  cube: v.string(),
  /** undefined: the one that is found beside the cube. */
  mask: v.optional(v.string()),
  pipelineFolder: v.string(),
  out: v.string(),
  settings,
})
export type SceneJob = v.InferOutput<typeof SceneJobSchema>
export type SceneSettings = SceneJob['settings']

export interface BatchRequest {
  pipelineFolder: string
  /** Cubes, or folders of cubes. */
  data: string[]
  masks: string[]
  out: string
  settings: SceneSettings
}

/** The cubes of a batch, each with a name of its own. One that is not there or damaged fails by itself, when it is scored. */
export async function planBatch({ pipelineFolder, data, masks, out, settings: chosen }: BatchRequest, signal?: AbortSignal): Promise<SceneJob[]> {
  const cubes = await withFoldersOpened(data, signal, 'keep')
  if (masks.length > 0 && masks.length !== cubes.length) {
    throw new CuvetteError('bad-argument', `There are ${cubes.length} cubes and ${masks.length} masks; name one mask for each cube, or none.`)
  }
  const pipeline = await identityOf(isDocument(pipelineFolder) ? [pipelineFolder, pipelineFolder.replace(/\.[^.]+$/, '.pt')] : [join(pipelineFolder, PIPELINE_FILES.record)])
  const taken = new Set<string>()
  const jobs: SceneJob[] = []
  for (const [index, reference] of cubes.entries()) {
    const cube = absolute(reference)
    const mask = masks.length > 0 ? absolute(masks[index]) : undefined
    // What does not change the numbers is left out: a batch that goes on may do so with more memory.
    const { memoryMB: _memory, device: _device, ...matters } = chosen
    const content = [pipelineFolder, pipeline, cube, await identityOf(await partsOf(cube)), mask ?? null, mask ? await identityOf(await partsOf(mask)) : null, out, matters]
    const key = createHash('sha256').update(JSON.stringify(content)).digest('hex')
    jobs.push({ key, name: uniqueName(cube, taken), cube, ...(mask !== undefined && { mask }), pipelineFolder, out, settings: chosen })
  }
  return jobs
}

function absolute(reference: string): string {
  const { path, variable } = parseReference(reference)
  return formatReference({ path: resolve(path), variable })
}

async function partsOf(reference: string): Promise<string[]> {
  return await filesOf(reference).catch(() => [parseReference(reference).path])
}

/** Sizes and times of files, null for one that is not there: thousands of cubes are not read to find out that nothing changed. */
async function identityOf(paths: readonly string[]): Promise<([number, number] | null)[]> {
  return await Promise.all(paths.map((path) => stat(path).then(({ size, mtimeMs }): [number, number] => [size, Math.round(mtimeMs)], () => null)))
}

function uniqueName(reference: string, taken: Set<string>): string {
  const { path, variable } = parseReference(reference)
  const name = basename(path)
  const stem = `${name.slice(0, name.length - extname(name).length) || name}${variable === null ? '' : `_${variable.replace(/[^\w.-]+/g, '_')}`}`
  let unique = stem
  for (let number = 2; taken.has(unique.toLowerCase()); number += 1) unique = `${stem}-${number}`
  taken.add(unique.toLowerCase())
  return unique
}
