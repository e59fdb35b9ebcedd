import { defineStore } from 'pinia'
import { ref, shallowRef, watch } from 'vue'
import type { Problem } from '../../shared/problem'
import { toProblem } from '../../shared/problem'
import type { BandNode } from '../../shared/reports'
import { call } from '../bridge'
import { useRuns } from './runs'

/** What the trained pipeline of the run that is looked at learned about bands; asked for while somebody looks. */
export const useLearnedBands = defineStore('learned-bands', () => {
  const runs = useRuns()
  /** null until it is known. */
  const nodes = shallowRef<BandNode[] | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const watched = ref(false)
  let asked = 0

  async function load(): Promise<void> {
    asked += 1
    const mine = asked
    nodes.value = null
    problem.value = null
    const run = runs.selected
    if (!watched.value || !run || run.fit === null || run.status === 'running') return
    try {
      const found = await call('runs.bands', { runId: run.id })
      if (mine === asked) nodes.value = found
    } catch (error) {
      if (mine === asked) problem.value = toProblem(error)
    }
  }

  watch([watched, () => runs.selected?.id, () => runs.selected?.version, () => runs.selected?.status], () => void load())

  return { nodes, problem, watched, load }
})
