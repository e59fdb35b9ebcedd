import { hostname } from 'node:os'
import { EngineLink } from '../../workbench/engine-link'
import { forkEngine } from '../../workbench/fork-engine'
import { applicationRoot, placesUnder } from '../../workbench/places'
import type { WorkProgress } from '../../shared/reports'
import type { SceneResult } from './results'
import { produceResult } from './results'
import type { SceneJob } from './scene-job'

/** Name of this process among those that score. */
export const THIS_PROCESS = `${hostname()}:${process.pid}`

/** One engine process that scores cubes, one after the other. It is apart so that whoever started it stays able to answer, and survives it. */
export class Scorer {
  private readonly link: EngineLink

  constructor() {
    const { engine } = placesUnder(applicationRoot())
    this.link = new EngineLink('compute', () => forkEngine(engine, 'compute'), () => undefined)
    this.link.start()
  }

  /** Throws CuvetteError; 'engine-lost' when the process died over the cube. */
  async score(job: SceneJob, options: { signal?: AbortSignal; onProgress?(progress: WorkProgress): void } = {}): Promise<SceneResult> {
    const { pipelineFolder, cube, mask, settings } = job
    // The engine takes its files back before it answers a stop.
    return await produceResult(job, THIS_PROCESS, (out) =>
      this.link.call('run', { ...settings, pipelineFolder, data: [cube], masks: mask === undefined ? [] : [mask], out }, { ...options, onAbort: 'finish' }))
  }

  close(): Promise<void> {
    return this.link.close()
  }
}
