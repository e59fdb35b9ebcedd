import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { RasterFormat, RegionFormat, RunRequest } from '../../shared/reports'
import type { Cube } from '../cube'
import type { RasterValues, RasterWriter } from '../cube'
import { mapTransformOf, onMap } from '../cube'
import { openAtomic, writeFileAtomic } from '../files/atomic'
import type { Canvas, Plane } from '../pictures'
import { colouredPlane, composite, pngOfCanvas, withScale } from '../pictures'
import type { RegionOptions, Regions } from '../regions'
import { cocoText, csvText, startRegions } from '../regions'
import type { PortImage } from './image-ports'
import { quantile } from './quantile'
import { DECISION_CLASSES, openRaster } from './raster-files'
import { scenePixels, valuesOf } from './scene'
import type { ScoredScene } from './scene-pictures'
import { pictureStride, scoreLimits, writePictures } from './scene-pictures'
import type { Scores } from './scores'

/** What is written of a scored cube. */
export interface SceneOutputs {
  formats: readonly RasterFormat[]
  regions: readonly RegionFormat[]
  connectivity: 4 | 8
  leastArea: number
}

export function sceneOutputs({ format, regions = [], connectivity = 8, leastArea = 1 }: Pick<RunRequest, 'format' | 'regions' | 'connectivity' | 'leastArea'>): SceneOutputs {
  const formats = typeof format === 'string' ? [format] : [...new Set(format)]
  return { formats, regions: [...new Set(regions)], connectivity, leastArea }
}

/**
 * Writes what was asked for of one cube, each name beginning with `name`. All of it or nothing: when one file cannot be
 * written those before it are removed. `imageOf` computes one image after the other, so that only one is in memory.
 * Returns file names relative to `folder`.
 */
export async function writeScene(folder: string, name: string, cube: Cube, scene: ScoredScene, outputs: SceneOutputs, images: readonly (() => Promise<PortImage>)[], signal?: AbortSignal): Promise<string[]> {
  const stem = join(folder, name)
  const written: string[] = []
  const keep = async (files: AsyncIterable<string>): Promise<void> => {
    for await (const file of files) written.push(file)
  }
  try {
    for (const format of outputs.formats) {
      if (format === 'png') await keep(writePictures(stem, cube, scene, signal))
      else await keep(writeResults(stem, format, cube, scene))
    }
    if (scene.decided && outputs.regions.length > 0) {
      const found = await regionsOf(cube, scene, outputs)
      for (const kind of outputs.regions) await keep(writeRegions(`${stem}_regions.${kind === 'coco' ? 'json' : 'csv'}`, kind, cube, found))
    }
    for (const imageOf of images) {
      const image = await imageOf()
      try {
        for (const format of outputs.formats) await keep(writeImage(`${stem}_${image.port}`, format, cube, image))
      } finally {
        await image.values.close()
      }
    }
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error
  }
  return written.map((file) => basename(file))
}

// Each answers with its files one by one, as they come to be: whoever removes them must know those before an error.

async function* writeResults(stem: string, format: Exclude<RasterFormat, 'png'>, cube: Cube, scene: ScoredScene): AsyncGenerator<string> {
  const { path, shape: [, samples] } = cube.description
  const source = basename(path)
  const scores = await openRaster(`${stem}_scores`, format, cube, { bands: 1, dataType: 'float32', header: { description: `Anomaly scores of ${source}`, bandNames: ['score'] } })
  yield* await filled(scores, scenePixels(scene, samples), (block) => block.scores)
  if (!scene.decided) return
  const decisions = await openRaster(`${stem}_decisions`, format, cube, {
    bands: 1, dataType: 'uint8', header: { description: `Decisions on ${source}`, bandNames: ['decision'], classes: DECISION_CLASSES },
  })
  yield* await filled(decisions, scenePixels(scene, samples), (block) => block.decisions)
}

/** Writes all blocks of whole lines and commits; after an error nothing is left. */
async function filled<Block>(writer: RasterWriter, blocks: AsyncIterable<Block>, valuesOf: (block: Block) => RasterValues): Promise<string[]> {
  try {
    for await (const block of blocks) await writer.writeLines(valuesOf(block))
    return await writer.commit()
  } finally {
    await writer.abort()
  }
}

/** The regions of what is flagged: 5 bytes a pixel in memory, the scores come block by block. */
async function regionsOf(cube: Cube, scene: ScoredScene, options: RegionOptions): Promise<Regions> {
  const [lines, samples] = cube.description.shape
  const decisions = new Uint8Array(lines * samples)
  for await (const block of scenePixels(scene, samples)) decisions.set(block.decisions, block.first)
  const meter = startRegions(decisions, lines, samples, options)
  for await (const { first, scores } of scenePixels(scene, samples)) meter.add(first, scores)
  return meter.finish()
}

async function* writeRegions(path: string, kind: RegionFormat, cube: Cube, found: Regions): AsyncGenerator<string> {
  const transform = mapTransformOf(cube.headerFields)
  const source = basename(cube.description.path)
  const pieces = kind === 'csv'
    ? csvText(found, transform && ((column, row) => onMap(transform, column, row)))
    : cocoText(found, { fileName: source, description: `Regions that Cuvette detected in ${source}`, category: DECISION_CLASSES[1].name })
  const file = await openAtomic(path)
  try {
    let text = ''
    for (const piece of pieces) {
      text += piece
      if (text.length < TEXT_AT_ONCE) continue
      await file.write(text)
      text = ''
    }
    await file.write(text)
    await file.commit()
  } finally {
    await file.abort()
  }
  yield path
}

/** Characters that are written at once. */
const TEXT_AT_ONCE = 2 ** 20

async function* writeImage(stem: string, format: RasterFormat, cube: Cube, image: PortImage): AsyncGenerator<string> {
  const { path, shape } = cube.description
  const { port, values: { channels } } = image
  const description = `${port} of ${basename(path)}`
  if (format === 'png') {
    await writeFileAtomic(`${stem}.png`, await pngOfCanvas(await pictureOf(image, shape), { Software: 'Cuvette', Title: description }))
    yield `${stem}.png`
    return
  }
  const bandNames = channels === 3 ? ['red', 'green', 'blue'] : Array.from({ length: channels }, (_, band) => `${port} ${band + 1}`)
  const writer = await openRaster(stem, format, cube, { bands: channels, dataType: 'float32', header: { description, bandNames } })
  yield* await filled(writer, image.values.blocks(shape[1]), ({ values }) => values)
}

/**
 * One channel goes through the colour map, with a bar; of several, the first three (the last again where there are two) are
 * red, green and blue, 0 to 1 as they are, otherwise each stretched from its 2nd to its 98th percentile.
 */
async function pictureOf({ port, values }: PortImage, [lines, samples, bands]: readonly [number, number, number]): Promise<Canvas> {
  const { channels } = values
  const planes = await everyNth(values, Math.min(channels, 3), lines, samples, pictureStride([lines, samples, bands]))
  if (channels === 1) {
    const [low, high] = await scoreLimits(() => valuesOf(values))
    return withScale(colouredPlane(planes[0], low, high, 'grey'), { title: port, low, high, mark: null, colourMap: 'grey' })
  }
  const colours = [planes[0], planes[1], planes[2] ?? planes[1]]
  const isColour = planes.every((plane) => plane.values.every((value) => !Number.isFinite(value) || (value >= 0 && value <= 1)))
  return composite(colours, colours.map((plane): [number, number] => {
    if (isColour) return [0, 1]
    const [low, high] = [quantile(plane.values, 0.02), quantile(plane.values, 0.98)]
    return high > low ? [low, high] : [low - 0.5, low + 0.5]
  }))
}

/** Every stride-th line and sample of the first channels of an image. */
async function everyNth(image: Scores, channels: number, lines: number, samples: number, stride: number): Promise<Plane[]> {
  const [width, height] = [Math.ceil(samples / stride), Math.ceil(lines / stride)]
  const planes = Array.from({ length: channels }, (): Plane => ({ width, height, values: new Float32Array(width * height) }))
  for await (const { first, count, values } of image.blocks(samples)) {
    const [from, to] = [first / samples, (first + count) / samples]
    for (let row = Math.ceil(from / stride); row * stride < to; row += 1) {
      for (let column = 0; column < width; column += 1) {
        const at = ((row * stride - from) * samples + column * stride) * image.channels
        for (const [channel, plane] of planes.entries()) plane.values[row * width + column] = values[at + channel]
      }
    }
  }
  return planes
}
