import { CuvetteError } from '../../../shared/problem'

export type RasterType = 'float32' | 'uint8' | 'uint16'
export type RasterValues = Float32Array | Uint8Array | Uint16Array

export const RASTER_BYTES: Record<RasterType, number> = { float32: 4, uint8: 1, uint16: 2 }

/** A raster written from top to bottom; it exists whole after `commit`, or not at all. */
export interface RasterWriter {
  /** The next lines, [n, samples, bands] row-major, in the raster's own type. */
  writeLines(values: RasterValues): Promise<void>
  /** Paths of the files, data first. Every line must have been written. */
  commit(): Promise<string[]>
  /** Leaves what was there before. Safe at any time. */
  abort(): Promise<void>
}

/** All numbers at once, [lines, samples, bands] row-major, or line by line, each [samples, bands]. */
export type RasterContent = RasterValues | ((line: number) => RasterValues | Promise<RasterValues>)

/** Writes all lines and commits; after an error nothing is left behind. */
export async function writeContent(writer: RasterWriter, lines: number, content: RasterContent): Promise<string[]> {
  try {
    if (typeof content !== 'function') await writer.writeLines(content)
    else for (let line = 0; line < lines; line += 1) await writer.writeLines(await content(line))
    return await writer.commit()
  } finally {
    await writer.abort()
  }
}

/** How many lines the values are. A wrong type or length is refused. */
export function linesOf(path: string, values: RasterValues, type: RasterType, perLine: number, linesLeft: number): number {
  const lines = values.length / perLine
  const rightType = values instanceof { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array }[type]
  if (rightType && Number.isInteger(lines) && lines <= linesLeft) return lines
  throw new CuvetteError('bad-argument', `${path} takes lines of ${perLine} ${type} numbers, ${linesLeft} lines are left, but ${values.length} numbers came.`, { path })
}

export function requireAllLines(path: string, written: number, lines: number): void {
  if (written === lines) return
  throw new CuvetteError('bad-argument', `${path} was to hold ${lines} lines, but ${written} were written.`, { path })
}

/** The same bytes, little-endian on every host that is supported. */
export function bytesOf(values: RasterValues): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}
