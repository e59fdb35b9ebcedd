import { defineStore } from 'pinia'
import { computed, shallowRef, watch } from 'vue'
import { bandStride } from '../../shared/band-stride'
import type { CubeEntry } from '../../shared/contract'
import type { BandStatistics } from '../../shared/cube'
import type { Problem } from '../../shared/problem'
import { toProblem } from '../../shared/problem'
import { planes as cache } from '../viewer/loaders/plane-cache'
import type { BandPlane, MaskPlane } from '../viewer/loaders/planes'
import { bandUrl, fetchClasses, fetchFloats, maskUrl } from '../viewer/loaders/planes'
import type { Limits } from '../viewer/stretch'
import { stretchLimits } from '../viewer/stretch'
import { useCubes } from './cubes'
import { useView } from './view'

/** What is on the screen: it changes only when the pixels and their spread are both there. */
export interface ShownBands {
  cube: CubeEntry
  bands: number[]
  planes: BandPlane[]
  statistics: BandStatistics[]
}

/** Loads the bands that the view asks for, and the mask. The last picture stays until the next is complete. */
export const usePicture = defineStore('picture', () => {
  const cubes = useCubes()
  const view = useView()
  const shown = shallowRef<ShownBands | null>(null)
  const loading = shallowRef(false)
  const problem = shallowRef<Problem | null>(null)
  const maskPlane = shallowRef<MaskPlane | null>(null)
  const maskProblem = shallowRef<Problem | null>(null)

  const limits = computed<Limits[]>(() => shown.value?.statistics.map((each) => stretchLimits(each, view.stretch)) ?? [])

  let bandsWanted = new AbortController()
  async function loadBands(): Promise<void> {
    bandsWanted.abort()
    bandsWanted = new AbortController()
    const { signal } = bandsWanted
    const cube = cubes.active
    const bands = [...view.shownBands]
    problem.value = null
    if (!cube || bands.length === 0) {
      shown.value = null
      loading.value = false
      return
    }
    if (shown.value && shown.value.cube.id !== cube.id) shown.value = null
    loading.value = true
    try {
      const planes = await Promise.all(bands.map((band) => bandPlane(cube, band, signal)))
      if (signal.aborted) return
      // After the pixels, which can be stopped: a slider that is dragged past a band must not leave its statistics to be read.
      const statistics = await Promise.all(bands.map((band) => cubes.bandStatistics(cube, band)))
      if (signal.aborted) return
      shown.value = { cube, bands, planes, statistics }
      loading.value = false
      if (bands.length === 1) void prefetch(cube, bands[0], signal)
    } catch (error) {
      if (signal.aborted) return
      loading.value = false
      problem.value = toProblem(error)
    }
  }

  /** The neighbours of a single band: the slider goes there next. */
  async function prefetch(cube: CubeEntry, band: number, signal: AbortSignal): Promise<void> {
    for (const next of [band + 1, band - 1]) {
      if (signal.aborted || next < 0 || next >= cube.description.shape[2]) continue
      await bandPlane(cube, next, signal).catch(() => undefined)
    }
  }

  let maskWanted = new AbortController()
  async function loadMask(): Promise<void> {
    maskWanted.abort()
    maskWanted = new AbortController()
    const { signal } = maskWanted
    const cube = cubes.active
    maskProblem.value = null
    if (!cube?.mask) {
      maskPlane.value = null
      return
    }
    try {
      const plane = await maskOf(cube, signal)
      if (!signal.aborted) maskPlane.value = plane
    } catch (error) {
      if (signal.aborted) return
      maskPlane.value = null
      maskProblem.value = toProblem(error)
    }
  }

  watch([() => cubes.active?.id, () => cubes.active?.version, () => view.shownBands.join()], () => void loadBands(), { immediate: true })
  watch([() => cubes.active?.id, () => cubes.active?.version], () => void loadMask(), { immediate: true })

  return { shown, loading, problem, limits, maskPlane, maskProblem, reload: loadBands }
})

function bandPlane(cube: CubeEntry, band: number, signal: AbortSignal): Promise<BandPlane> {
  const [lines, samples] = cube.description.shape
  const stride = bandStride(lines, samples, cube.quickStride)
  const url = bandUrl(cube, band, stride)
  return cache.get(url, (ended) => fetchFloats(url, stride, ended), signal)
}

/** The mask of a cube that has one. */
export function maskOf(cube: CubeEntry, signal: AbortSignal): Promise<MaskPlane> {
  const url = maskUrl(cube)
  return cache.get(url, (ended) => fetchClasses(url, ended), signal)
}
