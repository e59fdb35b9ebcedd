import fragment from '../shaders/mask.frag.glsl?raw'
import { Layer } from './layer'
import type { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

/** Texture unit of the table of classes; the classes have unit 0. */
const TABLE_UNIT = 1

/** Width of the outline in CSS pixels: wider than that of the decisions, which lies over it. */
const LINE_WIDTH = 3

/** Classes of the mask. */
export class MaskLayer {
  private readonly layer: Layer
  private readonly table: WebGLTexture
  private uploaded: Uint8Array | null = null

  constructor(private readonly gl: WebGL2RenderingContext, textures: PlaneTextures) {
    this.layer = new Layer(gl, textures, fragment)
    this.table = gl.createTexture()
  }

  paint(scene: Scene): void {
    if (!scene.mask) return
    const { gl } = this
    const { plane, table, opacity, outline } = scene.mask
    if (this.uploaded !== table) this.upload(table)
    this.layer.paint(scene, { u_classes: plane }, (at) => {
      gl.activeTexture(gl.TEXTURE0 + TABLE_UNIT)
      gl.bindTexture(gl.TEXTURE_2D, this.table)
      gl.uniform1i(at('u_table'), TABLE_UNIT)
      gl.uniform1f(at('u_opacity'), opacity)
      gl.uniform1i(at('u_outline'), outline ? 1 : 0)
      gl.uniform1f(at('u_lineWidth'), LINE_WIDTH / (scene.camera.scale * plane.stride))
    })
  }

  private upload(table: Uint8Array): void {
    const { gl } = this
    gl.bindTexture(gl.TEXTURE_2D, this.table)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, table.length / 4, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, table)
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST)
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE)
    this.uploaded = table
  }
}
