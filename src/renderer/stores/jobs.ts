import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import type { JobEntry } from '../../shared/contract'
import { call, onEvent } from '../bridge'

/** Long works: what runs, how far it is, and the way to stop it. */
export const useJobs = defineStore('jobs', () => {
  const jobs = ref<JobEntry[]>([])
  /** Jobs that were asked to stop and have not ended. */
  const stopping = ref<string[]>([])

  const working = computed(() => jobs.value.filter(isWorking))
  /** The one that the status bar shows. */
  const current = computed(() => working.value.find((job) => job.status === 'running') ?? working.value[0] ?? null)

  async function load(): Promise<void> {
    jobs.value = await call('jobs.list', {})
  }

  async function stop(jobId: string): Promise<void> {
    if (stopping.value.includes(jobId)) return
    stopping.value = [...stopping.value, jobId]
    try {
      await call('jobs.stop', { jobId })
    } catch (error) {
      stopping.value = stopping.value.filter((each) => each !== jobId)
      throw error
    }
  }

  async function stopAfterEpoch(jobId: string): Promise<void> {
    await call('jobs.stop', { jobId, after: 'epoch' })
  }

  function ofRun(runId: string): JobEntry | null {
    return working.value.find((job) => job.runId === runId) ?? null
  }

  function put(entry: JobEntry): void {
    const at = jobs.value.findIndex((job) => job.id === entry.id)
    jobs.value = at < 0 ? [...jobs.value, entry] : jobs.value.with(at, entry)
    if (!isWorking(entry)) stopping.value = stopping.value.filter((each) => each !== entry.id)
  }

  function follow(): void {
    onEvent('job', put)
  }

  return { jobs, stopping, working, current, load, stop, stopAfterEpoch, ofRun, follow }
})

export function isWorking(job: JobEntry): boolean {
  return job.status === 'running' || job.status === 'waiting'
}
