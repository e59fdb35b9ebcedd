import { join } from 'node:path'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitRequest } from '../../src/shared/reports'
import { deepSVDD, observed, request, temporaryFolder, writeScene } from './scene'

/** A folder of its own with the small scene, and a pipeline fitted on it. */
export async function fittedScene(pipeline: FitRequest['pipeline'] = deepSVDD(), more: Partial<FitRequest> = {}): Promise<{ folder: string; cube: string; fitted: string }> {
  const folder = await temporaryFolder()
  const cube = await writeScene(folder, 'scene')
  const fitted = join(folder, 'fitted')
  await fitPipeline(request(pipeline, [cube], fitted, more), observed())
  return { folder, cube, fitted }
}
