import { CLASS_COLOURS, IGNORED_COLOUR, rgbOf } from '../../theme/overlay-colours'
import fragment from '../shaders/mask.frag.glsl?raw'
import { Layer } from './layer'
import type { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

const COLOURS = new Float32Array(CLASS_COLOURS.flatMap((colour) => rgbOf(colour)))

/** Width of the outline in CSS pixels: wider than that of the decisions, which lies over it. */
const LINE_WIDTH = 3

/** Classes of the mask. */
export class MaskLayer {
  private readonly layer: Layer

  constructor(private readonly gl: WebGL2RenderingContext, textures: PlaneTextures) {
    this.layer = new Layer(gl, textures, fragment)
  }

  paint(scene: Scene): void {
    if (!scene.mask) return
    const { gl } = this
    const { plane, opacity, outline } = scene.mask
    this.layer.paint(scene, { u_classes: plane }, (at) => {
      gl.uniform3fv(at('u_colours'), COLOURS)
      gl.uniform3f(at('u_ignored'), ...rgbOf(IGNORED_COLOUR))
      gl.uniform1f(at('u_opacity'), opacity)
      gl.uniform1i(at('u_outline'), outline ? 1 : 0)
      gl.uniform1f(at('u_lineWidth'), LINE_WIDTH / (scene.camera.scale * plane.stride))
    })
  }
}
