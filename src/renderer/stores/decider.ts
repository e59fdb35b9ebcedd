import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { countBelow } from '../../shared/threshold-curve'
import type { DeciderParameters, RuleHandle } from '../scores/decider-rule'
import { ruleOf, thresholdBy } from '../scores/decider-rule'
import { nextFloat32 } from '../scores/presets'
import { EDITS } from '../texts/history'
import { useHistory } from './history'
import { useRunPipelines } from './run-pipelines'
import { useRuns } from './runs'
import { useScores } from './scores'

/** What an edit of a decider keeps: its parameters, and the threshold that was chosen on the picture. */
interface DeciderState {
  parameters: DeciderParameters
  threshold: number | null
}

/** The decider of the run that is looked at: its handles, and what of it would be written into the pipeline. */
export const useDecider = defineStore('decider', () => {
  const runs = useRuns()
  const scores = useScores()
  const pipelines = useRunPipelines()
  const history = useHistory()
  /** Parameters that were moved by their handles and are not in the pipeline, and the threshold they gave. */
  const moved = ref<{ runId: string; parameters: DeciderParameters; threshold: number } | null>(null)
  const writing = ref(false)

  const entry = computed(() => pipelines.decider)
  const rule = computed(() => (entry.value ? ruleOf(entry.value.type) : null))
  const all = computed(() => scores.current?.analysis.all ?? null)
  /** The pipeline holds a number instead of its rule. */
  const held = computed<number | null>(() => {
    const value = rule.value && entry.value?.parameters[rule.value.fixed]
    return typeof value === 'number' ? value : null
  })
  /** The handles still stand where the threshold on the picture came from. */
  const draft = computed(() => (moved.value && moved.value.runId === runs.selectedId && moved.value.threshold === scores.chosen ? moved.value.parameters : null))

  /** Rules look at all scores of a pixel, and here there is one: then the threshold would not be the pipeline's. */
  const handled = computed(() => {
    if (!rule.value || !entry.value || !all.value || all.value.length === 0) return false
    const found = thresholdBy(rule.value, entry.value.parameters, all.value)
    return Number.isFinite(found) ? found === Math.fround(runs.selected?.ruleThreshold ?? Number.NaN) : runs.selected?.ruleThreshold === null
  })

  /** The parameters that the handles show: as moved, else such that they give the threshold on the picture, else the pipeline's. */
  const shown = computed<DeciderParameters>(() => {
    if (!rule.value || !entry.value) return {}
    const { parameters } = entry.value
    if (draft.value) return { ...parameters, ...draft.value }
    if ((scores.chosen === null && held.value === null) || scores.threshold === null || !all.value) return parameters
    const { follows } = rule.value
    const below = countBelow({ sorted: all.value, positivesBelow: null }, scores.threshold)
    return { ...parameters, [follows.parameter]: follows.at(scores.threshold, below / all.value.length) }
  })

  /** Moves the threshold on the picture by a parameter of the rule. */
  function move({ parameter }: RuleHandle, value: number): void {
    if (!rule.value || !all.value || all.value.length === 0 || !runs.selectedId) return
    const parameters = { ...(draft.value ?? {}), [parameter]: value, [rule.value.fixed]: null }
    const found = thresholdBy(rule.value, { ...shown.value, ...parameters }, all.value)
    // Closed: no pixel is flagged.
    scores.choose(Number.isFinite(found) ? found : nextFloat32(all.value[all.value.length - 1]))
    moved.value = { runId: runs.selectedId, parameters: { ...shown.value, ...parameters }, threshold: scores.chosen ?? Number.NaN }
  }

  /** What would be written into the pipeline; null: it decides as the picture shows already. */
  const change = computed<DeciderParameters | null>(() => {
    if (!rule.value || scores.chosen === null) return null
    if (!draft.value) return { [rule.value.fixed]: scores.chosen }
    const handles = rule.value.handles.map(({ parameter }) => [parameter, draft.value![parameter]])
    return { ...Object.fromEntries(handles), [rule.value.fixed]: null } as DeciderParameters
  })

  /** Writes it into the trained pipeline of the run; the picture then shows what the pipeline itself decides. */
  async function use(): Promise<void> {
    const runId = runs.selectedId
    const before = runId === null ? undefined : stateOf(runId)
    if (runId === null || !change.value || !before) return
    writing.value = true
    try {
      await put(runId, { parameters: change.value, threshold: null })
      history.record({ kind: 'decider', target: runId, title: EDITS.decider, before, after: stateOf(runId) })
    } finally {
      writing.value = false
    }
  }

  async function put(runId: string, { parameters, threshold }: DeciderState): Promise<void> {
    await scores.save()
    await runs.setDecider(runId, { ...parameters }, threshold)
    await pipelines.load(runId)
  }

  function stateOf(runId: string): DeciderState | undefined {
    const found = pipelines.deciderOf(runId)
    const itsRule = found && ruleOf(found.type)
    if (!found || !itsRule) return undefined
    const names = [itsRule.fixed, ...itsRule.handles.map(({ parameter }) => parameter)]
    return { parameters: Object.fromEntries(names.map((name) => [name, found.parameters[name] ?? null])), threshold: scores.chosenOf(runId) }
  }

  history.define<DeciderState>('decider', { read: stateOf, write: put })

  return { entry, rule, held, handled, shown, draft, change, writing, move, use }
})
