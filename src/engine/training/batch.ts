import type { Tensor } from '../onnx/tensor'

/** Pixels that go through a session in one call. */
export interface Piece {
  /** float32 [B,H,W,C]; loose pixels are [1,1,n,C]. */
  cube: Tensor<'float32'>
  /** bool [B,H,W,1], true = anomalous; null without a mask. */
  targets: Tensor<'bool'> | null
  /** B * H * W */
  pixels: number
  /** Pixels that are not to be judged, [B * H * W]: 1 = not; null or missing: all are. Loose pixels leave them out. */
  ignored?: Uint8Array | null
}

/** What one forward pass of training sees, cut into pieces that fit the processor's cache. */
export interface Batch {
  /** Whether there is one piece only: then it needs no second pass. */
  single: boolean
  /** What the training model takes beside pixels, the same for all pieces: settings of the epoch, noise. */
  inputs?: Readonly<Record<string, Tensor>>
  /** Walks the pieces; every walk gives the same ones in the same order. A piece is valid until the next one is asked for. */
  pieces(): AsyncIterable<Piece>
}

/** How many pixels of a piece count. */
export function judgedPixels({ pixels, ignored }: Piece): number {
  return ignored ? ignored.reduce((count, isIgnored) => count - isIgnored, pixels) : pixels
}

/** Which pixels of a piece are judged, bool [B,H,W,1]. */
export function judged({ cube, pixels, ignored }: Piece): Tensor<'bool'> {
  return { type: 'bool', shape: [...cube.shape.slice(0, 3), 1], data: ignored ? ignored.map((isIgnored) => 1 - isIgnored) : new Uint8Array(pixels).fill(1) }
}
