import { CHUNK_PIXELS } from '../inference/scan'
import { randomSource } from '../nodes/random'
import type { Batch, Piece } from './batch'
import type { DataSettings, TrainingData } from './data'
import { loosePixels } from './data'
import type { Frame } from './frame'
import type { PixelPool } from './pixel-pool'
import { gatherPixels, shuffled, targetsOfPool } from './pixel-pool'

/** Batches of loose pixels from a pool, in a new order every epoch. */
export function pixelBatches(pool: PixelPool, frames: readonly Frame[], settings: DataSettings): TrainingData {
  const source = sourceOf(pool, frames)
  return {
    batchesPerEpoch: Math.ceil(pool.count / settings.size),
    *batches(epoch) {
      const order = settings.shuffle ? shuffled(pool.count, randomSource(settings.seed, orderName(epoch))) : null
      for (let start = 0; start < pool.count; start += settings.size) {
        const count = Math.min(settings.size, pool.count - start)
        const batch = poolBatch(source, order ? order.subarray(start, start + count) : { first: start, length: count }, settings.piecePixels)
        yield 4 * count * pool.bands <= (settings.gatheredBytes ?? 0) ? gatheredOnce(batch) : batch
      }
    },
  }
}

/** Name of the random source that the order of an epoch comes from. */
export function orderName(epoch: number): string {
  return `order of pixels in epoch ${epoch}`
}

/** The pixels of each cube in a pool, in their order: one image a cube. Cubes without a pixel are left out. */
export function imagesOfPool(pool: PixelPool, frames: readonly Frame[], piecePixels?: number): { batch: Batch; pixels: number }[] {
  const source = sourceOf(pool, frames)
  return frames.flatMap((_, cube) => {
    const own = pixelsOfCube(pool, cube)
    return own.length === 0 ? [] : [{ batch: poolBatch(source, own, piecePixels), pixels: own.length }]
  })
}

/** Pixels of a pool that lie one after the other. */
interface Run {
  first: number
  length: number
}

function pixelsOfCube({ cubes }: PixelPool, cube: number): Uint32Array | Run {
  let count = 0
  let [first, last] = [0, -1]
  for (let pixel = 0; pixel < cubes.length; pixel += 1) {
    if (cubes[pixel] !== cube) continue
    if (count === 0) first = pixel
    last = pixel
    count += 1
  }
  if (count === last - first + 1) return { first, length: count }
  const own = new Uint32Array(count)
  for (let pixel = first, at = 0; pixel <= last; pixel += 1) if (cubes[pixel] === cube) own[at++] = pixel
  return own
}

/** What batches are gathered from. */
interface Source {
  bands: number
  /** [count, bands] */
  values: Float32Array
  /** [count]: 1 anomalous; null where a cube has no mask. */
  targets: Uint8Array | null
  /** Memory of pieces that nobody looks at any more. */
  spare: Gathered[]
}

interface Gathered {
  values: Float32Array
  targets: Uint8Array | null
}

function sourceOf(pool: PixelPool, frames: readonly Frame[]): Source {
  return { bands: pool.bands, values: pool.values, targets: targetsOfPool(pool, frames.map(({ targets }) => targets)), spare: [] }
}

/** Pixels in a row are passed on where they lie, others are gathered. */
function poolBatch(source: Source, pixels: Uint32Array | Run, piecePixels = CHUNK_PIXELS): Batch {
  return { single: pixels.length <= piecePixels, pieces: () => (pixels instanceof Uint32Array ? gathered(source, pixels, piecePixels) : inPlace(source, pixels, piecePixels)) }
}

async function* inPlace({ bands, values, targets }: Source, { first, length }: Run, piecePixels: number): AsyncGenerator<Piece> {
  for (let start = first; start < first + length; start += piecePixels) {
    const end = Math.min(start + piecePixels, first + length)
    yield loosePixels(values.subarray(start * bands, end * bands), targets && targets.subarray(start, end), end - start, bands)
  }
}

async function* gathered(source: Source, pixels: Uint32Array, piecePixels: number): AsyncGenerator<Piece> {
  const { bands, values, targets, spare } = source
  const size = Math.min(pixels.length, piecePixels)
  const fits = spare.findIndex((memory) => memory.values.length >= size * bands)
  const [into] = fits >= 0 ? spare.splice(fits, 1) : [{ values: new Float32Array(size * bands), targets: targets && new Uint8Array(size) }]
  try {
    for (let start = 0; start < pixels.length; start += piecePixels) {
      const chosen = pixels.subarray(start, start + piecePixels)
      gatherPixels(values, chosen, into.values, bands)
      if (into.targets && targets) for (let index = 0; index < chosen.length; index += 1) into.targets[index] = targets[chosen[index]]
      yield loosePixels(into.values, into.targets, chosen.length, bands)
    }
  } finally {
    spare.push(into)
  }
}

/** The same batch, which gathers its pieces once. */
function gatheredOnce(batch: Batch): Batch {
  if (batch.single) return batch
  let kept: Piece[] | null = null
  return {
    single: false,
    async *pieces() {
      if (kept) {
        yield* kept
        return
      }
      const walked: Piece[] = []
      for await (const piece of batch.pieces()) {
        walked.push({ ...piece, cube: { ...piece.cube, data: piece.cube.data.slice() }, targets: piece.targets && { ...piece.targets, data: piece.targets.data.slice() } })
        yield piece
      }
      kept = walked
    },
  }
}
