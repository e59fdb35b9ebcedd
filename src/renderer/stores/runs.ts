import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import type { Calls, RunEntry } from '../../shared/contract'
import type { EpochRecord, ExportReport } from '../../shared/reports'
import { call, onEvent } from '../bridge'
import { EDITS } from '../texts/history'
import { useHistory } from './history'
import { useJobs } from './jobs'

/** What a person says of a run. */
interface Annotation {
  note?: string
  starred?: boolean
}

/** Fits: those that were, the one that works, and the one that is looked at. */
export const useRuns = defineStore('runs', () => {
  const jobs = useJobs()
  const history = useHistory()
  const runs = ref<RunEntry[]>([])
  const selectedId = ref<string | null>(null)
  const loaded = ref(false)
  /** Seconds that the gradient phase still needs, by run. */
  const secondsLeft = ref<Record<string, number | null>>({})
  /** Warnings that came while a run worked, by run. */
  const warnings = ref<Record<string, string[]>>({})

  const selected = computed(() => byId(selectedId.value))
  const running = computed(() => runs.value.find((run) => run.status === 'running') ?? null)
  /** Newest first. */
  const newestFirst = computed(() => [...runs.value].sort((a, b) => b.created.localeCompare(a.created)))

  async function load(): Promise<void> {
    runs.value = await call('runs.list', {})
    loaded.value = true
    if (!selected.value) selectedId.value = newestFirst.value[0]?.id ?? null
  }

  /** Starts a fit and looks at it. */
  async function start(args: Calls['runs.start']['args']): Promise<string> {
    const { runId } = await call('runs.start', args)
    selectedId.value = runId
    return runId
  }

  async function resume(runId: string): Promise<void> {
    await call('runs.resume', { runId })
    selectedId.value = runId
  }

  async function stop(runId: string): Promise<void> {
    const job = jobs.ofRun(runId)
    if (job) await jobs.stop(job.id)
  }

  async function stopAfterEpoch(runId: string): Promise<void> {
    const job = jobs.ofRun(runId)
    if (job) await jobs.stopAfterEpoch(job.id)
  }

  async function setNote(runId: string, note: string): Promise<void> {
    await annotate('note', runId, { note }, EDITS.note)
  }

  async function setStarred(runId: string, starred: boolean): Promise<void> {
    await annotate('starred', runId, { starred }, EDITS.star)
  }

  /** Each is an edit of its own kind, so that a star right after a note is not one edit with it. */
  async function annotate(what: keyof Annotation, runId: string, said: Annotation, title: (name: string) => string): Promise<void> {
    const before = byId(runId)?.[what]
    put(await call('runs.annotate', { runId, ...said }))
    history.record({ kind: `run-${what}`, target: runId, title: title(byId(runId)?.name ?? ''), before, after: byId(runId)?.[what] })
  }

  history.define<string>('run-note', { read: (runId) => byId(runId)?.note, write: async (runId, note) => put(await call('runs.annotate', { runId, note })) })
  history.define<boolean>('run-starred', { read: (runId) => byId(runId)?.starred, write: async (runId, starred) => put(await call('runs.annotate', { runId, starred })) })

  async function remove(runId: string): Promise<void> {
    await call('runs.remove', { runId })
    drop(runId)
  }

  async function setThreshold(runId: string, threshold: number | null): Promise<void> {
    put(await call('runs.setThreshold', { runId, threshold }))
  }

  async function setDecider(runId: string, parameters: Calls['runs.setDecider']['args']['parameters'], threshold: number | null): Promise<void> {
    put(await call('runs.setDecider', { runId, parameters, threshold }))
  }

  async function exportRun(runId: string, folder: string): Promise<ExportReport> {
    return await call('runs.export', { runId, folder })
  }

  function byId(id: string | null): RunEntry | null {
    return runs.value.find((run) => run.id === id) ?? null
  }

  function put(entry: RunEntry): void {
    const at = runs.value.findIndex((run) => run.id === entry.id)
    runs.value = at < 0 ? [...runs.value, entry] : runs.value.with(at, entry)
    selectedId.value ??= entry.id
  }

  function drop(runId: string): void {
    runs.value = runs.value.filter((run) => run.id !== runId)
    if (selectedId.value === runId) selectedId.value = newestFirst.value[0]?.id ?? null
  }

  function follow(): void {
    onEvent('run', put)
    onEvent('run-removed', ({ runId }) => drop(runId))
    onEvent('progress', ({ runId, progress }) => {
      const run = byId(runId)
      if (!run) return
      if (progress.kind === 'epoch') {
        secondsLeft.value = { ...secondsLeft.value, [run.id]: progress.secondsLeft }
        put({ ...run, epochs: withRecord(run.epochs, progress.record), epochsPlanned: progress.epochs })
      } else if (progress.kind === 'stage') {
        secondsLeft.value = { ...secondsLeft.value, [run.id]: progress.secondsLeft }
      } else if (progress.kind === 'device') {
        put({ ...run, device: { device: progress.device, reason: progress.reason } })
      } else {
        warnings.value = { ...warnings.value, [run.id]: [...(warnings.value[run.id] ?? []), progress.message] }
      }
    })
  }

  return {
    runs, selectedId, selected, running, newestFirst, loaded, secondsLeft, warnings,
    load, start, resume, stop, stopAfterEpoch, setNote, setStarred, remove, setThreshold, setDecider, exportRun, byId, follow,
  }
})

/** After a resume the epochs behind the checkpoint come again: the records before this one stay, later ones fall away. */
export function withRecord(records: EpochRecord[], record: EpochRecord): EpochRecord[] {
  return [...records.filter((other) => other.epoch < record.epoch), record]
}

export function canResume(run: RunEntry): boolean {
  return run.status === 'interrupted' || run.status === 'stopped' || run.status === 'failed' || (run.status === 'finished' && !run.scored)
}
