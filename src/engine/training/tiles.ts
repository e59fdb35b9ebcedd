import { CuvetteError } from '../../shared/problem'
import { IGNORED } from '../../shared/threshold-curve'
import { randomSource } from '../nodes/random'
import type { RandomSource } from '../nodes/random'
import { float32 } from '../onnx/tensor'
import type { TileBatch } from '../pipeline/trainer'
import type { Batch } from './batch'
import type { TrainingData } from './data'
import { truthOf } from './data'
import type { Frame } from './frame'
import { shuffled } from './pixel-pool'

/** Where a tile lies. */
export interface Tile {
  /** Index of its cube. */
  frame: number
  line: number
  sample: number
}

/** Which pixels of each cube cannot be used, [H, W]: 1 = not; null where all can. */
export type Holes = readonly (Uint8Array | null)[]

/** How often a place is drawn anew when it holds pixels that cannot be used. */
const ATTEMPTS = 32

/**
 * The grid of tiles over every cube, line by line: as many as cover it, the last ones of a row or column pushed back to
 * the border. Tiles with pixels that cannot be used, and those without a pixel that is judged, are left out and counted. Throws CuvetteError('bad-data') for a cube
 * that is smaller than a tile.
 */
export function gridTiles(frames: readonly Frame[], holes: Holes, tile: TileBatch): { tiles: Tile[]; leftOut: number; unjudged: number } {
  const tiles: Tile[] = []
  let leftOut = 0
  let unjudged = 0
  for (const [frame, { cube: { description: { path, shape: [lines, samples] } } }] of frames.entries()) {
    if (lines < tile.lines || samples < tile.samples) {
      throw new CuvetteError('bad-data', `${path} has ${lines} lines x ${samples} samples, less than a tile of ${tile.lines} x ${tile.samples}; set trainer.batch.size to at most [${lines}, ${samples}].`, { path })
    }
    for (const line of starts(lines, tile.lines, tile.overlap)) {
      for (const sample of starts(samples, tile.samples, tile.overlap)) {
        const place = { frame, line, sample }
        if (!isWhole(place, holes, samples, tile)) leftOut += 1
        else if (!isJudged(place, frames, tile)) unjudged += 1
        else tiles.push(place)
      }
    }
  }
  return { tiles, leftOut, unjudged }
}

function starts(length: number, size: number, overlap: number): number[] {
  const found: number[] = []
  for (let start = 0; start < length - size; start += size - overlap) found.push(start)
  return [...found, length - size]
}

function isWhole({ frame, line, sample }: Tile, holes: Holes, samples: number, { lines: height, samples: width }: TileBatch): boolean {
  const bad = holes[frame]
  if (!bad) return true
  for (let row = line; row < line + height; row += 1) if (bad.subarray(row * samples + sample, row * samples + sample + width).includes(1)) return false
  return true
}

function isJudged({ frame, line, sample }: Tile, frames: readonly Frame[], { lines: height, samples: width }: TileBatch): boolean {
  const { targets, cube: { description: { shape: [, samples] } } } = frames[frame]
  if (!targets) return true
  for (let row = line; row < line + height; row += 1) if (targets.subarray(row * samples + sample, row * samples + sample + width).some((target) => target !== IGNORED)) return true
  return false
}

/**
 * Batches of tiles [N,h,w,C]. grid: the tiles of the grid, in a new order every epoch. random: as many, each somewhere in
 * the cube of its grid tile. Both depend on the seed and the epoch alone. The last batch of an epoch may be smaller.
 */
export function tileBatches(frames: readonly Frame[], holes: Holes, tiles: readonly Tile[], tile: TileBatch, order: { seed: number; shuffle: boolean }, signal?: AbortSignal): TrainingData {
  return {
    batchesPerEpoch: Math.ceil(tiles.length / tile.size),
    *batches(epoch) {
      const random = randomSource(order.seed, `places of tiles in epoch ${epoch}`)
      const placed = tile.place === 'grid' ? tiles : tiles.map((one) => somewhere(one, frames, holes, tile, random))
      const sorted = order.shuffle ? Array.from(shuffled(tiles.length, randomSource(order.seed, `order of tiles in epoch ${epoch}`)), (index) => placed[index]) : placed
      for (let start = 0; start < sorted.length; start += tile.size) yield batchOfTiles(frames, sorted.slice(start, start + tile.size), tile, signal)
    },
  }
}

/** Another place in the same cube; the grid's own, where none that can train was found. */
function somewhere(tile: Tile, frames: readonly Frame[], holes: Holes, size: TileBatch, random: RandomSource): Tile {
  const [lines, samples] = frames[tile.frame].cube.description.shape
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const place = { frame: tile.frame, line: random.integer(lines - size.lines + 1), sample: random.integer(samples - size.samples + 1) }
    if (isWhole(place, holes, samples, size) && isJudged(place, frames, size)) return place
  }
  return tile
}

/** Some tiles as one piece. */
export function batchOfTiles(frames: readonly Frame[], tiles: readonly Tile[], { lines, samples }: TileBatch, signal?: AbortSignal): Batch {
  const bands = frames[0].cube.description.shape[2]
  const size = lines * samples
  return {
    single: true,
    async *pieces() {
      const pixels = new Float32Array(tiles.length * size * bands)
      const truth = truthOf(frames, tiles.length * size)
      for (const [index, { frame, line, sample }] of tiles.entries()) {
        const { cube } = frames[frame]
        await cube.readPixels({ line, sample, lines, samples }, null, pixels.subarray(index * size * bands, (index + 1) * size * bands), signal)
        const width = cube.description.shape[1]
        for (let pixel = 0; pixel < size; pixel += 1) {
          truth.set(index * size + pixel, frames[frame], (line + Math.floor(pixel / samples)) * width + sample + (pixel % samples))
        }
      }
      yield truth.piece(float32([tiles.length, lines, samples, bands], pixels))
    },
  }
}
