import type { TiffDirectory } from './tiff-directory'
import { TAGS } from './tiff-directory'

/** Tags that say where an image lies on the earth, and the names under which they are kept as text for writing back. */
export const GEO_TAGS: readonly { tag: number; key: string; kind: 'doubles' | 'shorts' | 'text' }[] = [
  { tag: TAGS.modelPixelScale, key: 'geotiff model pixel scale', kind: 'doubles' },
  { tag: TAGS.modelTiepoint, key: 'geotiff model tiepoint', kind: 'doubles' },
  { tag: TAGS.modelTransformation, key: 'geotiff model transformation', kind: 'doubles' },
  { tag: TAGS.geoKeyDirectory, key: 'geotiff key directory', kind: 'shorts' },
  { tag: TAGS.geoDoubleParams, key: 'geotiff double params', kind: 'doubles' },
  { tag: TAGS.geoAsciiParams, key: 'geotiff ascii params', kind: 'text' },
]

/** More numbers are grids of ground control points, which no text header should carry. */
const LARGEST_LIST = 4096

/** The georeference as header keys: the tags as they are, and "map info" as ENVI writes it where it can be said so. */
export async function georeferenceFields(directory: TiffDirectory): Promise<Map<string, string>> {
  const fields = new Map<string, string>()
  const lists = new Map<number, readonly number[]>()
  for (const { tag, key, kind } of GEO_TAGS) {
    if (!directory.has(tag) || directory.count(tag) > LARGEST_LIST) continue
    if (kind === 'text') {
      const text = await directory.text(tag)
      if (text) fields.set(key, text.replace(/[\r\n{}]+/g, ' '))
      continue
    }
    const numbers = [...await directory.numbers(tag) ?? []]
    lists.set(tag, numbers)
    fields.set(key, `{${numbers.join(', ')}}`)
  }
  const mapInfo = mapInfoOf(lists)
  if (mapInfo) fields.set('map info', mapInfo)
  return fields
}

// Keys of the GeoTIFF specification (OGC 19-008, annex B).
const RASTER_TYPE = 1025
const GEOGRAPHIC_TYPE = 2048
const PROJECTED_TYPE = 3072
const PIXEL_IS_POINT = 2

function mapInfoOf(lists: ReadonlyMap<number, readonly number[]>): string | null {
  const place = placeOf(lists)
  if (!place) return null
  const keys = lists.get(TAGS.geoKeyDirectory) ?? []
  const key = (wanted: number): number | null => {
    for (let at = 4; at + 3 < keys.length; at += 4) if (keys[at] === wanted && keys[at + 1] === 0) return keys[at + 3]
    return null
  }
  // ENVI counts pixels from 1 at the corner of the first; a point is the middle of a pixel.
  const first = key(RASTER_TYPE) === PIXEL_IS_POINT ? 1.5 : 1
  const { column, row, x, y, scaleX, scaleY } = place
  const numbers = [column + first, row + first, x, y, scaleX, scaleY].join(', ')
  const projected = key(PROJECTED_TYPE)
  if (projected !== null && projected > 32600 && projected <= 32660) return `{UTM, ${numbers}, ${projected - 32600}, North, WGS-84, units=Meters}`
  if (projected !== null && projected > 32700 && projected <= 32760) return `{UTM, ${numbers}, ${projected - 32700}, South, WGS-84, units=Meters}`
  if (projected === null && key(GEOGRAPHIC_TYPE) === 4326) return `{Geographic Lat/Lon, ${numbers}, WGS-84, units=Degrees}`
  return null
}

/** One tie point with a pixel size, or a transformation without rotation and with north above. */
function placeOf(lists: ReadonlyMap<number, readonly number[]>): { column: number; row: number; x: number; y: number; scaleX: number; scaleY: number } | null {
  const scale = lists.get(TAGS.modelPixelScale)
  const tie = lists.get(TAGS.modelTiepoint)
  if (scale && tie && scale.length >= 2 && tie.length === 6) return { column: tie[0], row: tie[1], x: tie[3], y: tie[4], scaleX: scale[0], scaleY: scale[1] }
  const matrix = lists.get(TAGS.modelTransformation)
  if (matrix?.length === 16 && matrix[1] === 0 && matrix[4] === 0 && matrix[0] > 0 && matrix[5] < 0) {
    return { column: 0, row: 0, x: matrix[3], y: matrix[7], scaleX: matrix[0], scaleY: -matrix[5] }
  }
  return null
}
