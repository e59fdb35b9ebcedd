import { numberList } from '../formats/envi-header'
import { GEO_TAGS } from '../formats/tiff-georeference'
import { TAGS } from '../formats/tiff-directory'
import { fromMapInfo, mapInfoParts } from '../georeference'
import type { TiffTag } from './tiff-tags'

/** Tags for where an image lies: those of the TIFF it came from, otherwise what its "map info" and "coordinate system string" say. */
export function geoTags(fields: ReadonlyMap<string, string> | undefined): TiffTag[] {
  const kept = GEO_TAGS.flatMap(({ tag, key, kind }): TiffTag[] => {
    const text = fields?.get(key)
    if (!text) return []
    if (kind === 'text') return [{ tag, type: 'text', text }]
    const values = numberList(unbraced(text))
    return values ? [{ tag, type: kind === 'shorts' ? 'short' : 'double', values }] : []
  })
  return kept.length > 0 ? kept : fromEnvi(fields?.get('map info'), fields?.get('coordinate system string'))
}

/** Pixel size and tie point, or a matrix where the image is turned; then what the coordinates mean, where that can be said. */
function fromEnvi(mapInfo: string | undefined, system: string | undefined): TiffTag[] {
  const transform = fromMapInfo(mapInfo)
  if (!transform) return []
  const parts = mapInfoParts(mapInfo)
  const { xOrigin, xColumn, xRow, yOrigin, yColumn, yRow } = transform
  const place: TiffTag[] = xRow === 0 && yColumn === 0
    ? [
        { tag: TAGS.modelPixelScale, type: 'double', values: [xColumn, -yRow, 0] },
        { tag: TAGS.modelTiepoint, type: 'double', values: [Number(parts[1]) - 1, Number(parts[2]) - 1, 0, Number(parts[3]), Number(parts[4]), 0] },
      ]
    : [{ tag: TAGS.modelTransformation, type: 'double', values: [xColumn, xRow, 0, xOrigin, yColumn, yRow, 0, yOrigin, 0, 0, 0, 0, 0, 0, 0, 1] }]
  return [...place, ...systemTags(parts, unbraced(system ?? ''))]
}

// Keys (GeoTIFF specification, OGC 19-008): model type, pixels are areas, then the system.
const MODEL_TYPE = 1024
const RASTER_TYPE = 1025
const GEOGRAPHIC_TYPE = 2048
const PROJECTED_TYPE = 3072
const PROJECTED_CITATION = 3073
const USER_DEFINED = 32767
/** How ESRI's software and GDAL say a projection that has no code: its text, in the citation. */
const TEXT_OF_SYSTEM = 'ESRI PE String = '

/** By EPSG code: of the map info, else as the coordinate system string ends; else a projected system by its text. */
function systemTags(parts: readonly string[], system: string): TiffTag[] {
  const known = codeOf(parts) ?? statedCode(system)
  if (known) return [directory([[MODEL_TYPE, 0, 1, known.projected ? 1 : 2], [RASTER_TYPE, 0, 1, 1], [known.projected ? PROJECTED_TYPE : GEOGRAPHIC_TYPE, 0, 1, known.code]])]
  if (!/^PROJCS\s*\[/i.test(system)) return []
  const citation = `${TEXT_OF_SYSTEM}${system}|`
  const length = new TextEncoder().encode(citation).length
  return [
    directory([[MODEL_TYPE, 0, 1, USER_DEFINED], [RASTER_TYPE, 0, 1, 1], [PROJECTED_TYPE, 0, 1, USER_DEFINED], [PROJECTED_CITATION, TAGS.geoAsciiParams, length, 0]]),
    { tag: TAGS.geoAsciiParams, type: 'text', text: citation },
  ]
}

function directory(keys: readonly [key: number, place: number, count: number, value: number][]): TiffTag {
  return { tag: TAGS.geoKeyDirectory, type: 'short', values: [1, 1, 0, keys.length, ...keys.flat()] }
}

interface SystemCode {
  projected: boolean
  code: number
}

function codeOf(parts: readonly string[]): SystemCode | null {
  if (!parts.slice(7).some((part) => /WGS-?84/i.test(part))) return null
  if (/^UTM$/i.test(parts[0])) {
    const zone = Number(parts[7])
    const south = /^south$/i.test(parts[8] ?? '')
    return Number.isInteger(zone) && zone >= 1 && zone <= 60 ? { projected: true, code: (south ? 32700 : 32600) + zone } : null
  }
  return /^geographic lat\/lon$/i.test(parts[0]) ? { projected: false, code: 4326 } : null
}

/** PROJCS[..., AUTHORITY["EPSG","3035"]] */
function statedCode(system: string): SystemCode | null {
  const kind = /^(PROJCS|GEOGCS)\s*\[/i.exec(system)
  const code = Number(/AUTHORITY\s*\[\s*"EPSG"\s*,\s*"?(\d+)"?\s*\]\s*\]\s*$/i.exec(system)?.[1] ?? NaN)
  return kind && code >= 1024 && code < USER_DEFINED ? { projected: kind[1].toUpperCase() === 'PROJCS', code } : null
}

function unbraced(text: string): string {
  return text.trim().replace(/^\{|\}$/g, '').trim()
}
