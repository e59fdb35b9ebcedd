import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'
import { call, onEvent } from '../bridge'
import { useCubes } from './cubes'
import { useNotices } from './notices'
import { useView } from './view'

export interface Pin {
  id: number
  cubeId: string
  line: number
  sample: number
  /** Index into the pin colours; also its number on the picture, less one. */
  slot: number
  /** null until they arrived. */
  values: (number | null)[] | null
}

export const MOST_PINS = 8

const HOVER_WAIT_MS = 40

/** Pixels whose spectra are shown: pinned ones, and the one under the cursor. */
export const usePins = defineStore('pins', () => {
  const cubes = useCubes()
  const view = useView()
  const notices = useNotices()
  const pins = ref<Pin[]>([])
  const hoverShown = ref(true)
  const hoverValues = ref<(number | null)[] | null>(null)
  let nextId = 1

  const ofActive = computed(() => pins.value.filter((pin) => pin.cubeId === cubes.activeId))

  /** Pins the pixel, or takes its pin away. Beyond the most there may be, the oldest gives its place. */
  async function toggle(line: number, sample: number): Promise<void> {
    const cubeId = cubes.activeId
    if (cubeId === null) return
    const same = ofActive.value.find((pin) => pin.line === line && pin.sample === sample)
    if (same) return remove(same.id)
    if (ofActive.value.length >= MOST_PINS) remove(ofActive.value[0].id)
    const taken = new Set(ofActive.value.map((pin) => pin.slot))
    const slot = Array.from({ length: MOST_PINS }, (_, index) => index).find((index) => !taken.has(index)) ?? 0
    const pin: Pin = { id: nextId++, cubeId, line, sample, slot, values: null }
    pins.value = [...pins.value, pin]
    try {
      const { values } = await call('cubes.spectrum', { cubeId, line, sample })
      pins.value = pins.value.map((each) => (each.id === pin.id ? { ...each, values } : each))
    } catch (error) {
      remove(pin.id)
      notices.report(error)
    }
  }

  function remove(id: number): void {
    pins.value = pins.value.filter((pin) => pin.id !== id)
  }

  function clear(): void {
    pins.value = pins.value.filter((pin) => pin.cubeId !== cubes.activeId)
  }

  // One question at a time: a slow disk is asked for the newest pixel only.
  let asking = false
  async function followCursor(): Promise<void> {
    if (asking) return
    asking = true
    try {
      while (hoverShown.value && view.hover && cubes.activeId !== null) {
        const { line, sample } = view.hover
        const cubeId = cubes.activeId
        const { values } = await call('cubes.spectrum', { cubeId, line, sample })
        const still = view.hover?.line === line && view.hover.sample === sample
        if (view.hover && cubes.activeId === cubeId) hoverValues.value = values
        if (still) break
        await new Promise((resolve) => setTimeout(resolve, HOVER_WAIT_MS))
      }
    } catch {
      // The pixel under the cursor is not worth a message; a pin is.
      hoverValues.value = null
    } finally {
      asking = false
    }
    if (!view.hover || !hoverShown.value) hoverValues.value = null
  }

  watch([() => view.hover, hoverShown, () => cubes.activeId], () => {
    if (view.hover && hoverShown.value) void followCursor()
    else hoverValues.value = null
  })

  function follow(): void {
    onEvent('cube-closed', ({ cubeId }) => (pins.value = pins.value.filter((pin) => pin.cubeId !== cubeId)))
  }

  return { pins, ofActive, hoverShown, hoverValues, toggle, remove, clear, follow }
})
