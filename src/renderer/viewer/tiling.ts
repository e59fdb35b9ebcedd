/** A part of a plane that fits into one texture. The texture holds one pixel more on each inner side, for neighbours. */
export interface Tile {
  /** Content, in plane pixels. */
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** What the texture holds, in plane pixels. */
  readonly textureX: number
  readonly textureY: number
  readonly textureWidth: number
  readonly textureHeight: number
}

/** Cuts a plane [height, width] into tiles whose textures are at most `limit` wide and high. */
export function tilesOf(height: number, width: number, limit: number): Tile[] {
  const tiles: Tile[] = []
  for (const vertical of cuts(height, limit)) {
    for (const horizontal of cuts(width, limit)) {
      tiles.push({
        x: horizontal.start, y: vertical.start, width: horizontal.size, height: vertical.size,
        textureX: horizontal.textureStart, textureY: vertical.textureStart,
        textureWidth: horizontal.textureSize, textureHeight: vertical.textureSize,
      })
    }
  }
  return tiles
}

function cuts(length: number, limit: number): { start: number; size: number; textureStart: number; textureSize: number }[] {
  if (length <= limit) return [{ start: 0, size: length, textureStart: 0, textureSize: length }]
  const inner = Math.max(1, limit - 2)
  const parts = []
  for (let start = 0; start < length; start += inner) {
    const size = Math.min(inner, length - start)
    const textureStart = Math.max(0, start - 1)
    const textureSize = Math.min(length, start + size + 1) - textureStart
    parts.push({ start, size, textureStart, textureSize })
  }
  return parts
}
