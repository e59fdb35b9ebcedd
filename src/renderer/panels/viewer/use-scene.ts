import { computed } from 'vue'
import { heatLimits } from '../../scores/heat-limits'
import { useCubes } from '../../stores/cubes'
import { usePicture } from '../../stores/picture'
import { useScores } from '../../stores/scores'
import { useView } from '../../stores/view'
import { cssColour } from '../../theme/css-colour'
import { classTable } from '../../theme/overlay-colours'
import { useTheme } from '../../theme/use-theme'
import type { Rgb, Scene } from '../../viewer/layers/scene'
import type { CameraControl } from '../../viewer/use-camera'

/** The scene that the stores describe. */
export function useScene(control: CameraControl, pixelRatio: () => number) {
  const cubes = useCubes()
  const view = useView()
  const picture = usePicture()
  const scores = useScores()
  const { theme } = useTheme()

  const backdrop = computed<Rgb>(() => (theme.value ? partsOf(cssColour('--picture')) : [0, 0, 0]))
  const checker = computed<readonly [Rgb, Rgb]>(() => [shifted(backdrop.value, 0.05), shifted(backdrop.value, -0.03)])
  const heat = computed(() => (scores.onPicture ? heatLimits(scores.onPicture.analysis.curve) : null))

  const table = computed(() => classTable(cubes.active?.mask?.classes))

  return computed<Scene>(() => {
    const [lines, samples] = cubes.active?.description.shape ?? [1, 1]
    const { shown } = picture
    const overlays = shown !== null && shown.cube.id === cubes.activeId
    const plane = overlays ? (scores.onPicture?.plane ?? null) : null
    return {
      camera: control.camera.value,
      view: control.view.value,
      pixelRatio: pixelRatio(),
      image: { width: samples, height: lines },
      backdrop: backdrop.value,
      checker: checker.value,
      bands: shown && overlays ? { planes: shown.planes, limits: picture.limits, gamma: view.gamma } : null,
      heat: plane && heat.value && view.heat.shown ? { plane, ...heat.value, opacity: view.heat.opacity, fade: view.heat.fade, map: view.heat.map } : null,
      mask: overlays && picture.maskPlane && view.mask.shown ? { plane: picture.maskPlane, table: table.value, opacity: view.mask.opacity, outline: view.mask.outline } : null,
      decisions:
        plane && scores.threshold !== null && view.decisions.shown
          ? { plane, threshold: scores.threshold, opacity: view.decisions.opacity, outline: view.decisions.outline }
          : null,
    }
  })
}

function partsOf(colour: string): Rgb {
  const [red, green, blue] = (colour.match(/[\d.]+/g) ?? ['0', '0', '0']).map(Number)
  return [red / 255, green / 255, blue / 255]
}

function shifted(colour: Rgb, by: number): Rgb {
  const part = (value: number) => Math.min(1, Math.max(0, value + by))
  return [part(colour[0]), part(colour[1]), part(colour[2])]
}
