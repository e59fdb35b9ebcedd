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
 *
 * Reads throw CuvetteError: 'bad-argument' for a window or band outside the cube, 'truncated' or 'bad-data'
 * for a damaged file, 'cancelled' when the signal fires. Several reads may run at once.
 */
export interface Cube {
  readonly description: CubeDescription
  /**
   * Keys of a text header and their values as written, lower-case keys: what the description does not
   * know (map info, coordinate system string, ...) for writing back. Absent for formats without such a header.
   */
  readonly headerFields?: ReadonlyMap<string, string>
  /** Bytes of the file that reading one whole band touches; absent: about those of the band. */
  readonly bandBytes?: number
  /** [lines, samples, bands] row-major, into `target` when given. `bands`: 0-based, default all. */
  readPixels(window: Window, bands?: readonly number[] | null, target?: Float32Array, signal?: AbortSignal): Promise<Float32Array>
  /** One band [ceil(lines/stride), ceil(samples/stride)] of the window, taking every stride-th line and sample. */
  readBand(band: number, window: Window, stride?: number, signal?: AbortSignal): Promise<Float32Array>
  close(): Promise<void>
}

export interface OpenOptions {
  /** Variable inside the file, for formats that hold several. */
  variable?: string | null
  /** Stops the opening and every later read of the cube. */
  signal?: AbortSignal
  /** Largest number of bytes read at once. Default 2 MiB. */
  pieceBytes?: number
  /** Largest number of bytes of decompressed data held in memory; more goes to a temporary file. Default 256 MiB. */
  inflatedBytes?: number
  /** Number that stands for no data, instead of what the file says; null: none. */
  noData?: number | null
  /** Open the mask of a cube of this size [lines, samples]: an image of one band, no-data values as stored. */
  maskFor?: readonly [number, number]
}

/** One file format. `formats/index.ts` lists them; files are told by their content first and by their name second. */
export interface CubeFormat {
  /** As sentences name it. */
  readonly name: string
  /** `head`: the first bytes (up to 1024) of the file that the user named. */
  recognises(path: string, head: Uint8Array): Promise<boolean>
  open(path: string, options: OpenOptions): Promise<Cube>
  /** Every file that a cube consists of, the one with the numbers first. Absent: the named file alone. */
  files?(path: string): Promise<string[]>
}

/** The number that readers turn into NaN: that of the file unless something else is said; masks have none. */
export function effectiveNoData({ noData }: Pick<CubeDescription, 'noData'>, options: OpenOptions): number | null {
  if (options.maskFor) return null
  return options.noData === undefined ? noData : options.noData
}
