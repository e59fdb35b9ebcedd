import type { CubeDescription } from '../../shared/cube'

/** A rectangle of pixels. */
export interface Window {
  line: number
  sample: number
  lines: number
  samples: number
}

/**
 * An open cube: what is known of it, and windowed reads. Nothing reads more than the window asked for
 * plus what the file's layout forces, in bounded pieces. Numbers are as stored (no scale applied),
 * converted to float32; no-data values become NaN; complex values their magnitude.
 */
export interface Cube {
  readonly description: CubeDescription
  /** [lines, samples, bands] row-major, into `target` when given. `bands`: 0-based, default all. */
  readPixels(window: Window, bands?: readonly number[] | null, target?: Float32Array): Promise<Float32Array>
  /** One band [ceil(lines/stride), ceil(samples/stride)] of the window, taking every stride-th line and sample. */
  readBand(band: number, window: Window, stride?: number): Promise<Float32Array>
  close(): Promise<void>
}

export interface OpenOptions {
  /** Variable inside the file, for formats that hold several. */
  variable?: string | null
  signal?: AbortSignal
}

/** One file format. Readers are tried by content first and by name second. */
export interface CubeFormat {
  readonly name: string
  /** `head`: the first bytes (up to 1024) of the file that the user named. */
  recognises(path: string, head: Uint8Array): Promise<boolean>
  open(path: string, options: OpenOptions): Promise<Cube>
}
