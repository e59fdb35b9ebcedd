import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Confusion } from '../../shared/metrics'
import type { Problem } from '../../shared/problem'
import { toProblem } from '../../shared/problem'
import { confusionAt, countBelow, ratios } from '../../shared/threshold-curve'
import type { ScoreAnalysis } from '../scores/analysis'
import { analyseApart } from '../scores/analyse-apart'
import { targetsOf } from '../scores/targets'
import { canBeLogarithmic, isSkewed, quantileOf, scoreAxis } from '../scores/histogram'
import { nextFloat32 } from '../scores/presets'
import { planes as cache } from '../viewer/loaders/plane-cache'
import type { BandPlane, MaskPlane } from '../viewer/loaders/planes'
import { fetchFloats, scoresUrl } from '../viewer/loaders/planes'
import { EDITS } from '../texts/history'
import { useCubes } from './cubes'
import { useHistory } from './history'
import { useNotices } from './notices'
import { maskOf } from './picture'
import { useRunPipelines } from './run-pipelines'
import { useRuns } from './runs'

/** The scores of one run, and all that was computed of them once. */
export interface LoadedScores {
  runId: string
  runVersion: number
  plane: BandPlane
  analysis: ScoreAnalysis
  /** Why there is nothing to compare with; null with a usable mask. */
  maskReason: string | null
}

const SAVE_AFTER_MS = 500

/** The scores of the run that is looked at, and the threshold over them. */
export const useScores = defineStore('scores', () => {
  const runs = useRuns()
  const cubes = useCubes()
  const notices = useNotices()
  const history = useHistory()
  const pipelines = useRunPipelines()
  const loaded = shallowRef<LoadedScores | null>(null)
  const loading = ref(false)
  const problem = shallowRef<Problem | null>(null)
  /** What the person chose and has not been saved yet. undefined: nothing. */
  const unsaved = ref<{ runId: string; threshold: number | null } | undefined>(undefined)

  /** The scores belong to the run that is looked at now. */
  const current = computed(() => (loaded.value && loaded.value.runId === runs.selectedId ? loaded.value : null))
  const chosen = computed<number | null>(() => (runs.selectedId === null ? null : chosenOf(runs.selectedId)))
  /** Of the decider's rule. Where it flags nothing: above every score. */
  const ruleThreshold = computed<number | null>(() => {
    if (!runs.selected || runs.selected.ruleThreshold !== null) return runs.selected?.ruleThreshold ?? null
    const scored = current.value?.analysis.all
    return pipelines.decider && scored && scored.length > 0 ? nextFloat32(scored[scored.length - 1]) : null
  })
  /** The threshold that holds: the chosen one, else the rule's, else the 99th percentile of the scores. */
  const threshold = computed<number | null>(() => {
    if (chosen.value !== null) return chosen.value
    if (ruleThreshold.value !== null) return Math.fround(ruleThreshold.value)
    return current.value && current.value.analysis.curve.sorted.length > 0 ? quantileOf(current.value.analysis.curve, 0.99) : null
  })

  const flagged = computed(() => {
    if (!current.value || threshold.value === null) return null
    const { curve } = current.value.analysis
    return curve.sorted.length - countBelow(curve, threshold.value)
  })
  const confusion = computed<Confusion | null>(() =>
    current.value && threshold.value !== null ? confusionAt(current.value.analysis.curve, threshold.value) : null,
  )
  const quality = computed(() => (confusion.value ? ratios(confusion.value) : null))
  /** Scores are on the picture: the cube that is looked at is the one they were computed of. */
  const onPicture = computed(() => (current.value && runs.selected?.cubeId === cubes.activeId ? current.value : null))

  /** Whether scores are laid along a logarithmic axis, in all charts alike; null: as they suggest. */
  const chosenLogScores = ref<boolean | null>(null)
  const logScores = computed(() => {
    const curve = current.value?.analysis.curve
    return curve !== undefined && canBeLogarithmic(curve) && (chosenLogScores.value ?? isSkewed(curve))
  })
  const axis = computed(() => (current.value ? scoreAxis(current.value.analysis.curve, logScores.value) : null))

  function chosenOf(runId: string): number | null {
    return unsaved.value?.runId === runId ? unsaved.value.threshold : (runs.byId(runId)?.threshold ?? null)
  }

  let wanted = new AbortController()
  async function load(): Promise<void> {
    wanted.abort()
    wanted = new AbortController()
    const { signal } = wanted
    const run = runs.selected
    problem.value = null
    loading.value = false
    if (!run?.scored) {
      loaded.value = null
      return
    }
    loading.value = true
    const cube = cubes.byId(run.cubeId)
    try {
      const url = scoresUrl(run)
      const [plane, mask] = await Promise.all([
        cache.get(url, (ended) => fetchFloats(url, 1, ended), signal),
        cube?.mask ? maskOf(cube, signal) : null,
      ])
      const comparison = compare(plane, mask && { ...mask, values: targetsOf(mask.values, cube?.mask?.classes ?? []) }, cube !== null)
      const analysis = await analyseApart(plane.values, comparison.mask, signal)
      if (signal.aborted) return
      loaded.value = { runId: run.id, runVersion: run.version, plane, analysis, maskReason: comparison.reason ?? missingClass(analysis) }
      loading.value = false
    } catch (error) {
      if (signal.aborted) return
      loading.value = false
      loaded.value = null
      problem.value = toProblem(error)
    }
  }

  let saving: ReturnType<typeof setTimeout> | undefined
  /** Takes effect at once and is saved a moment later; null goes back to the rule. */
  function choose(value: number | null): void {
    const run = runs.selected
    if (!run) return
    const before = chosen.value
    hold(run.id, value === null ? null : Math.fround(value))
    history.record({ kind: 'threshold', target: run.id, title: EDITS.threshold, before, after: chosen.value })
  }

  function hold(runId: string, threshold: number | null): void {
    if (unsaved.value && unsaved.value.runId !== runId) void save()
    unsaved.value = { runId, threshold }
    clearTimeout(saving)
    saving = setTimeout(() => void save(), SAVE_AFTER_MS)
  }

  history.define<number | null>('threshold', {
    read: (runId) => (unsaved.value?.runId === runId ? unsaved.value.threshold : runs.byId(runId)?.threshold),
    write: async (runId, threshold) => hold(runId, threshold),
  })

  /** Saves what waits to be saved. */
  async function save(): Promise<void> {
    clearTimeout(saving)
    const choice = unsaved.value
    if (!choice) return
    try {
      await runs.setThreshold(choice.runId, choice.threshold)
    } catch (error) {
      notices.report(error)
    }
    // Dragged on meanwhile: the newer choice waits for its own turn.
    if (unsaved.value === choice) unsaved.value = undefined
  }

  const runCube = computed(() => cubes.byId(runs.selected?.cubeId ?? null))
  watch(
    [() => runs.selected?.id, () => runs.selected?.version, () => runs.selected?.scored, () => runCube.value?.id, () => runCube.value?.version],
    () => void load(),
    { immediate: true },
  )

  return {
    loaded, loading, problem, current, chosen, ruleThreshold, threshold, flagged, confusion, quality, onPicture,
    chosenLogScores, logScores, axis, chosenOf, choose, save, reload: load,
  }
})

/** The mask if it can be compared with, and in any other case the reason. */
function compare(scores: BandPlane, mask: MaskPlane | null, cubeIsOpen: boolean): { mask: Uint8Array | null; reason: string | null } {
  if (!cubeIsOpen) return { mask: null, reason: 'The cube of this run is not open, so there is no mask to compare with.' }
  if (!mask) return { mask: null, reason: 'The cube has no mask: attach one in the Data panel to compare with it.' }
  if (mask.shape[0] !== scores.shape[0] || mask.shape[1] !== scores.shape[1]) {
    return { mask: null, reason: `The mask is ${mask.shape[0]} × ${mask.shape[1]} pixels, the scores are ${scores.shape[0]} × ${scores.shape[1]}.` }
  }
  return { mask: mask.values, reason: null }
}

function missingClass({ curve }: ScoreAnalysis): string | null {
  if (!curve.positivesBelow) return null
  const positives = curve.positivesBelow[curve.sorted.length]
  if (positives === 0) return 'The mask marks no anomalous pixel among those with a score, so precision and recall mean nothing.'
  if (positives === curve.sorted.length) return 'The mask marks every pixel that has a score as anomalous, so there is nothing to tell apart.'
  return null
}
