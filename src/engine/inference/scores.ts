import type { TemporaryFile } from '../files/temporary'
import { openTemporary } from '../files/temporary'

/** Where the scores of a scene may be kept. */
export interface ScoreRoom {
  /** Bytes of them in memory; more go to a temporary file. Default: as many as there are. */
  bytes?: number
  /** Where that file is made. */
  folder?: string
}

/** Some consecutive pixels of a scene. */
export interface ScoreBlock {
  /** Index of the first pixel: line * samples + sample. */
  first: number
  count: number
  /** [count, K]; valid until the next block is asked for. */
  values: Float32Array
}

/** Whole pixels are gathered to about this many bytes before they are written, and read in such blocks. */
const BLOCK_BYTES = 2 ** 20

/** The scores of one scene [N, K] in scan order. Memory stays bounded by its room, whatever the scene. */
export class Scores {
  private written = 0
  private readonly gathered: Float32Array
  private filled = 0

  private constructor(
    /** N. */
    readonly pixels: number,
    /** K: 1 for all but some deciders' inputs. */
    readonly channels: number,
    private readonly file: TemporaryFile | null,
    blockPixels: number,
  ) {
    this.gathered = new Float32Array(blockPixels * channels)
  }

  /** Room for the scores of `pixels` pixels. Throws CuvetteError('cannot-write'). */
  static async open(pixels: number, channels: number, { bytes = Infinity, folder }: ScoreRoom = {}): Promise<Scores> {
    const fits = 4 * pixels * channels <= bytes || folder === undefined
    const blockPixels = Math.min(pixels, Math.max(1, Math.floor(BLOCK_BYTES / (4 * channels))))
    return new Scores(pixels, channels, fits ? null : await openTemporary(folder), fits ? pixels : blockPixels)
  }

  /** Appends the scores [n, K] of the next n pixels. Throws CuvetteError('cannot-write'). */
  async append(values: Float32Array): Promise<void> {
    for (let done = 0; done < values.length; ) {
      const part = values.subarray(done, done + this.gathered.length - this.filled)
      this.gathered.set(part, this.filled)
      this.filled += part.length
      done += part.length
      if (this.file && this.filled === this.gathered.length) await this.flush(this.file)
    }
  }

  /** The scores of some pixels [count, K]. All of them at once take memory that the caller must answer for. */
  async read(first: number, count: number): Promise<Float32Array> {
    return this.file ? await this.readInto(this.file, first, new Float32Array(count * this.channels)) : this.gathered.slice(first * this.channels, (first + count) * this.channels)
  }

  /** All scores in order, in blocks of `lines` whole lines of so many samples, or of any pixels. */
  async *blocks(samples = 1): AsyncGenerator<ScoreBlock> {
    const step = samples * Math.max(1, Math.floor(BLOCK_BYTES / (4 * this.channels * samples)))
    const buffer = this.file && new Float32Array(Math.min(step, this.pixels) * this.channels)
    for (let first = 0; first < this.pixels; first += step) {
      const count = Math.min(step, this.pixels - first)
      const [from, to] = [first * this.channels, (first + count) * this.channels]
      yield { first, count, values: this.file && buffer ? await this.readInto(this.file, first, buffer.subarray(0, to - from)) : this.gathered.subarray(from, to) }
    }
  }

  async close(): Promise<void> {
    await this.file?.close()
  }

  private async readInto(file: TemporaryFile, first: number, into: Float32Array): Promise<Float32Array> {
    await this.flush(file)
    await file.read(4 * first * this.channels, bytesOf(into))
    return into
  }

  private async flush(file: TemporaryFile): Promise<void> {
    if (this.filled === 0) return
    const { filled } = this
    this.filled = 0
    await file.write(bytesOf(this.gathered.subarray(0, filled)), 4 * this.written)
    this.written += filled
  }
}

function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
