import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { LibraryEntry } from '../../shared/contract'
import type { ResampledSpectrum } from '../../shared/library'
import { call } from '../bridge'
import { useCubes } from './cubes'
import { useNotices } from './notices'
import { isRecord } from './view-states'

/** A spectrum of a library that is shown beside those of pixels. */
export interface ShownSpectrum {
  libraryId: string
  /** 0-based number in its library. */
  index: number
  /** Index into the colours of library spectra. */
  slot: number
}

export const MOST_SHOWN = 8

/** The spectral libraries of the project, and which of their spectra are shown. */
export const useLibraries = defineStore('libraries', () => {
  const cubes = useCubes()
  const notices = useNotices()
  const libraries = shallowRef<LibraryEntry[]>([])
  const loaded = ref(false)
  const shown = ref<ShownSpectrum[]>([])
  /** At the bands of the cube that is looked at, by keyOf; missing until they arrived. */
  const values = shallowRef(new Map<string, ResampledSpectrum['values']>())

  /** Those of open libraries, with their names. */
  const curves = computed(() => shown.value.flatMap((each) => {
    const name = byId(each.libraryId)?.description.library.spectra[each.index]
    return name === undefined ? [] : [{ ...each, name, values: values.value.get(keyOf(each)) ?? null }]
  }))

  async function load(): Promise<void> {
    libraries.value = await call('libraries.list', {})
    loaded.value = true
    await readShown()
  }

  async function open(path: string): Promise<LibraryEntry> {
    const entry = await call('libraries.open', { path })
    const at = libraries.value.findIndex(({ id }) => id === entry.id)
    libraries.value = at < 0 ? [...libraries.value, entry] : libraries.value.with(at, entry)
    return entry
  }

  async function close(libraryId: string): Promise<void> {
    await call('libraries.close', { libraryId })
    libraries.value = libraries.value.filter(({ id }) => id !== libraryId)
    shown.value = shown.value.filter((each) => each.libraryId !== libraryId)
  }

  /** Shows a spectrum, or hides it. Beyond the most there may be, the oldest gives its place. */
  async function toggle(libraryId: string, index: number): Promise<void> {
    if (find(libraryId, index)) {
      shown.value = shown.value.filter((each) => each.libraryId !== libraryId || each.index !== index)
      return
    }
    const others = shown.value.slice(-(MOST_SHOWN - 1))
    const slot = Array.from({ length: MOST_SHOWN }, (_, at) => at).find((at) => !others.some((each) => each.slot === at)) ?? 0
    shown.value = [...others, { libraryId, index, slot }]
    await readShown()
  }

  function find(libraryId: string, index: number): ShownSpectrum | null {
    return shown.value.find((each) => each.libraryId === libraryId && each.index === index) ?? null
  }

  function byId(libraryId: string): LibraryEntry | null {
    return libraries.value.find(({ id }) => id === libraryId) ?? null
  }

  let asked = 0
  /** Asks for what is shown and not known at the bands of this cube. */
  async function readShown(): Promise<void> {
    const { active } = cubes
    if (!active) return
    const mine = (asked += 1)
    const missing = shown.value.filter((each) => byId(each.libraryId) && !values.value.has(keyOf(each)))
    for (const libraryId of new Set(missing.map((each) => each.libraryId))) {
      const indices = missing.filter((each) => each.libraryId === libraryId).map(({ index }) => index)
      try {
        const found = await call('libraries.spectra', { libraryId, indices, cubeId: active.id })
        if (mine !== asked) return
        values.value = new Map([...values.value, ...found.map((each) => [keyOf({ libraryId, index: each.index }), each.values] as const)])
      } catch (error) {
        if (mine !== asked) return
        shown.value = shown.value.filter((each) => each.libraryId !== libraryId || !indices.includes(each.index))
        notices.report(error)
      }
    }
  }

  watch([() => cubes.active?.id, () => cubes.active?.version], () => {
    values.value = new Map()
    void readShown()
  })

  /** What a project keeps of it. */
  function read(): unknown {
    return { shown: shown.value }
  }

  function restore(state: unknown): void {
    if (!isRecord(state) || !Array.isArray(state.shown)) return
    shown.value = state.shown.filter(isShown).slice(0, MOST_SHOWN)
  }

  return { libraries, loaded, shown, curves, load, open, close, toggle, find, read, restore }
})

function keyOf({ libraryId, index }: Pick<ShownSpectrum, 'libraryId' | 'index'>): string {
  return `${libraryId}/${index}`
}

function isShown(value: unknown): value is ShownSpectrum {
  return isRecord(value) && typeof value.libraryId === 'string' && [value.index, value.slot].every((number) => Number.isInteger(number) && (number as number) >= 0) && (value.slot as number) < MOST_SHOWN
}
