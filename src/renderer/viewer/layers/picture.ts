import type { Plane } from '../loaders/planes'
import { DecisionLayer } from './decision-layer'
import { HeatLayer } from './heat-layer'
import { ImageLayer } from './image-layer'
import { MaskLayer } from './mask-layer'
import { PlaneTextures } from './plane-textures'
import type { Scene } from './scene'

/** What lives and dies with one WebGL context. */
interface Painters {
  textures: PlaneTextures
  layers: { paint(scene: Scene): void }[]
}

/** Paints scenes on a canvas. A lost context comes back with everything uploaded again. */
export class Picture {
  private readonly gl: WebGL2RenderingContext
  private painters: Painters | null
  private scene: Scene | null = null
  private frame = 0

  /**
   * `largestTexture` lowers the card's own limit; tests force tiling with it. `onContext` tells whether the
   * card is there. Throws when the window has no WebGL2.
   */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly largestTexture: number,
    private readonly onContext: (present: boolean) => void,
  ) {
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, depth: false })
    if (!gl) throw new Error('This window cannot draw pictures: WebGL2 is not available. Update the graphics driver or allow hardware acceleration.')
    this.gl = gl
    this.painters = this.prepare()
    canvas.addEventListener('webglcontextlost', this.lost)
    canvas.addEventListener('webglcontextrestored', this.restored)
  }

  /** Shows the scene with the next frame. */
  show(scene: Scene): void {
    this.scene = scene
    if (this.frame === 0) this.frame = requestAnimationFrame(() => this.draw())
  }

  dispose(): void {
    cancelAnimationFrame(this.frame)
    this.canvas.removeEventListener('webglcontextlost', this.lost)
    this.canvas.removeEventListener('webglcontextrestored', this.restored)
    this.gl.getExtension('WEBGL_lose_context')?.loseContext()
  }

  private draw(): void {
    this.frame = 0
    const { gl, scene, painters } = this
    if (!scene || !painters || gl.isContextLost()) return
    this.fitCanvas(scene)
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight)
    gl.clearColor(...scene.backdrop, 1)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    for (const layer of painters.layers) layer.paint(scene)
    painters.textures.shrink(planesOf(scene))
  }

  private fitCanvas({ view, pixelRatio }: Scene): void {
    const width = Math.max(1, Math.round(view.width * pixelRatio))
    const height = Math.max(1, Math.round(view.height * pixelRatio))
    // Setting a size clears the canvas, even the same size.
    if (this.canvas.width !== width) this.canvas.width = width
    if (this.canvas.height !== height) this.canvas.height = height
  }

  private prepare(): Painters {
    const { gl } = this
    const limit = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE) as number, this.largestTexture)
    const textures = new PlaneTextures(gl, limit)
    return {
      textures,
      layers: [new ImageLayer(gl, textures), new HeatLayer(gl, textures), new MaskLayer(gl, textures), new DecisionLayer(gl, textures)],
    }
  }

  private readonly lost = (event: Event): void => {
    // Without this the context never comes back.
    event.preventDefault()
    this.painters = null
    this.onContext(false)
  }

  private readonly restored = (): void => {
    this.painters = this.prepare()
    this.onContext(true)
    if (this.scene) this.show(this.scene)
  }
}

function planesOf(scene: Scene): Set<Plane> {
  const used = new Set<Plane>(scene.bands?.planes)
  for (const overlay of [scene.heat, scene.mask, scene.decisions]) if (overlay) used.add(overlay.plane)
  return used
}
