import { rm, rmdir } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { RunRequest } from '../../shared/reports'
import type { Cube } from '../cube'
import { writeEnvi } from '../cube/writers/envi'
import { writeGeoTiff } from '../cube/writers/geotiff'
import { writeNpy } from '../cube/writers/npy'
import { cannotWrite, openAtomic } from '../files/atomic'
import { makeFolders } from '../files/folders'

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
 * Writes scores (float32) and decisions (uint8, 1 = anomalous) of one cube as <name>_scores and <name>_decisions.
 * Both or none: when one cannot be written the other is removed. Returns file names relative to `folder`.
 */
export async function writeScene(folder: string, name: string, cube: Cube, format: RunRequest['format'], scores: Float32Array, decisions: Uint8Array | null): Promise<string[]> {
  const [lines, samples] = cube.description.shape
  const path = (kind: string) => join(folder, `${name}_${kind}`)
  const size = { lines, samples, bands: 1 }
  const others = cube.headerFields
  const written: string[] = []
  try {
    if (format === 'npy') {
      written.push(...await writeNpy(`${path('scores')}.npy`, { shape: [lines, samples], dataType: 'float32', values: scores }))
      if (decisions) written.push(...await writeNpy(`${path('decisions')}.npy`, { shape: [lines, samples], dataType: 'uint8', values: decisions }))
    } else if (format === 'tiff') {
      written.push(...await writeGeoTiff(`${path('scores')}.tif`, {
        ...size, dataType: 'float32', values: scores, header: { description: `Anomaly scores of ${basename(cube.description.path)}`, bandNames: ['score'], others },
      }))
      if (decisions) {
        written.push(...await writeGeoTiff(`${path('decisions')}.tif`, {
          ...size, dataType: 'uint8', values: decisions,
          header: { description: `Decisions on ${basename(cube.description.path)}`, bandNames: ['decision'], classes: DECISION_CLASSES, others },
        }))
      }
    } else {
      written.push(...await writeEnvi(`${path('scores')}.img`, {
        ...size, dataType: 'float32', values: scores, header: { description: `Anomaly scores of ${basename(cube.description.path)}`, bandNames: ['score'], others },
      }))
      if (decisions) {
        written.push(...await writeEnvi(`${path('decisions')}.img`, {
          ...size, dataType: 'uint8', values: decisions,
          header: { description: `Decisions on ${basename(cube.description.path)}`, bandNames: ['decision'], classes: DECISION_CLASSES, others },
        }))
      }
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error
  }
  return written.map((file) => basename(file))
}
