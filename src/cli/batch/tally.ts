import { parseReference } from '../../engine/cube'
import type { Problem } from '../../shared/problem'
import type { BatchScene, WorkProgress } from '../../shared/reports'
import type { SceneResult } from './results'
import type { SceneJob } from './scene-job'

export function sceneOf({ cube, name }: SceneJob, found: SceneResult | Problem, status: 'done' | 'kept' = 'done'): BatchScene {
  const path = parseReference(cube).path
  if ('code' in found) return { path, name, status: 'failed', by: null, report: null, problem: found }
  return { path, name, status, by: found.by, report: found.report, problem: null }
}

/** Keeps count of a batch and tells how far it is, failures at once. */
export class Tally {
  private readonly scenes = new Map<string, BatchScene>()
  private readonly started = performance.now()
  private scored = 0

  constructor(readonly total: number, private readonly onProgress: (progress: WorkProgress) => void) {}

  get settled(): number {
    return this.scenes.size
  }

  settle(scene: BatchScene): void {
    if (this.scenes.has(scene.name)) return
    this.scenes.set(scene.name, scene)
    if (scene.status !== 'kept') this.scored += 1
    if (scene.problem) this.onProgress({ kind: 'warning', message: `${scene.path} was not scored: ${scene.problem.message}` })
    this.tell()
  }

  tell(): void {
    const failed = [...this.scenes.values()].filter(({ status }) => status === 'failed').length
    const seconds = (performance.now() - this.started) / 1000
    const left = this.total - this.settled
    this.onProgress({
      kind: 'stage', stage: 'batch', message: `Scored ${this.settled - failed} of ${this.total} cubes${failed > 0 ? `, ${failed} failed` : ''}`,
      done: this.settled, total: this.total, secondsLeft: this.scored > 0 ? (seconds / this.scored) * left : null,
    })
  }

  /** In the order of the jobs. */
  inOrderOf(jobs: readonly SceneJob[]): BatchScene[] {
    return jobs.flatMap(({ name }) => this.scenes.get(name) ?? [])
  }
}
