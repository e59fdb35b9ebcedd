import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CuvetteError } from '../../shared/problem'
import type { Cube, Reference } from '../cube'
import { formatReference, openCube } from '../cube'
import { CHUNK_PIXELS } from '../inference/scan'
import { partialModel } from '../inference/partial-model'
import { scoresAreLocal } from '../inference/scene'
import { decide, deciderOf, pixelScores, thresholdByRule } from '../inference/threshold'
import type { FittedPipeline } from '../inference/trained-pipeline'
import type { PixelTest } from '../inference/usable-pixels'
import { usablePixels } from '../inference/usable-pixels'
import { randomSource } from '../nodes/random'
import { encodeModel } from '../onnx/model'
import { openSession } from '../onnx/session'
import type { Tensor } from '../onnx/tensor'
import { float32 } from '../onnx/tensor'
import { compileInference, toleranceOf } from '../pipeline/compile'

/** Lines and samples of a piece of an image: as many pixels as a chunk has. */
const PIECE = Math.sqrt(CHUNK_PIXELS)

/** What an exported file computed, against what the app computes from the pipeline and its state. */
export interface Verification {
  /** Largest |exported - app| / max(1, |app|) over the numbers that the tile gives. */
  maxDifference: number
  /** What it may be. */
  tolerance: number
}

/**
 * Runs a written model.onnx on a tile. Its scores, decisions and further ports are compared with the app's. Throws
 * CuvetteError('bad-artifact') when they differ.
 */
export async function verifyModel(trained: FittedPipeline, path: string): Promise<Verification> {
  const tolerance = toleranceOf(trained.pipeline)
  const { pixels, shape } = await heldBackTile(trained)
  const results = await runOnCpu(await readFile(path), path, { cube: float32(shape, pixels) })
  const ports = Object.keys(results).filter((name) => name !== 'scores' && name !== 'decisions')
  const expected = await resultsOfApp(trained, pixels, shape, ports)
  const maxDifference = Math.max(...['scores', ...ports].map((name) => requireSame(name, results[name], expected[name], tolerance, path)))
  const decider = deciderOf(trained.pipeline)
  if (results.decisions && decider) {
    const scores = results.scores.data as Float32Array
    const channels = results.scores.shape[3]
    const decisions = decide(pixelScores(scores, channels), thresholdByRule(decider, scores, channels))
    const wrong = decisions.findIndex((decision, index) => decision !== (results.decisions.data as Uint8Array)[index])
    if (wrong >= 0) throw new CuvetteError('bad-artifact', `The exported model ${path} decides otherwise than the app on pixel ${wrong} of the check; nothing was exported. Fit the pipeline again.`, { path })
  }
  return { maxDifference, tolerance }
}

/**
 * Whether a model gives each image of a batch what it gives the image alone: tried on a tile and the same tile three times
 * as bright, whose statistics differ. Nodes that look at a whole batch, a decider among them, fail that.
 */
export async function imagesStandAlone(fitted: FittedPipeline, path: string): Promise<boolean> {
  const { pixels, shape: [, ...rest] } = await heldBackTile(fitted)
  const brighter = pixels.map((value) => 3 * value)
  const model = await readFile(path)
  const together = await runOnCpu(model, path, { cube: float32([2, ...rest], joined(pixels, brighter)) })
  const alone = [await runOnCpu(model, path, { cube: float32([1, ...rest], pixels) }), await runOnCpu(model, path, { cube: float32([1, ...rest], brighter) })]
  const tolerance = toleranceOf(fitted.pipeline)
  return Object.entries(together).every(([name, { data, shape }]) => {
    if (shape[0] !== 2) return false
    const half = data.length / 2
    return alone.every((results, image) => Array.from({ length: half }, (_, at) => at).every((at) => {
      const [a, b] = [Number(data[image * half + at]), Number(results[name].data[at])]
      return Object.is(a, b) || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b))
    }))
  })
}

/** Runs the eval model of exported training artifacts with the state that their checkpoint ends in. Throws as verifyModel. */
export async function verifyEvaluationModel(trained: FittedPipeline, folder: string): Promise<Verification> {
  const tolerance = toleranceOf(trained.pipeline)
  const path = join(folder, 'eval_model.onnx')
  const { pixels, shape } = await heldBackTile(trained)
  const port = scorePortOf(trained)
  const model = partialModel(await readFile(path), path, (output) => output === port)
  const parameters = Object.fromEntries([...trained.state].filter(([, { type }]) => type === 'float32'))
  const results = await runOnCpu(model, path, { ...parameters, cube: float32(shape, pixels) })
  const { scores } = await resultsOfApp(trained, pixels, shape)
  return { maxDifference: requireSame('scores', results[port], scores, tolerance, path), tolerance }
}

/** Largest difference of the scores of two pipelines on the same tile. Throws as verifyModel. */
export async function compareScores(found: FittedPipeline, expected: FittedPipeline, tolerance: number, path: string): Promise<number> {
  const { pixels, shape } = await heldBackTile(expected)
  const [one, other] = [await resultsOfApp(found, pixels, shape), await resultsOfApp(expected, pixels, shape)]
  return requireSame('scores', one.scores, other.scores, tolerance, path)
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

function scorePortOf({ pipeline, state }: FittedPipeline): string {
  const { scores } = compileInference(pipeline, state)
  return `${scores.node}.${scores.port}`
}

async function resultsOfApp({ pipeline, state }: FittedPipeline, pixels: Float32Array, shape: number[], ports: readonly string[] = []): Promise<Record<string, Tensor>> {
  const { graph } = compileInference(pipeline, state, { decisions: false, ports })
  return await runOnCpu(encodeModel(graph), pipeline.name, { cube: float32(shape, pixels) })
}

async function runOnCpu(model: Uint8Array, path: string, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(model, 'cpu').catch((error: unknown) => {
    throw new CuvetteError('bad-artifact', `The exported model ${path} does not load in ONNX Runtime; nothing was exported.`, { path, cause: error })
  })
  try {
    return await session.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name))))
  } finally {
    await session.release()
  }
}

/** Numbers that are not finite must be so in both. */
function requireSame(what: string, found: Tensor, expected: Tensor, tolerance: number, path: string): number {
  let largest = found.shape.join() === expected.shape.join() ? 0 : Infinity
  for (const [index, value] of expected.data.entries()) {
    const [a, b] = [Number(found.data[index]), Number(value)]
    if (Object.is(a, b)) continue
    const difference = Math.abs(a - b) / Math.max(1, Math.abs(b))
    largest = Math.max(largest, Number.isNaN(difference) ? Infinity : difference)
  }
  if (largest <= tolerance) return largest
  throw new CuvetteError('bad-artifact', `The exported model ${path} differs from the ${what} of the app by ${largest}, allowed is ${tolerance}; nothing was exported. Fit the pipeline again.`, { path })
}

export interface Tile {
  /** [1, H, W, C] row-major. */
  pixels: Float32Array
  shape: number[]
}

/**
 * Pixels to compare on, finite ones only: the last of a cube that it was fitted on where it is still there, otherwise
 * seeded random ones. A pipeline that looks at neighbours or at images gets a piece of the image as it is.
 */
export async function heldBackTile({ pipeline, sample }: FittedPipeline): Promise<Tile> {
  const { channels } = pipeline.facts
  const usable = usablePixels(pipeline)
  const isLocal = scoresAreLocal(pipeline)
  const fromCube = sample && (await readSample(sample, channels, async (cube) => (isLocal ? null : await pieceOf(cube, usable)) ?? asTile(await lastPixels(cube, usable), channels, isLocal)))
  return fromCube ?? (asTile(randomPixels(channels), channels, isLocal) as Tile)
}

/** Loose pixels [n, C] as one line, or, for a pipeline that looks at neighbours, as a small image of their own. */
function asTile(pixels: Float32Array | null, channels: number, isLocal: boolean): Tile | null {
  if (!pixels) return null
  const count = pixels.length / channels
  if (isLocal) return { pixels, shape: [1, 1, count, channels] }
  const side = Math.floor(Math.sqrt(count))
  return { pixels: pixels.subarray(0, side * side * channels), shape: [1, side, side, channels] }
}

/** What `read` finds in a cube; null where the cube is gone or is another one. */
async function readSample({ path, variable }: Reference, channels: number, read: (cube: Cube) => Promise<Tile | null>): Promise<Tile | null> {
  if (!existsSync(path)) return null
  try {
    const cube = await openCube(formatReference({ path, variable }), { mask: false })
    try {
      return cube.description.shape[2] === channels ? await read(cube) : null
    } finally {
      await cube.close()
    }
  } catch (error) {
    // The cube is only a source of pixels here; an export does not depend on it.
    if (error instanceof CuvetteError) return null
    throw error
  }
}

/** A piece of the image, the last one without a pixel that cannot be used; null where there is none. */
async function pieceOf(cube: Cube, usable: PixelTest): Promise<Tile | null> {
  const [lines, samples, bands] = cube.description.shape
  const [height, width] = [Math.min(lines, PIECE), Math.min(samples, PIECE)]
  for (let line = lines - height; line >= 0; line -= height) {
    for (let sample = samples - width; sample >= 0; sample -= width) {
      const pixels = await cube.readPixels({ line, sample, lines: height, samples: width })
      if (everyPixel(height * width, (pixel) => usable(pixels, pixel))) return { pixels, shape: [1, height, width, bands] }
    }
  }
  return null
}

function everyPixel(count: number, test: (pixel: number) => boolean): boolean {
  for (let pixel = 0; pixel < count; pixel += 1) if (!test(pixel)) return false
  return true
}

async function lastPixels(cube: Cube, usable: PixelTest): Promise<Float32Array | null> {
  const [lines, samples, bands] = cube.description.shape
  const height = Math.min(lines, Math.max(1, Math.floor(CHUNK_PIXELS / samples)))
  const width = Math.min(samples, CHUNK_PIXELS)
  const read = await cube.readPixels({ line: lines - height, sample: 0, lines: height, samples: width })
  const valid = Array.from({ length: height * width }, (_, pixel) => pixel).filter((pixel) => usable(read, pixel))
  if (valid.length < 2) return null
  const pixels = new Float32Array(valid.length * bands)
  valid.forEach((pixel, index) => pixels.set(read.subarray(pixel * bands, (pixel + 1) * bands), index * bands))
  return pixels
}

function randomPixels(channels: number): Float32Array {
  const random = randomSource(0, 'export')
  return Float32Array.from({ length: 1024 * channels }, () => random.uniform())
}
