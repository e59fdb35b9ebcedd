import type { CubeDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import { throwIfCancelled } from './bytes'
import type { Cube, OpenOptions, Window } from './cube'
import { checkedBand, checkedBands, checkedStride, checkedTarget, checkedWindow } from './window'

export const PIECE_BYTES = 2 * 1024 * 1024

/** Which indices of one axis are read, and where in the output each goes; the positions of the three axes add up. */
export interface Selection {
  /** Ascending. */
  indices: ArrayLike<number>
  targets: ArrayLike<number>
}

export interface Box {
  lines: Selection
  samples: Selection
  bands: Selection
}

/** What a format supplies: reading a box of numbers as float32. */
export interface BoxReader {
  /** Bytes of the file that reading one whole band touches. */
  readonly bandBytes?: number
  read(box: Box, out: Float32Array, signals: (AbortSignal | undefined)[]): Promise<void>
  close(): Promise<void>
}

/** A cube over a box reader: checks what is asked for and lays out the answer. Closing it closes the reader. */
export function windowedCube(description: CubeDescription, reader: BoxReader, options: OpenOptions, headerFields?: ReadonlyMap<string, string>): Cube {
  let open = true

  async function read(box: Box, out: Float32Array, signal?: AbortSignal): Promise<Float32Array> {
    const { path } = description
    if (!open) throw new CuvetteError('bad-argument', `${path} was closed; open it again.`, { path })
    const signals = [options.signal, signal]
    throwIfCancelled(path, ...signals)
    await reader.read(box, out, signals)
    return out
  }

  return {
    description,
    headerFields,
    bandBytes: reader.bandBytes,
    async readPixels(window, bands, target, signal) {
      checkedWindow(description, window)
      const chosen = bands ? scattered(checkedBands(description, bands)) : every(0, description.shape[2], 1, 1)
      const count = chosen.indices.length
      const out = checkedTarget(description, target, window.lines * window.samples * count)
      const lines = every(window.line, window.lines, 1, window.samples * count)
      const samples = every(window.sample, window.samples, 1, count)
      return read({ lines, samples, bands: chosen }, out, signal)
    },
    async readBand(band, window, stride = 1, signal) {
      checkedWindow(description, window)
      checkedBand(description, band)
      checkedStride(description, stride)
      const height = Math.ceil(window.lines / stride)
      const width = Math.ceil(window.samples / stride)
      const lines = every(window.line, height, stride, width)
      const samples = every(window.sample, width, stride, 1)
      return read({ lines, samples, bands: every(band, 1, 1, 0) }, new Float32Array(height * width), signal)
    },
    async close() {
      if (!open) return
      open = false
      await reader.close()
    },
  }
}

/** The whole image. */
export function wholeWindow({ shape }: CubeDescription): Window {
  return { line: 0, sample: 0, lines: shape[0], samples: shape[1] }
}

/** Every stride-th index from `start`. */
function every(start: number, count: number, stride: number, targetStep: number): Selection {
  const indices = new Float64Array(count)
  const targets = new Float64Array(count)
  for (let n = 0; n < count; n += 1) {
    indices[n] = start + n * stride
    targets[n] = n * targetStep
  }
  return { indices, targets }
}

/** Bands in any order, also repeated. */
function scattered(bands: readonly number[]): Selection {
  const order = bands.map((band, position) => ({ band, position })).sort((a, b) => a.band - b.band)
  return { indices: order.map(({ band }) => band), targets: order.map(({ position }) => position) }
}
