import type { RasterFormat } from '../../shared/reports'
import type { Cube, EnviHeaderFields, RasterType, RasterWriter } from '../cube'
import { openEnvi, openGeoTiff, openNpy } from '../cube'

/** Classes of a decisions image: position in the list is the class id. */
export const DECISION_CLASSES: readonly { name: string; colour: readonly [number, number, number] }[] = [
  { name: 'Normal', colour: [0, 0, 0] },
  { name: 'Anomalous', colour: [255, 64, 64] },
]

/** Numbers of every pixel of a cube. */
export interface SceneRaster {
  bands: number
  dataType: RasterType
  header: Omit<EnviHeaderFields, 'others'>
}

/** Begins an image of a cube's size in one format, with the map information and the unknown keys of the cube. `path`: without ending. */
export async function openRaster(path: string, format: Exclude<RasterFormat, 'png'>, cube: Cube, { bands, dataType, header }: SceneRaster): Promise<RasterWriter> {
  const [lines, samples] = cube.description.shape
  if (format === 'npy') return await openNpy(`${path}.npy`, { shape: bands === 1 ? [lines, samples] : [lines, samples, bands], dataType })
  const raster = { lines, samples, bands, dataType, header: { ...header, others: cube.headerFields } }
  return format === 'tiff' ? await openGeoTiff(`${path}.tif`, raster) : await openEnvi(`${path}.img`, raster)
}
