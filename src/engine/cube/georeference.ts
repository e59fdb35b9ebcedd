import { numberList } from './formats/envi-header'

/**
 * Where an image lies on the map: x = xOrigin + xColumn * column + xRow * row, and y likewise. Columns and rows are
 * counted from the upper left corner of the image, so the middle of the first pixel is (0.5, 0.5).
 */
export interface MapTransform {
  xOrigin: number
  xColumn: number
  xRow: number
  yOrigin: number
  yColumn: number
  yRow: number
}

/** From the header keys of a cube (tags of a GeoTIFF as they are kept there, else "map info"); null where it is not said. */
export function mapTransformOf(fields: ReadonlyMap<string, string> | undefined): MapTransform | null {
  return fields ? fromTags(fields) ?? fromMapInfo(fields.get('map info')) : null
}

/** The place on the map of a place in the image. */
export function onMap({ xOrigin, xColumn, xRow, yOrigin, yColumn, yRow }: MapTransform, column: number, row: number): [x: number, y: number] {
  return [xOrigin + xColumn * column + xRow * row, yOrigin + yColumn * column + yRow * row]
}

/** "map info" of an ENVI header, split. */
export function mapInfoParts(text: string | undefined): string[] {
  return unbraced(text ?? '').split(',').map((part) => part.trim())
}

/**
 * ENVI's map info: projection, column and row of a place (counted from 1 at the corner of the first pixel), its
 * coordinates, the size of a pixel; a rotation in degrees turns the image counter-clockwise about that place. null for
 * "Arbitrary", which is no map.
 */
export function fromMapInfo(text: string | undefined): MapTransform | null {
  const parts = mapInfoParts(text)
  const [column, row, x, y, sizeX, sizeY] = parts.slice(1, 7).map(Number)
  if (parts.length < 7 || ![column, row, x, y, sizeX, sizeY].every(Number.isFinite) || sizeX <= 0 || sizeY <= 0) return null
  if (/^arbitrary$/i.test(parts[0])) return null
  const degrees = Number(parts.find((part) => /^rotation\s*=/i.test(part))?.split('=')[1] ?? 0)
  if (!Number.isFinite(degrees)) return null
  const [cosine, sine] = degrees === 0 ? [1, 0] : [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return placedAt({ xColumn: cosine * sizeX, xRow: sine * sizeX, yColumn: sine * sizeY, yRow: -cosine * sizeY }, column - 1, row - 1, x, y)
}

// Keys of the GeoTIFF specification (OGC 19-008, annex B).
const RASTER_TYPE = 1025
const PIXEL_IS_POINT = 2

function fromTags(fields: ReadonlyMap<string, string>): MapTransform | null {
  const list = (key: string): number[] => numberList(unbraced(fields.get(key) ?? '')) ?? []
  const keys = list('geotiff key directory')
  const isPoint = keys.some((value, at) => at >= 4 && at % 4 === 0 && value === RASTER_TYPE && keys[at + 3] === PIXEL_IS_POINT)
  // Where pixels are points, the tags speak of their middles.
  const shift = isPoint ? 0.5 : 0
  const matrix = list('geotiff model transformation')
  if (matrix.length === 16) return placedAt({ xColumn: matrix[0], xRow: matrix[1], yColumn: matrix[4], yRow: matrix[5] }, shift, shift, matrix[3], matrix[7])
  const scale = list('geotiff model pixel scale')
  const tie = list('geotiff model tiepoint')
  if (scale.length < 2 || tie.length !== 6) return null
  return placedAt({ xColumn: scale[0], xRow: 0, yColumn: 0, yRow: -scale[1] }, tie[0] + shift, tie[1] + shift, tie[3], tie[4])
}

function placedAt(steps: Pick<MapTransform, 'xColumn' | 'xRow' | 'yColumn' | 'yRow'>, column: number, row: number, x: number, y: number): MapTransform {
  return { ...steps, xOrigin: x - steps.xColumn * column - steps.xRow * row, yOrigin: y - steps.yColumn * column - steps.yRow * row }
}

function unbraced(text: string): string {
  return text.trim().replace(/^\{|\}$/g, '')
}
