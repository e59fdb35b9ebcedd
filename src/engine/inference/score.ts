import { CuvetteError } from '../../shared/problem'
import type { Cube, Window } from '../cube'
import type { Session } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import { chunksOf, scan } from './scan'
import type { PixelTest } from './usable-pixels'
import { imageBytes, megabytes } from './whole-image'

/** Side of a tile of an image that is scored with its neighbourhood. */
const TILE = 128

export interface ScoreOptions {
  /** Bytes of pixels in memory at once. The scores themselves (4 bytes a pixel) come on top. */
  bytes: number
  /** Largest image that goes through whole; default: `bytes`. */
  imageBytes?: number
  /** Whether each pixel's score depends on that pixel alone; otherwise the whole image goes through at once. */
  local: boolean
  /**
   * Lines and samples around a pixel that its score depends on, where it does not need the whole image: then the image goes
   * through in tiles that overlap by them.
   */
  halo?: number | null
  /** Side of the tiles without their overlap. The cuts depend on nothing else, so that any budget gives the same scores. */
  tile?: number
  usable: PixelTest
  signal?: AbortSignal
  onPixels?(count: number): void
}

export interface SceneScores {
  /** [H, W, K] row-major; NaN where a pixel could not be scored. */
  values: Float32Array
  /** K: 1 for all but some deciders' inputs. */
  channels: number
  /** Pixels that could not be used. */
  unusable: number
}

/**
 * Scores of a whole cube by a model with the input `cube` [B,H,W,C] and the output `scores` [B,H,W,K]. Reads windows
 * of whole lines and runs them in chunks that do not depend on the budget, so any budget gives the same scores bit for
 * bit. A pixel that cannot be used gets NaN and touches no other. Throws CuvetteError('cancelled') between
 * chunks.
 */
export async function scoreCube(session: Session, cube: Cube, options: ScoreOptions): Promise<SceneScores> {
  const [lines, samples, bands] = cube.description.shape
  let values = new Float32Array(0)
  let channels = 1
  let unusable = 0

  const keep = (scores: Float32Array, count: number, first: number): void => {
    if (values.length === 0) {
      channels = scores.length / count
      values = new Float32Array(lines * samples * channels)
    }
    values.set(scores, first * channels)
  }

  const settle = (pixels: Float32Array, count: number, first: number): void => {
    for (let pixel = 0; pixel < count; pixel += 1) {
      if (options.usable(pixels, pixel)) continue
      // Some operators, such as a rectifier, would turn NaN into a number.
      values.fill(Number.NaN, (first + pixel) * channels, (first + pixel + 1) * channels)
      unusable += 1
    }
  }

  if (!options.local && typeof options.halo === 'number') {
    for (const { inner, outer } of tilesOf(lines, samples, options.tile ?? TILE, options.halo)) {
      if (options.signal?.aborted) throw stopped(cube)
      const pixels = await cube.readPixels(outer, null, undefined, options.signal)
      const scores = await scoresOf(session, pixels, [1, outer.lines, outer.samples, bands])
      const perPixel = scores.length / (outer.lines * outer.samples)
      for (let line = inner.line; line < inner.line + inner.lines; line += 1) {
        const from = (line - outer.line) * outer.samples + inner.sample - outer.sample
        const first = line * samples + inner.sample
        keep(scores.subarray(from * perPixel, (from + inner.samples) * perPixel), inner.samples, first)
        settle(pixels.subarray(from * bands, (from + inner.samples) * bands), inner.samples, first)
      }
      options.onPixels?.(inner.lines * inner.samples)
    }
    return { values, channels, unusable }
  }
  if (!options.local) {
    const pixels = await wholeImage(cube, options)
    keep(await scoresOf(session, pixels, [1, lines, samples, bands]), lines * samples, 0)
    settle(pixels, lines * samples, 0)
    options.onPixels?.(lines * samples)
    return { values, channels, unusable }
  }
  for await (const block of scan(cube, { bytes: options.bytes, signal: options.signal })) {
    for (const [start, end] of chunksOf(block, samples)) {
      if (options.signal?.aborted) throw stopped(cube)
      const pixels = block.pixels.subarray(start * bands, end * bands)
      keep(await scoresOf(session, pixels, [1, 1, end - start, bands]), end - start, block.first + start)
      settle(pixels, end - start, block.first + start)
      options.onPixels?.(end - start)
    }
  }
  return { values, channels, unusable }
}

interface Tile {
  /** What is scored. */
  inner: Window
  /** The same with its neighbourhood, as far as the image goes. */
  outer: Window
}

function tilesOf(lines: number, samples: number, side: number, halo: number): Tile[] {
  const cuts = (size: number): { at: number; size: number; from: number; reach: number }[] =>
    Array.from({ length: Math.ceil(size / side) }, (_, index) => {
      const at = index * side
      const end = Math.min(at + side, size)
      const from = Math.max(at - halo, 0)
      return { at, size: end - at, from, reach: Math.min(end + halo, size) - from }
    })
  return cuts(lines).flatMap((down) => cuts(samples).map((across) => ({
    inner: { line: down.at, sample: across.at, lines: down.size, samples: across.size },
    outer: { line: down.from, sample: across.from, lines: down.reach, samples: across.reach },
  })))
}

async function wholeImage(cube: Cube, { bytes, imageBytes: most = bytes, signal }: ScoreOptions): Promise<Float32Array> {
  const { path, shape: [lines, samples] } = cube.description
  const needed = imageBytes(cube)
  if (needed > most) {
    throw new CuvetteError('bad-argument', `This pipeline needs the whole image ${path} at once, ${megabytes(needed)}, and may use ${megabytes(most)}; raise --memory or cut the cube.`, { path })
  }
  return await cube.readPixels({ line: 0, sample: 0, lines, samples }, null, undefined, signal)
}

async function scoresOf(session: Session, pixels: Float32Array, shape: number[]): Promise<Float32Array> {
  const { scores } = await session.run({ cube: float32(shape, pixels) }, ['scores'])
  return scores.data as Float32Array
}

function stopped(cube: Cube): CuvetteError {
  const { path } = cube.description
  return new CuvetteError('cancelled', `Scoring ${path} was stopped; its scores were not written.`, { path })
}
