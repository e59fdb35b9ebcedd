import vertexSource from '../shaders/tile.vert.glsl?raw'
import planeSource from '../shaders/plane.glsl?raw'
import type { Plane } from '../loaders/planes'
import type { PlaneTextures } from './plane-textures'
import type { Program } from './program'
import { buildProgram } from './program'
import type { Scene } from './scene'

/** Textures by the names of their samplers; all planes have the same shape and stride. */
export type Samplers = Record<string, Plane>

/** A program that paints planes tile by tile over what is there. */
export class Layer {
  readonly program: Program

  constructor(
    protected readonly gl: WebGL2RenderingContext,
    private readonly textures: PlaneTextures,
    fragmentSource: string,
  ) {
    this.program = buildProgram(gl, vertexSource, planeSource + fragmentSource)
  }

  /** `set` gives the uniforms of the layer, and binds textures of its own behind those of the planes. */
  paint(scene: Scene, samplers: Samplers, set: (at: (name: string) => WebGLUniformLocation | null) => void): void {
    const { gl, program } = this
    const planes = Object.values(samplers)
    const [{ stride }] = planes
    const device = scene.camera.scale * scene.pixelRatio
    // Uploading binds textures: everything else is bound afterwards.
    const uploaded = planes.map((plane) => this.textures.of(plane))
    gl.useProgram(program.handle)
    gl.uniform3f(program.uniform('u_camera'), scene.camera.x, scene.camera.y, device)
    gl.uniform2f(program.uniform('u_viewport'), gl.drawingBufferWidth, gl.drawingBufferHeight)
    gl.uniform1f(program.uniform('u_stride'), stride)
    gl.uniform2f(program.uniform('u_imageSize'), scene.image.width, scene.image.height)
    gl.uniform1f(program.uniform('u_footprint'), 1 / (device * stride))
    set((name) => program.uniform(name))

    Object.keys(samplers).forEach((name, unit) => gl.uniform1i(program.uniform(name), unit))
    uploaded[0].tiles.forEach((tile, index) => {
      uploaded.forEach(({ textures }, unit) => {
        gl.activeTexture(gl.TEXTURE0 + unit)
        gl.bindTexture(gl.TEXTURE_2D, textures[index])
      })
      gl.uniform4f(program.uniform('u_rect'), tile.x * stride, tile.y * stride, tile.width * stride, tile.height * stride)
      gl.uniform2f(program.uniform('u_textureOrigin'), tile.textureX, tile.textureY)
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4)
    })
  }
}
