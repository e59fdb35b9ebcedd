import type { DetectedBand } from '../../shared/cube'
import type { Cube } from './cube'

export interface DetectOptions {
  signal?: AbortSignal
  /** Told how many pixels were looked at, of all pixels of the cube. */
  onPixels?(count: number): void
  /** Bytes read at once. Default 32 MiB. */
  bytes?: number
}

/** What has been seen of one band. */
interface Seen {
  nan: boolean
  noData: boolean
  /** The only finite value so far; undefined before the first. */
  value: number | undefined
  varies: boolean
}

/**
 * Bands that say nothing: every pixel NaN, every pixel no-data, or one value in every pixel that has one. `raw`: the cube
 * opened without a no-data value, so that the two can be told apart; `noData`: the one that holds, compared as float32.
 * Streams over blocks of lines and drops a band as soon as it shows a second value, so a sound cube is left after the first.
 */
export async function detectBadBands(raw: Cube, noData: number | null, { signal, onPixels, bytes = 32 * 2 ** 20 }: DetectOptions = {}): Promise<DetectedBand[]> {
  const [lines, samples, bands] = raw.description.shape
  const empty = noData === null ? NaN : Math.fround(noData)
  const seen = Array.from({ length: bands }, (): Seen => ({ nan: false, noData: false, value: undefined, varies: false }))
  let suspects = Array.from({ length: bands }, (_, band) => band)
  for (let line = 0; line < lines && suspects.length > 0; ) {
    // One line first: it usually settles all bands but the bad ones.
    const count = line === 0 ? 1 : Math.min(lines - line, Math.max(1, Math.floor(bytes / (4 * samples * suspects.length))))
    const pixels = await raw.readPixels({ line, sample: 0, lines: count, samples }, suspects, undefined, signal)
    suspects.forEach((band, at) => look(pixels, at, suspects.length, empty, seen[band]))
    suspects = suspects.filter((band) => !seen[band].varies)
    onPixels?.(count * samples)
    line += count
  }
  return suspects.map((band) => found(band, seen[band]))
}

function look(pixels: Float32Array, first: number, step: number, empty: number, seen: Seen): void {
  for (let at = first; at < pixels.length; at += step) {
    const value = pixels[at]
    if (value === empty) seen.noData = true
    else if (!Number.isFinite(value)) seen.nan = true
    else if (seen.value === undefined) seen.value = value
    else if (value !== seen.value) {
      seen.varies = true
      return
    }
  }
}

function found(band: number, { noData, value }: Seen): DetectedBand {
  if (value !== undefined) return { band, reason: 'constant', value }
  return { band, reason: noData ? 'no-data' : 'nan', value: null }
}
