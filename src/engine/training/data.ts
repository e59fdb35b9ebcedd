import { CuvetteError } from '../../shared/problem'
import type { Cube } from '../cube'
import { CHUNK_PIXELS } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import { randomSource } from '../nodes/random'
import { float32 } from '../onnx/tensor'
import type { Tensor } from '../onnx/tensor'
import type { Batch, Piece } from './batch'
import type { Frame, PixelReading } from './frame'
import { isIgnored, learnedPixels } from './frame'
import { shuffled } from './pixel-pool'

/** Where the batches of an epoch come from. The same epoch number gives the same batches, whatever ran before. */
export interface TrainingData {
  batchesPerEpoch: number
  batches(epoch: number): Iterable<Batch>
}

export interface DataSettings {
  /** Pixels or frames in a batch. */
  size: number
  seed: number
  shuffle: boolean
  /** Largest number of pixels in one piece. */
  piecePixels?: number
  /** A batch up to this size is gathered once for both of its passes; default: none. */
  gatheredBytes?: number
}

/** How frames are read for training. */
export interface FrameReading extends PixelReading {
  /** Whether frames go through as images [B,H,W,C], for pipelines in which pixels depend on their neighbours. */
  whole: boolean
  piecePixels?: number
}

/** Batches of whole frames. Their valid pixels are read anew for every pass, so memory stays small. */
export function frameBatches(frames: readonly Frame[], settings: DataSettings, reading: FrameReading): TrainingData {
  return {
    batchesPerEpoch: Math.ceil(frames.length / settings.size),
    *batches(epoch) {
      const order = settings.shuffle
        ? shuffled(frames.length, randomSource(settings.seed, `order of frames in epoch ${epoch}`))
        : Uint32Array.from(frames, (_, index) => index)
      for (let start = 0; start < frames.length; start += settings.size) {
        yield frameBatch(Array.from(order.subarray(start, start + settings.size), (index) => frames[index]), reading)
      }
    },
  }
}

/** Some frames as one batch. */
export function frameBatch(frames: readonly Frame[], reading: FrameReading): Batch {
  return reading.whole ? wholeFrames(frames, reading.usable, reading.signal) : framePixels(frames, reading)
}

/** The pixels of some frames that are learned from. */
function framePixels(frames: readonly Frame[], reading: FrameReading): Batch {
  const bands = frames[0].cube.description.shape[2]
  const available = frames.reduce((sum, { cube: { description: { shape } } }) => sum + shape[0] * shape[1], 0)
  const { piecePixels = CHUNK_PIXELS } = reading
  return {
    single: available <= piecePixels,
    async *pieces() {
      for await (const { pixels, targets, count } of learnedPixels(frames, Math.min(available, piecePixels), reading)) yield loosePixels(pixels, targets, count, bands)
    },
  }
}

/** Loose pixels [count, bands] as a piece, with what the mask says of them [count]. */
export function loosePixels(buffer: Float32Array, anomalous: Uint8Array | null, count: number, bands: number): Piece {
  return {
    cube: float32([1, 1, count, bands], buffer.subarray(0, count * bands)),
    targets: anomalous && truths([1, 1, count, 1], anomalous.subarray(0, count)),
    pixels: count,
  }
}

/** Frames as images [B,H,W,C], for pipelines in which a pixel's result depends on its neighbours. */
function wholeFrames(frames: readonly Frame[], usable: PixelTest, signal?: AbortSignal): Batch {
  const [lines, samples, bands] = frames[0].cube.description.shape
  return {
    single: true,
    async *pieces() {
      const size = lines * samples
      const buffer = new Float32Array(frames.length * size * bands)
      const truth = truthOf(frames, frames.length * size)
      for (const [index, frame] of frames.entries()) {
        const { cube } = frame
        requireSameSize(frames[0].cube, cube)
        const pixels = buffer.subarray(index * size * bands, (index + 1) * size * bands)
        await cube.readPixels({ line: 0, sample: 0, lines, samples }, null, pixels, signal)
        for (let pixel = 0; pixel < size; pixel += 1) if (!usable(pixels, pixel)) throw unusablePixel(cube, pixel)
        for (let pixel = 0; pixel < size; pixel += 1) truth.set(index * size + pixel, frame, pixel)
      }
      yield truth.piece(float32([frames.length, lines, samples, bands], buffer))
    },
  }
}

/** Frames of one batch of images have one size. Throws CuvetteError('bad-data'). */
export function requireSameSize(first: Cube, other: Cube): void {
  const [a, b] = [first.description, other.description]
  if (a.shape[0] === b.shape[0] && a.shape[1] === b.shape[1]) return
  throw new CuvetteError('bad-data', `${b.path} has ${b.shape[0]} x ${b.shape[1]} pixels and ${a.path} ${a.shape[0]} x ${a.shape[1]}; frames of one batch must have one size. Set the batch to 1 frame.`, { path: b.path })
}

/** What is wrong with a frame that must go through as an image and has a pixel that cannot be used. */
export function unusablePixel({ description: { path, shape } }: Cube, pixel: number): CuvetteError {
  const where = `line ${Math.floor(pixel / shape[1])}, sample ${pixel % shape[1]}`
  return new CuvetteError('bad-data', `${path} has a pixel without a finite value at ${where}, and this pipeline trains on whole images; set trainer.batch to {tiles: 8, size: [64, 64]}, which leaves such places out, or fill or crop them.`, { path, where })
}

/** What the masks say of images that are put together pixel by pixel. */
export interface Truth {
  set(pixel: number, frame: Frame, place: number): void
  /** The piece of the finished images [B,H,W,C]. */
  piece(cube: Tensor<'float32'>): Piece
}

export function truthOf(frames: readonly Frame[], pixels: number): Truth {
  const anomalous = frames.every(({ targets }) => targets !== null) ? new Uint8Array(pixels) : null
  let ignored: Uint8Array | null = null
  return {
    set(pixel, frame, place) {
      if (anomalous && frame.targets?.[place] === 1) anomalous[pixel] = 1
      if (isIgnored(frame, place)) (ignored ??= new Uint8Array(pixels))[pixel] = 1
    },
    piece: (cube) => ({ cube, targets: anomalous && truths([...cube.shape.slice(0, 3), 1], anomalous), pixels, ignored }),
  }
}

function truths(shape: readonly number[], data: Uint8Array): Tensor<'bool'> {
  return { type: 'bool', shape, data }
}
