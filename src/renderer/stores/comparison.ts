import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { useRunPipelines } from './run-pipelines'
import { useRuns } from './runs'

export const MOST_COMPARED = 4

/** The runs that are compared, in the order in which they were chosen. */
export const useComparison = defineStore('comparison', () => {
  const allRuns = useRuns()
  const pipelines = useRunPipelines()
  const ids = ref<string[]>([])

  const runs = computed(() => ids.value.flatMap((id) => allRuns.byId(id) ?? []))
  const full = computed(() => runs.value.length >= MOST_COMPARED)

  function toggle(runId: string): void {
    const present = runs.value.map(({ id }) => id)
    if (present.includes(runId)) ids.value = present.filter((id) => id !== runId)
    else if (!full.value) ids.value = [...present, runId]
  }

  function clear(): void {
    ids.value = []
  }

  watch(ids, (present) => {
    for (const id of present) if (!pipelines.summaries[id]) void pipelines.load(id)
  })

  return { ids, runs, full, toggle, clear }
})
