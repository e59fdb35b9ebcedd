import type { Plane } from '../loaders/planes'
import type { Tile } from '../tiling'
import { tilesOf } from '../tiling'

export interface PlaneTexture {
  readonly tiles: readonly Tile[]
  /** One per tile. */
  readonly textures: readonly WebGLTexture[]
}

/** Bytes of textures that stay on the graphics card beside those of the present picture. */
const KEPT_BYTES = 192 * 1024 * 1024

/** Planes as textures: R32F for numbers, R8UI for classes; cut into tiles where the card's limit is smaller than the plane. */
export class PlaneTextures {
  /** In order of use, oldest first. */
  private readonly uploaded = new Map<Plane, PlaneTexture>()
  private bytes = 0

  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly limit: number,
  ) {}

  of(plane: Plane): PlaneTexture {
    const texture = this.uploaded.get(plane) ?? this.upload(plane)
    this.uploaded.delete(plane)
    this.uploaded.set(plane, texture)
    return texture
  }

  /** Gives back the textures used longest ago; those of `used` stay. */
  shrink(used: ReadonlySet<Plane>): void {
    for (const [plane, { textures }] of this.uploaded) {
      if (this.bytes <= KEPT_BYTES) return
      if (used.has(plane)) continue
      for (const texture of textures) this.gl.deleteTexture(texture)
      this.uploaded.delete(plane)
      this.bytes -= plane.values.byteLength
    }
  }

  private upload(plane: Plane): PlaneTexture {
    const tiles = tilesOf(plane.shape[0], plane.shape[1], this.limit)
    const texture = { tiles, textures: tiles.map((tile) => this.uploadTile(plane, tile)) }
    this.bytes += plane.values.byteLength
    return texture
  }

  private uploadTile(plane: Plane, tile: Tile): WebGLTexture {
    const { gl } = this
    const texture = gl.createTexture()
    gl.bindTexture(gl.TEXTURE_2D, texture)
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST)
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE)
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1)
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, plane.shape[1])
    gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, tile.textureX)
    gl.pixelStorei(gl.UNPACK_SKIP_ROWS, tile.textureY)
    const { textureWidth: width, textureHeight: height } = tile
    if (plane.values instanceof Float32Array) gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, width, height, 0, gl.RED, gl.FLOAT, plane.values)
    else gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8UI, width, height, 0, gl.RED_INTEGER, gl.UNSIGNED_BYTE, plane.values)
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0)
    gl.pixelStorei(gl.UNPACK_SKIP_PIXELS, 0)
    gl.pixelStorei(gl.UNPACK_SKIP_ROWS, 0)
    return texture
  }
}
