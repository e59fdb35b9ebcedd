import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { FitRequest } from '../../src/shared/reports'
import { ANOMALIES, scenePixels, writeScene } from './scene'

const FOLDER = resolve(import.meta.dirname, '../../resources/pipelines')

export interface Template {
  name: string
  pipeline: FitRequest['pipeline']
  /** Whether it has a gradient phase. */
  trains: boolean
}

/** The pipelines that come with the application. */
export const templates: readonly Template[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => {
    const text = readFileSync(join(FOLDER, name), 'utf8')
    return { name, pipeline: { text, path: join(FOLDER, name) }, trains: text.includes('\ntrainer:') }
  })

/** Large enough for the tiles and components of every template. */
const SHAPE: [number, number, number] = [66, 68, 20]

/** A scene that every template can be fitted on: with wavelengths, and a mask with a class 1. */
export async function writeTemplateScene(folder: string): Promise<string> {
  const mask = Uint8Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, pixel) => (ANOMALIES.includes(pixel) ? 1 : 0))
  return await writeScene(folder, 'scene', scenePixels(1, SHAPE), SHAPE, mask)
}
