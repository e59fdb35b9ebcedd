import fragment from '../shaders/image.frag.glsl?raw'
import { Layer } from './layer'
import type { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

/** The picture itself. */
export class ImageLayer {
  private readonly layer: Layer

  constructor(private readonly gl: WebGL2RenderingContext, textures: PlaneTextures) {
    this.layer = new Layer(gl, textures, fragment)
  }

  paint(scene: Scene): void {
    if (!scene.bands) return
    const { gl } = this
    const { planes, limits, gamma } = scene.bands
    const grey = planes.length < 3
    const [red, green, blue] = grey ? [planes[0], planes[0], planes[0]] : planes
    const [r, g, b] = grey ? [limits[0], limits[0], limits[0]] : limits
    this.layer.paint(scene, { u_red: red, u_green: green, u_blue: blue }, (at) => {
      gl.uniform1i(at('u_grey'), grey ? 1 : 0)
      gl.uniform3f(at('u_low'), r[0], g[0], b[0])
      gl.uniform3f(at('u_high'), r[1], g[1], b[1])
      gl.uniform1f(at('u_gamma'), gamma)
      gl.uniform3f(at('u_checkerA'), ...scene.checker[0])
      gl.uniform3f(at('u_checkerB'), ...scene.checker[1])
    })
  }
}
