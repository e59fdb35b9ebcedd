import { CuvetteError } from '../../shared/problem'
import type { Cube, Window } from '../cube'
import type { Session } from '../onnx/session'
import { float32 } from '../onnx/tensor'
import { chunksOf, readAhead, scan } from './scan'
import type { ScoreRoom } from './scores'
import { Scores } from './scores'
import { pixelScores } from './threshold'
import type { PixelTest } from './usable-pixels'
import { imageBytes, megabytes } from './whole-image'

/** Side of a tile of an image that is scored with its neighbourhood: the largest, and the least that is worth its margin. */
const TILE = { most: 128, least: 16 } as const
const SCORES = 'scores'

export interface ScoreOptions {
  /** Bytes of pixels in memory at once. */
  bytes: number
  /** Where the scores are kept; default: in memory, 4 bytes a pixel. */
  room?: ScoreRoom
  /** Largest image that goes through whole; default: `bytes`. */
  imageBytes?: number
  /** Whether each pixel's score depends on that pixel alone; otherwise the whole image goes through at once. */
  local: boolean
  /**
   * Lines and samples around a pixel that its score depends on, where it does not need the whole image: then the image goes
   * through in tiles that overlap by them.
   */
  halo?: number | null
  /** Side of the tiles without their overlap; default: as large as `bytes` allow. A pixel's score does not depend on it. */
  tile?: number
  usable: PixelTest
  /** Which output of the model, [B,H,W,K]; default `scores`. */
  output?: string
  signal?: AbortSignal
  onPixels?(count: number): void
}

export interface SceneScores {
  /** [H, W, K] row-major; NaN where a pixel could not be scored. To be closed. */
  scores: Scores
  /** Pixels that could not be used. */
  unusable: number
  /** Pixels without a finite score, unusable ones among them. */
  unscored: number
}

/**
 * Scores of a whole cube, or another output, by a model with the input `cube` [B,H,W,C] and the output [B,H,W,K]. Reads windows
 * of whole lines and runs them in chunks that do not depend on the budget, so any budget gives the same scores bit for
 * bit. A pixel that cannot be used gets NaN and touches no other. Throws CuvetteError('cancelled') between
 * chunks, and as the room of the scores does.
 */
export async function scoreCube(session: Session, cube: Cube, options: ScoreOptions): Promise<SceneScores> {
  const [lines, samples, bands] = cube.description.shape
  const { output = SCORES } = options
  let kept: Scores | null = null
  let unusable = 0
  let unscored = 0

  const sink: ScoreSink = {
    settle(values, pixels, count) {
      const channels = values.length / count
      for (let pixel = 0; pixel < count; pixel += 1) {
        if (options.usable(pixels, pixel)) continue
        // Some operators, such as a rectifier, would turn NaN into a number.
        values.fill(Number.NaN, pixel * channels, (pixel + 1) * channels)
        unusable += 1
      }
      options.onPixels?.(count)
    },
    async append(values, count) {
      const channels = values.length / count
      for (const score of pixelScores(values, channels)) if (!Number.isFinite(score)) unscored += 1
      kept ??= await Scores.open(lines * samples, channels, options.room)
      await kept.append(values)
    },
  }

  try {
    if (options.local) await scoreChunks(session, cube, options, sink)
    else if (typeof options.halo === 'number') await scoreTiles(session, cube, { ...options, halo: options.halo, tile: options.tile ?? tileSide(cube, options.halo, options.bytes) }, sink)
    else {
      const pixels = await wholeImage(cube, options)
      const values = await outputOf(session, output, pixels, [1, lines, samples, bands])
      sink.settle(values, pixels, lines * samples)
      await sink.append(values, lines * samples)
    }
    return { scores: kept ?? await Scores.open(0, 1), unusable, unscored }
  } catch (error) {
    await (kept as Scores | null)?.close()
    throw error
  }
}

/** Takes what was scored. */
interface ScoreSink {
  /** Takes the scores [count, K] away from pixels [count, C] that cannot be used. */
  settle(values: Float32Array, pixels: Float32Array, count: number): void
  /** Keeps the scores [count, K] of the next pixels in scan order. */
  append(values: Float32Array, count: number): Promise<void>
}

async function scoreChunks(session: Session, cube: Cube, { bytes, output = SCORES, signal }: ScoreOptions, sink: ScoreSink): Promise<void> {
  const [, samples, bands] = cube.description.shape
  for await (const block of scan(cube, { bytes, signal })) {
    for (const [start, end] of chunksOf(block, samples)) {
      if (signal?.aborted) throw stopped(cube)
      const pixels = block.pixels.subarray(start * bands, end * bands)
      const values = await outputOf(session, output, pixels, [1, 1, end - start, bands])
      sink.settle(values, pixels, end - start)
      await sink.append(values, end - start)
    }
  }
}

async function scoreTiles(session: Session, cube: Cube, { halo, tile, output = SCORES, signal }: ScoreOptions & { halo: number; tile: number }, sink: ScoreSink): Promise<void> {
  const [lines, samples, bands] = cube.description.shape
  /** Scores of one row of tiles, whole lines. */
  let row = new Float32Array(0)
  const read = async (one: Tile, stop: AbortSignal) => ({ ...one, pixels: await cube.readPixels(one.outer, null, undefined, stop) })
  for await (const { inner, outer, pixels } of readAhead(tilesOf(lines, samples, tile, halo), read, signal)) {
    if (signal?.aborted) throw stopped(cube)
    const values = await outputOf(session, output, pixels, [1, outer.lines, outer.samples, bands])
    const channels = values.length / (outer.lines * outer.samples)
    if (inner.sample === 0) row = new Float32Array(inner.lines * samples * channels)
    for (let line = 0; line < inner.lines; line += 1) {
      const from = (inner.line - outer.line + line) * outer.samples + inner.sample - outer.sample
      const scored = values.subarray(from * channels, (from + inner.samples) * channels)
      sink.settle(scored, pixels.subarray(from * bands, (from + inner.samples) * bands), inner.samples)
      row.set(scored, (line * samples + inner.sample) * channels)
    }
    if (inner.sample + inner.samples === samples) await sink.append(row, inner.lines * samples)
  }
}

interface Tile {
  /** What is scored. */
  inner: Window
  /** The same with its neighbourhood, as far as the image goes. */
  outer: Window
}

/**
 * The largest side of tiles of which two, the one that is scored and the one that is read, fit into a budget with their
 * margins. Throws CuvetteError('bad-argument') where even small ones do not.
 */
function tileSide(cube: Cube, halo: number, bytes: number): number {
  const { path, shape: [lines, samples, bands] } = cube.description
  const needed = (side: number): number => 2 * 4 * Math.min(lines, side + 2 * halo) * Math.min(samples, side + 2 * halo) * bands
  for (let side: number = TILE.most; side >= TILE.least; side -= TILE.least) if (needed(side) <= bytes) return side
  throw new CuvetteError('bad-argument', `This pipeline looks ${halo} pixels around each pixel of ${path}, so that it needs ${megabytes(needed(TILE.least))} of pixels at once, and may use ${megabytes(bytes)}; raise --memory, or take a smaller outer window.`, { path })
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

async function outputOf(session: Session, output: string, pixels: Float32Array, shape: number[]): Promise<Float32Array> {
  const results = await session.run({ cube: float32(shape, pixels) }, [output])
  return results[output].data as Float32Array
}

function stopped(cube: Cube): CuvetteError {
  const { path } = cube.description
  return new CuvetteError('cancelled', `Scoring ${path} was stopped; its scores were not written.`, { path })
}
