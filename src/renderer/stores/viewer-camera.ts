import { defineStore } from 'pinia'
import { computed, markRaw, shallowReactive } from 'vue'
import type { Camera } from '../viewer/camera'
import { useCamera } from '../viewer/use-camera'
import { useCubes } from './cubes'
import { isRecord } from './view-states'

/** The camera over the cube that is looked at: commands move it, and it outlives the panel that shows it. */
export const useViewerCamera = defineStore('viewer-camera', () => {
  const cubes = useCubes()
  /** By id of the cube. */
  const moved = shallowReactive(new Map<string, Camera>())
  const image = computed(() => {
    const [lines, samples] = cubes.active?.description.shape ?? [1, 1]
    return { width: samples, height: lines }
  })
  const control = markRaw(useCamera(image, computed(() => cubes.active?.id ?? null), moved))

  /** As the project keeps it. */
  function read(): unknown {
    return Object.fromEntries(moved)
  }

  function restore(state: unknown): void {
    if (!isRecord(state)) return
    for (const [id, camera] of Object.entries(state)) if (isCamera(camera)) moved.set(id, { x: camera.x, y: camera.y, scale: camera.scale })
  }

  return { image, control, read, restore }
})

function isCamera(value: unknown): value is Camera {
  return isRecord(value) && [value.x, value.y, value.scale].every((each) => typeof each === 'number' && Number.isFinite(each)) && (value.scale as number) > 0
}
