import type { ByteSource } from './bytes'
import { throwIfCancelled } from './bytes'
import type { Decode } from './numbers'
import type { Box, Selection } from './windowed-cube'

// Pixels of a file that holds band after band. Each band's part of a window lies in one stretch, so long stretches are
// read; but written to their places one band at a time, every number would touch a memory line of its own, over and
// over. So the stretches of all bands are kept as they are in the file, and put together a few pixels at a time.

export interface PlaneRead {
  source: ByteSource
  /** Byte position of element (0, 0, 0). */
  base: number
  bytesPerElement: number
  decode: Decode
  /** Of the file. */
  samples: number
  /** Elements from one band to the next. */
  bandStep: number
  box: Box
  out: Float32Array
  /** Largest read, in bytes; a line of the file fits. */
  pieceBytes: number
  /** Memory that earlier reads are done with. */
  spare: Uint8Array<ArrayBuffer>[]
  signals: (AbortSignal | undefined)[]
}

/** Bytes of all bands of some lines, as they are in the file: a quarter of a MiB of each of 64 bands. */
const KEPT_BYTES = 16 * 2 ** 20
const AT_ONCE = 8
/** Pixels that are put together at once: all their bands stay in the processor's cache. A multiple of 8, as decoding asks. */
const TOGETHER = 1024

/** Whether a box is whole lines, one after the other, of several bands, each once. */
export function isOfPlanes({ lines, samples, bands }: Box, width: number): boolean {
  return bands.indices.length > 1 && samples.indices.length === width && width > 1 && isRow(lines) && isRow(samples) && lines.targets[0] === 0 && samples.targets[0] === 0
    && (lines.indices.length === 1 || lines.targets[1] === width * samples.targets[1])
}

function isRow({ indices }: Selection): boolean {
  return indices[indices.length - 1] - indices[0] === indices.length - 1
}

/** Reads a box for which `isOfPlanes` holds. */
export async function readPlanes(read: PlaneRead): Promise<void> {
  const { source, bytesPerElement, decode, samples, box: { bands, lines }, spare } = read
  const count = bands.indices.length
  const lineBytes = samples * bytesPerElement
  const step = Math.max(1, Math.floor(Math.min(KEPT_BYTES / count, read.pieceBytes) / lineBytes))
  const stretch = Math.ceil((Math.min(step, lines.indices.length) * lineBytes) / 8) * 8
  const last = spare.pop()
  const kept = last && last.length >= count * stretch ? last : new Uint8Array(count * stretch)
  const numbers = new Float32Array(TOGETHER)
  for (let from = 0; from < lines.indices.length; from += step) {
    const pixels = Math.min(step, lines.indices.length - from) * samples
    const bytesOf = (band: number): Uint8Array => kept.subarray(band * stretch, band * stretch + pixels * bytesPerElement)
    for (let first = 0; first < count; first += AT_ONCE) {
      throwIfCancelled(source.path, ...read.signals)
      const some = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, more) => first + more)
      const reads = some.map((band) => source.read(read.base + (bands.indices[band] * read.bandStep + (lines.indices[0] + from) * samples) * bytesPerElement, bytesOf(band)))
      // Nobody may close the file while reads are still under way.
      const failed = (await Promise.allSettled(reads)).find((done) => done.status === 'rejected')
      if (failed) throw failed.reason
    }
    for (let pixel = 0; pixel < pixels; pixel += TOGETHER) {
      const together = Math.min(TOGETHER, pixels - pixel)
      const target = (from * samples + pixel) * read.box.samples.targets[1]
      for (let band = 0; band < count; band += 1) {
        decode(bytesOf(band).subarray(pixel * bytesPerElement, (pixel + together) * bytesPerElement), together, numbers)
        scatter(numbers, together, read.out, target + bands.targets[band], read.box.samples.targets[1])
      }
    }
  }
  spare.push(kept)
}

function scatter(numbers: Float32Array, count: number, out: Float32Array, target: number, step: number): void {
  for (let n = 0, to = target; n < count; n += 1, to += step) out[to] = numbers[n]
}
