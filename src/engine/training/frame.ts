import { IGNORED } from '../../shared/threshold-curve'
import type { Cube } from '../cube'
import { scan } from '../inference/scan'
import type { PixelTest } from '../inference/usable-pixels'
import { copyPixel } from './pixel-pool'

/** A cube with its mask. */
export interface Frame {
  cube: Cube
  /** [H, W]: 0 normal, 1 anomalous, 255 not to be judged; null without a mask. */
  targets: Uint8Array | null
}

/** Whether a pixel is not to be judged, and so not to be learned from. */
export function isIgnored({ targets }: Frame, place: number): boolean {
  return targets?.[place] === IGNORED
}

/** Pixels [count, bands] that are learned from; `targets` [count]: 1 anomalous, null when a cube has no mask. */
export interface LearnedPixels {
  pixels: Float32Array
  count: number
  targets: Uint8Array | null
}

export interface PixelReading {
  /** Bytes read from a cube at once. */
  readBytes: number
  usable: PixelTest
  signal?: AbortSignal
}

/** The pixels of frames that are learned from, one frame after the other, `size` at a time. They are valid until the next ones are asked for. */
export async function* learnedPixels(frames: readonly Frame[], size: number, { readBytes, usable, signal }: PixelReading): AsyncGenerator<LearnedPixels> {
  const bands = frames[0].cube.description.shape[2]
  const buffer = new Float32Array(size * bands)
  const anomalous = frames.every(({ targets }) => targets !== null) ? new Uint8Array(size) : null
  let filled = 0
  for (const frame of frames) {
    for await (const { first, count, pixels } of scan(frame.cube, { bytes: readBytes, signal })) {
      for (let pixel = 0; pixel < count; pixel += 1) {
        if (!usable(pixels, pixel) || isIgnored(frame, first + pixel)) continue
        copyPixel(pixels, pixel, buffer, filled, bands)
        if (anomalous) anomalous[filled] = frame.targets?.[first + pixel] === 1 ? 1 : 0
        filled += 1
        if (filled < size) continue
        yield { pixels: buffer, count: filled, targets: anomalous }
        filled = 0
      }
    }
  }
  if (filled > 0) yield { pixels: buffer.subarray(0, filled * bands), count: filled, targets: anomalous && anomalous.subarray(0, filled) }
}
