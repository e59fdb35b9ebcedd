import { numberList } from '../formats/envi-header'
import { GEO_TAGS } from '../formats/tiff-georeference'
import { TAGS } from '../formats/tiff-directory'
import type { TiffTag } from './tiff-tags'

/** Tags for where an image lies: those of the TIFF it came from, otherwise what its "map info" says. */
export function geoTags(fields: ReadonlyMap<string, string> | undefined): TiffTag[] {
  const kept = GEO_TAGS.flatMap(({ tag, key, kind }): TiffTag[] => {
    const text = fields?.get(key)
    if (!text) return []
    if (kind === 'text') return [{ tag, type: 'text', text }]
    const values = numberList(unbraced(text))
    return values ? [{ tag, type: kind === 'shorts' ? 'short' : 'double', values }] : []
  })
  return kept.length > 0 ? kept : fromMapInfo(fields?.get('map info') ?? '')
}

/**
 * ENVI's map info: projection, column and row of a pixel (counted from 1 at the corner of the first), its coordinates,
 * the size of a pixel, and for UTM zone and hemisphere. Rotated images and projections that have no code keep the text alone.
 */
function fromMapInfo(text: string): TiffTag[] {
  const parts = unbraced(text).split(',').map((part) => part.trim())
  const [column, row, x, y, sizeX, sizeY] = parts.slice(1, 7).map(Number)
  if (parts.length < 7 || ![column, row, x, y, sizeX, sizeY].every(Number.isFinite) || sizeX <= 0 || sizeY <= 0) return []
  const rotation = parts.find((part) => /^rotation\s*=/i.test(part))
  if (rotation && Number(rotation.split('=')[1]) !== 0) return []
  const place: TiffTag[] = [
    { tag: TAGS.modelPixelScale, type: 'double', values: [sizeX, sizeY, 0] },
    { tag: TAGS.modelTiepoint, type: 'double', values: [column - 1, row - 1, 0, x, y, 0] },
  ]
  const keys = keysOf(parts)
  return keys ? [...place, { tag: TAGS.geoKeyDirectory, type: 'short', values: [1, 1, 0, keys.length, ...keys.flatMap(([key, value]) => [key, 0, 1, value])] }] : place
}

/** Keys and values (GeoTIFF specification, OGC 19-008): model type, pixels are areas, and the EPSG code. */
function keysOf(parts: readonly string[]): [number, number][] | null {
  const datum = parts.slice(7).find((part) => /WGS-?84/i.test(part))
  if (!datum) return null
  if (/^UTM$/i.test(parts[0])) {
    const zone = Number(parts[7])
    const south = /^south$/i.test(parts[8] ?? '')
    if (!Number.isInteger(zone) || zone < 1 || zone > 60) return null
    return [[1024, 1], [1025, 1], [3072, (south ? 32700 : 32600) + zone]]
  }
  return /^geographic lat\/lon$/i.test(parts[0]) ? [[1024, 2], [1025, 1], [2048, 4326]] : null
}

function unbraced(text: string): string {
  return text.trim().replace(/^\{|\}$/g, '')
}
