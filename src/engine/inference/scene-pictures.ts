import { basename } from 'node:path'
import { firstComposite } from '../../shared/band-choice'
import type { Cube } from '../cube'
import { bandStatistics } from '../cube'
import { writeFileAtomic } from '../files/atomic'
import type { Canvas, Colour, Plane } from '../pictures'
import { colouredPlane, composite, drawOutlines, largestOfBlocks, pngOfCanvas, pngOfClasses, shortNumber, withKey, withScale } from '../pictures'
import { quantileOf } from './quantile'
import { DECISION_CLASSES } from './raster-files'
import type { Scene } from './scene'
import { scenePixels } from './scene'
import { decide } from './threshold'
import { answerOver } from './walks'

/** Larger scenes become pictures of every second, third, ... line and sample: nobody looks at more, and memory stays bounded. */
export const LARGEST_PICTURE = 2 ** 24
export const SCORE_MAP = 'ember'
/** The line around flagged pixels; bright on every picture. */
export const OUTLINE: Colour = [255, 47, 179]

/** Which lines and samples of a scene a picture shows: every stride-th. */
export function pictureStride([lines, samples]: readonly [number, number, number], largest = LARGEST_PICTURE): number {
  let stride = 1
  while (Math.ceil(lines / stride) * Math.ceil(samples / stride) > largest) stride += 1
  return stride
}

/** What the files of a scene show. */
export type ScoredScene = Pick<Scene, 'judged' | 'threshold' | 'decided' | 'flagged'>

/**
 * Values at the ends of the colour map: from the median, below which is background, to where few lie above, so that a few
 * outliers do not leave everything else dark. `walk` begins a new walk over the scores.
 */
export async function scoreLimits(walk: () => AsyncIterable<Float32Array>): Promise<[low: number, high: number]> {
  const quantile = (share: number): Promise<number> => answerOver(quantileOf(share), walk)
  const [low, high] = [await quantile(0.5), await quantile(0.995)]
  if (high > low) return [low, high]
  const [least, most] = [await quantile(0), await quantile(1)]
  return most > least ? [least, most] : [least - 0.5, least + 0.5]
}

/** The scores of a scene, block by block. */
export async function* scoresOf(scene: Pick<Scene, 'judged' | 'threshold'>): AsyncGenerator<Float32Array> {
  for await (const { scores } of scenePixels(scene, 1)) yield scores
}

/** The scores as a picture shows them: of larger scenes the highest of each block. */
export async function scorePlane(scene: Pick<Scene, 'judged' | 'threshold'>, [lines, samples]: readonly [number, number, number], stride: number): Promise<Plane> {
  const plane = largestOfBlocks(lines, samples, stride)
  for await (const { first, scores } of scenePixels(scene, samples)) plane.add(first, scores)
  return plane
}

/** The cube as it is first shown, in three of its bands stretched from the 2nd to the 98th percentile; grey where it has fewer. */
export async function scenePicture(cube: Cube, stride: number, signal?: AbortSignal): Promise<Canvas> {
  const [lines, samples, bands] = cube.description.shape
  const chosen = bands >= 3 ? firstComposite(cube.description) : [0, 0, 0] as const
  const planes: Plane[] = []
  const limits: [number, number][] = []
  for (const band of chosen) {
    const values = await cube.readBand(band, { line: 0, sample: 0, lines, samples }, stride, signal)
    const { percentiles } = await bandStatistics(cube, band, { stride, signal })
    planes.push({ width: Math.ceil(samples / stride), height: Math.ceil(lines / stride), values })
    limits.push(percentiles[98] > percentiles[2] ? [percentiles[2], percentiles[98]] : [percentiles[0] - 0.5, percentiles[100] + 0.5])
  }
  return composite(planes, limits)
}

/** Draws the outline of what is flagged over a picture of the same size, and returns it. */
export function outlined(picture: Canvas, scores: Plane, threshold: number): Canvas {
  drawOutlines(picture, (pixel) => scores.values[pixel] >= threshold, OUTLINE)
  return picture
}

/**
 * The pictures of a scored scene: <path>_scores.png with a colour bar, and where there are decisions <path>_decisions.png, a
 * palette image that is a mask, and <path>_overlay.png, the scene with the outline of what is flagged. Answers with each
 * file once it is there.
 */
export async function* writePictures(path: string, cube: Cube, scene: ScoredScene, signal?: AbortSignal): AsyncGenerator<string> {
  const { path: source, shape } = cube.description
  const stride = pictureStride(shape)
  const reduced = stride === 1 ? '' : `, 1 of ${stride} lines and samples`
  const about = { Software: 'Cuvette', Source: basename(source) }
  const plane = await scorePlane(scene, shape, stride)
  const [low, high] = await scoreLimits(() => scoresOf(scene))
  const mark = scene.decided ? { value: scene.threshold, label: 'threshold' } : null
  const canvas = withScale(colouredPlane(plane, low, high, SCORE_MAP), { title: `Anomaly score${reduced}`, low, high, mark, colourMap: SCORE_MAP })
  await writeFileAtomic(`${path}_scores.png`, await pngOfCanvas(canvas, { ...about, Title: 'Anomaly scores' }))
  yield `${path}_scores.png`
  if (!scene.decided) return
  const decisions = decide(plane.values, scene.threshold)
  const comment = DECISION_CLASSES.map(({ name }, id) => `${id} ${name}`).join(', ')
  await writeFileAtomic(`${path}_decisions.png`, await pngOfClasses(plane.width, plane.height, decisions, DECISION_CLASSES.map(({ colour }) => colour), { ...about, Title: 'Decisions', Comment: comment }))
  yield `${path}_decisions.png`
  const overlay = await scenePicture(cube, stride, signal)
  outlined(overlay, plane, scene.threshold)
  const words = Number.isFinite(scene.threshold) ? `anomalous: ${scene.flagged} pixels, score ≥ ${shortNumber(scene.threshold)}` : 'anomalous: no pixels'
  await writeFileAtomic(`${path}_overlay.png`, await pngOfCanvas(withKey(overlay, [{ colour: OUTLINE, words: `${words}${reduced}` }]), { ...about, Title: 'Detected pixels' }))
  yield `${path}_overlay.png`
}
