import { DECISION_COLOUR, rgbOf } from '../../theme/overlay-colours'
import fragment from '../shaders/decision.frag.glsl?raw'
import { Layer } from './layer'
import type { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

/** Width of the outline in CSS pixels. */
const LINE_WIDTH = 1.5

/** Pixels at or above the threshold, which is a uniform: dragging it costs one frame and nothing else. */
export class DecisionLayer {
  private readonly layer: Layer

  constructor(private readonly gl: WebGL2RenderingContext, textures: PlaneTextures) {
    this.layer = new Layer(gl, textures, fragment)
  }

  paint(scene: Scene): void {
    if (!scene.decisions) return
    const { gl } = this
    const { plane, threshold, opacity, outline } = scene.decisions
    this.layer.paint(scene, { u_scores: plane }, (at) => {
      gl.uniform1f(at('u_threshold'), threshold)
      gl.uniform1f(at('u_opacity'), opacity)
      gl.uniform1i(at('u_outline'), outline ? 1 : 0)
      gl.uniform1f(at('u_lineWidth'), LINE_WIDTH / (scene.camera.scale * plane.stride))
      gl.uniform3f(at('u_colour'), ...rgbOf(DECISION_COLOUR))
    })
  }
}
