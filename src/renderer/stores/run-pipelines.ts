import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import type { PipelineSummary } from '../../shared/nodes'
import { call } from '../bridge'
import type { DeciderParameters } from '../scores/decider-rule'
import { useNotices } from './notices'
import { usePipelines } from './pipelines'
import { useRuns } from './runs'

/** The decider of a run's pipeline. */
export interface RunDecider {
  node: string
  type: string
  parameters: DeciderParameters
}

/** The pipelines of runs as they were trained, asked for when a run is looked at. */
export const useRunPipelines = defineStore('run-pipelines', () => {
  const runs = useRuns()
  const pipelines = usePipelines()
  const notices = useNotices()
  const summaries = shallowRef<Record<string, PipelineSummary | undefined>>({})

  async function load(runId: string): Promise<void> {
    const summary = await notices.attempt(() => call('runs.pipeline', { runId }))
    if (summary) summaries.value = { ...summaries.value, [runId]: summary }
  }

  function deciderOf(runId: string | null): RunDecider | null {
    const nodes = (runId !== null && summaries.value[runId]?.nodes) || []
    const node = nodes.find(({ type }) => pipelines.describe(type)?.role === 'decider')
    return node ? { node: node.name, type: node.type, parameters: node.parameters } : null
  }

  const decider = computed(() => deciderOf(runs.selectedId))

  // Trained anew, it may be another one.
  watch([() => runs.selected?.id, () => runs.selected?.version, () => runs.selected?.fit !== null], ([id]) => void (id && load(id)), { immediate: true })

  return { summaries, load, deciderOf, decider }
})
