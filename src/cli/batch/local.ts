import { CuvetteError, toProblem } from '../../shared/problem'
import type { BatchScene } from '../../shared/reports'
import type { SceneJob } from './scene-job'
import { Scorer } from './scorer'
import type { Tally } from './tally'
import { sceneOf } from './tally'

/** Scores cubes by so many processes of this machine. A cube that fails does not stop the others; a process that dies is replaced. */
export async function scoreLocally(jobs: readonly SceneJob[], processes: number, tally: Tally, signal: AbortSignal): Promise<void> {
  const waiting = [...jobs]
  const take = async (): Promise<void> => {
    const scorer = new Scorer()
    try {
      for (let job = waiting.shift(); job && !signal.aborted; job = waiting.shift()) {
        const scene = await attempt(scorer, job, signal)
        if (scene) tally.settle(scene)
      }
    } finally {
      await scorer.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(processes, jobs.length) }, take))
  if (signal.aborted) throw new CuvetteError('cancelled', `The batch was stopped after ${tally.settled} of ${tally.total} cubes; the same command continues with the others.`)
}

/** null when it was stopped. A process that died over a cube gets a second try: others may have taken the memory. */
async function attempt(scorer: Scorer, job: SceneJob, signal: AbortSignal): Promise<BatchScene | null> {
  for (let left = 1; ; left -= 1) {
    try {
      return sceneOf(job, await scorer.score(job, { signal }))
    } catch (error) {
      if (signal.aborted) return null
      const problem = toProblem(error)
      if (problem.code === 'engine-lost' && left > 0) continue
      return sceneOf(job, problem)
    }
  }
}
