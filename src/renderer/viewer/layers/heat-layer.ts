import { colourTable } from '../../../shared/colour-maps'
import fragment from '../shaders/heat.frag.glsl?raw'
import { Layer } from './layer'
import type { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

/** Texture unit of the colour map; the scores have unit 0. */
const MAP_UNIT = 1

/** Scores through a colour map. */
export class HeatLayer {
  private readonly layer: Layer
  private readonly maps = new Map<string, WebGLTexture>()

  constructor(private readonly gl: WebGL2RenderingContext, textures: PlaneTextures) {
    this.layer = new Layer(gl, textures, fragment)
  }

  paint(scene: Scene): void {
    if (!scene.heat) return
    const { gl } = this
    const { plane, low, high, opacity, fade, map } = scene.heat
    const table = this.maps.get(map) ?? this.upload(map)
    this.layer.paint(scene, { u_scores: plane }, (at) => {
      gl.activeTexture(gl.TEXTURE0 + MAP_UNIT)
      gl.bindTexture(gl.TEXTURE_2D, table)
      gl.uniform1i(at('u_colours'), MAP_UNIT)
      gl.uniform1f(at('u_low'), low)
      gl.uniform1f(at('u_high'), high)
      gl.uniform1f(at('u_opacity'), opacity)
      gl.uniform1i(at('u_fade'), fade ? 1 : 0)
    })
  }

  private upload(map: string): WebGLTexture {
    const { gl } = this
    const table = colourTable(map)
    const texture = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, texture)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, table.length / 4, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table)
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.LINEAR)
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE)
    this.maps.set(map, texture)
    return texture
  }
}
