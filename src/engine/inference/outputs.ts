import { rm, rmdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { RunRequest } from '../../shared/reports'
import type { Cube } from '../cube'
import type { EnviHeaderFields } from '../cube/writers/envi'
import { openEnvi } from '../cube/writers/envi'
import { openGeoTiff } from '../cube/writers/geotiff'
import { openNpy } from '../cube/writers/npy'
import type { RasterType } from '../cube/writers/raster-writer'
import { cannotWrite, openAtomic } from '../files/atomic'
import { makeFolders } from '../files/folders'
import type { Scene, ScenePixels } from './scene'
import { scenePixels } from './scene'

/** Classes of a decisions image: position in the list is the class id. */
export const DECISION_CLASSES: readonly { name: string; colour: readonly [number, number, number] }[] = [
  { name: 'Normal', colour: [0, 0, 0] },
  { name: 'Anomalous', colour: [255, 64, 64] },
]

/**
 * Creates a folder and makes sure that files can be written there. Returns what takes back the folders that had to be
 * created, as far as they are empty. Throws CuvetteError('cannot-write'); then nothing was created.
 */
export async function createFolder(folder: string): Promise<() => Promise<void>> {
  const created = await makeFolders(folder).catch((error: unknown) => {
    throw cannotWrite(folder, error)
  })
  const undo = async (): Promise<void> => {
    for (let place = folder; created !== undefined; place = dirname(place)) {
      const removed = await rmdir(place).then(() => true, () => false)
      if (!removed || place === created) break
    }
  }
  const trial = await openAtomic(join(folder, 'trial')).catch(async (error: unknown) => {
    await undo()
    throw error instanceof CuvetteError ? new CuvetteError(error.code, error.message.replace(join(folder, 'trial'), folder), { path: folder, cause: error }) : error
  })
  await trial.abort()
  return undo
}

/** One name per cube for its output files: the file's name without its ending, made unique by a number. */
export function outputNames(cubes: readonly Cube[]): string[] {
  const taken = new Set<string>()
  return cubes.map(({ description: { path } }) => {
    const name = basename(path)
    const stem = name.slice(0, name.length - extname(name).length) || name
    let unique = stem
    for (let number = 2; taken.has(unique.toLowerCase()); number += 1) unique = `${stem}-${number}`
    taken.add(unique.toLowerCase())
    return unique
  })
}

/**
 * Writes scores (float32) and decisions (uint8, 1 = anomalous; only where the scene has any) of one cube as <name>_scores
 * and <name>_decisions, block by block. Both or none: when one cannot be written the other is removed. Returns file names
 * relative to `folder`.
 */
export async function writeScene(folder: string, name: string, cube: Cube, format: RunRequest['format'], scene: Pick<Scene, 'judged' | 'threshold' | 'decided'>): Promise<string[]> {
  const [lines, samples] = cube.description.shape
  const source = basename(cube.description.path)
  const rasters: Raster[] = [{ kind: 'scores', dataType: 'float32', header: { description: `Anomaly scores of ${source}`, bandNames: ['score'] }, of: ({ scores }) => scores }]
  if (scene.decided) {
    rasters.push({ kind: 'decisions', dataType: 'uint8', header: { description: `Decisions on ${source}`, bandNames: ['decision'], classes: DECISION_CLASSES }, of: ({ decisions }) => decisions })
  }
  const written: string[] = []
  try {
    for (const { kind, dataType, header, of } of rasters) {
      const path = join(folder, `${name}_${kind}`)
      const raster = { lines, samples, bands: 1, dataType, header: { ...header, others: cube.headerFields } }
      const writer = await (
        format === 'npy' ? openNpy(`${path}.npy`, { shape: [lines, samples], dataType })
        : format === 'tiff' ? openGeoTiff(`${path}.tif`, raster)
        : openEnvi(`${path}.img`, raster))
      try {
        for await (const block of scenePixels(scene, samples)) await writer.writeLines(of(block))
        written.push(...await writer.commit())
      } finally {
        await writer.abort()
      }
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error
  }
  return written.map((file) => basename(file))
}

interface Raster {
  kind: 'scores' | 'decisions'
  dataType: RasterType
  header: EnviHeaderFields
  of(block: ScenePixels): Float32Array | Uint8Array
}
