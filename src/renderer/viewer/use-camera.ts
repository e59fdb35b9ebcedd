import { computed, ref, shallowReactive, shallowRef, watch } from 'vue'
import type { Ref } from 'vue'
import type { Camera, Extent, Point } from './camera'
import { fitCamera, panBy, scaleAbout, zoomAbout } from './camera'

const ZOOM_STEP = 1.25
/** One notch of a wheel is about 100 pixels. */
const WHEEL_SPEED = 0.0018

/**
 * The camera over one image at a time, each known by its key; fitted until the person moves it.
 * `moved` holds where the person left the images that were moved, and is what comes back.
 */
export function useCamera(image: Ref<Extent>, imageKey: Ref<string | null>, moved: Map<string, Camera> = shallowReactive(new Map())) {
  const view = shallowRef<Extent>({ width: 1, height: 1 })
  const camera = shallowRef<Camera>({ x: 0, y: 0, scale: 1 })
  const fitted = ref(true)

  const percent = computed(() => Math.round(camera.value.scale * 100))
  const middle = (): Point => ({ x: view.value.width / 2, y: view.value.height / 2 })

  function fit(): void {
    fitted.value = true
    camera.value = fitCamera(image.value, view.value)
    if (imageKey.value !== null) moved.delete(imageKey.value)
  }

  function resize(next: Extent): void {
    view.value = next
    if (fitted.value) fit()
  }

  function move(next: Camera): void {
    fitted.value = false
    camera.value = next
    if (imageKey.value !== null) moved.set(imageKey.value, next)
  }

  function zoom(factor: number, about: Point = middle()): void {
    move(zoomAbout(camera.value, image.value, view.value, about, factor))
  }

  function wheel(event: WheelEvent, about: Point): void {
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? event.deltaY * 33 : event.deltaY
    zoom(Math.exp(-Math.max(-300, Math.min(300, pixels)) * WHEEL_SPEED), about)
  }

  function actualSize(): void {
    move(scaleAbout(camera.value, image.value, view.value, middle(), 1))
  }

  function pan(dx: number, dy: number): void {
    move(panBy(camera.value, image.value, dx, dy))
  }

  function look(): void {
    const left = imageKey.value === null ? undefined : moved.get(imageKey.value)
    if (left) move(left)
    else fit()
  }

  watch(imageKey, look, { flush: 'sync' })

  return { camera, view, percent, fit, resize, zoom, wheel, actualSize, pan, zoomIn: () => zoom(ZOOM_STEP), zoomOut: () => zoom(1 / ZOOM_STEP) }
}

export type CameraControl = ReturnType<typeof useCamera>
