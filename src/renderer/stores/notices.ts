import { defineStore } from 'pinia'
import { ref } from 'vue'
import type { Problem } from '../../shared/problem'
import { toProblem } from '../../shared/problem'

export interface Notice {
  id: number
  kind: 'error' | 'success' | 'info'
  message: string
  path: string | null
}

const SHOWN_MS = 7000

/** Short messages in the corner. Errors stay until they are dismissed. */
export const useNotices = defineStore('notices', () => {
  const notices = ref<Notice[]>([])
  let nextId = 1

  function add(kind: Notice['kind'], message: string, path: string | null = null): void {
    if (notices.value.some((notice) => notice.message === message && notice.path === path)) return
    const id = nextId++
    notices.value = [...notices.value.slice(-4), { id, kind, message, path }]
    if (kind !== 'error') setTimeout(() => dismiss(id), SHOWN_MS)
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id)
  }

  /** Shows an error as the sentence that it carries. */
  function report(error: unknown): void {
    tell(toProblem(error))
  }

  /** What the person cancelled is no error. */
  function tell(problem: Problem): void {
    if (problem.code === 'cancelled') return
    // The sentence names the path most of the time.
    const path = problem.path && !problem.message.includes(problem.path) ? problem.path : null
    add('error', problem.message, path)
  }

  /** Runs `action` and reports what it throws; undefined then. */
  async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action()
    } catch (error) {
      report(error)
      return undefined
    }
  }

  return { notices, add, dismiss, report, tell, attempt }
})
