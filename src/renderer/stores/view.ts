import { defineStore } from 'pinia'
import { computed, reactive, ref, watch } from 'vue'
import type { CubeEntry } from '../../shared/contract'
import type { Composite } from '../../shared/band-choice'
import { firstBand, firstComposite } from '../../shared/band-choice'
import { STRETCHES } from '../viewer/stretch'
import { useCubes } from './cubes'
import { isRecord } from './view-states'

export type Mode = 'single' | 'composite'

/** How one cube is shown. */
export interface BandView {
  mode: Mode
  band: number
  composite: Composite
}

export interface Pixel {
  line: number
  sample: number
}

/** How the picture is shown: bands, stretch, overlays, and the pixel under the cursor. */
export const useView = defineStore('view', () => {
  const cubes = useCubes()
  /** One per cube, so that going back to a cube finds it as it was left. */
  const views = reactive(new Map<string, BandView>())
  const stretchId = ref(STRETCHES[0].id)
  const gamma = ref(1)
  const hover = ref<Pixel | null>(null)

  const mask = reactive({ shown: true, outline: true, opacity: 0.9 })
  const heat = reactive({ shown: true, opacity: 0.85, fade: true, map: 'ember' })
  const decisions = reactive({ shown: true, outline: true, opacity: 0.9 })

  const current = computed<BandView | null>(() => (cubes.activeId === null ? null : (views.get(cubes.activeId) ?? null)))
  const stretch = computed(() => STRETCHES.find((each) => each.id === stretchId.value) ?? STRETCHES[0])
  /** The bands on the screen: one, or red, green and blue. */
  const shownBands = computed<number[]>(() => {
    if (!current.value) return []
    return current.value.mode === 'single' ? [current.value.band] : current.value.composite
  })

  watch(() => cubes.active, (cube) => cube && begin(cube), { immediate: true, flush: 'sync' })

  function begin({ id, description }: CubeEntry): void {
    const known = views.get(id)
    // Kept of a file that has become another one.
    if (known && [known.band, ...known.composite].every((band) => band < description.shape[2])) return
    const colours = description.shape[2] >= 3 && (description.wavelengths !== null || description.defaultBands?.length === 3)
    views.set(id, { mode: colours ? 'composite' : 'single', band: firstBand(description), composite: firstComposite(description) })
  }

  /** Shows one band of the active cube; numbers outside go to the nearest end. */
  function showBand(band: number): void {
    if (!current.value || !cubes.active) return
    current.value.mode = 'single'
    current.value.band = Math.min(cubes.active.description.shape[2] - 1, Math.max(0, Math.round(band)))
  }

  function stepBand(step: number): void {
    if (current.value) showBand(current.value.band + step)
  }

  function showComposite(bands: Composite): void {
    if (!current.value) return
    current.value.mode = 'composite'
    current.value.composite = bands
  }

  /** As the project keeps it. */
  function read(): unknown {
    return { stretchId: stretchId.value, gamma: gamma.value, mask: { ...mask }, heat: { ...heat }, decisions: { ...decisions }, cubes: Object.fromEntries(views) }
  }

  function restore(state: unknown): void {
    if (!isRecord(state)) return
    if (STRETCHES.some(({ id }) => id === state.stretchId)) stretchId.value = state.stretchId as string
    if (typeof state.gamma === 'number' && state.gamma > 0) gamma.value = state.gamma
    takeLayer(mask, state.mask)
    takeLayer(heat, state.heat)
    takeLayer(decisions, state.decisions)
    if (isRecord(state.cubes)) for (const [id, view] of Object.entries(state.cubes)) if (isBandView(view)) views.set(id, view)
  }

  return { stretchId, stretch, gamma, hover, mask, heat, decisions, current, shownBands, showBand, stepBand, showComposite, read, restore }
})

/** What is of the same kind as what the layer has. */
function takeLayer(layer: Record<string, unknown>, kept: unknown): void {
  if (!isRecord(kept)) return
  for (const key of Object.keys(layer)) if (typeof kept[key] === typeof layer[key]) layer[key] = kept[key]
}

function isBandView(value: unknown): value is BandView {
  if (!isRecord(value)) return false
  const isBand = (band: unknown) => Number.isInteger(band) && (band as number) >= 0
  return (value.mode === 'single' || value.mode === 'composite') && isBand(value.band) && Array.isArray(value.composite) && value.composite.length === 3 && value.composite.every(isBand)
}
