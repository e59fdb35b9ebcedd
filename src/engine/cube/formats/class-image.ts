import type { ClassDescription, CubeDescription } from '../../../shared/cube'
import type { ByteSource } from '../bytes'
import type { Cube, OpenOptions } from '../cube'
import { stridedCube } from '../strided-cube'

/** A picture of classes that is drawn as a whole when its first value is asked for. */
export interface ClassImage {
  path: string
  variable: string | null
  format: string
  lines: number
  samples: number
  classes: ClassDescription[]
  warnings: string[]
  /** Class of every pixel, row by row; may add to `classes` and `warnings`. */
  draw(): Promise<Uint8Array | Uint16Array>
}

/** A cube of one band over such a picture. Its size is known before anything is drawn, so one that does not fit costs nothing. */
export function classImageCube(image: ClassImage, wide: boolean, options: OpenOptions): Cube {
  const { path, variable, format, lines, samples, classes, warnings } = image
  const description: CubeDescription = {
    path, variable, format, shape: [lines, samples, 1], dtype: wide ? 'uint16' : 'uint8', interleave: 'bsq',
    wavelengths: null, wavelengthUnit: null, fwhm: null, bandNames: null, badBands: [], defaultBands: null, noData: null, scale: null,
    variables: [], mask: null, warnings, classes,
  }
  let drawn: Promise<Uint8Array> | null = null
  const source: ByteSource = {
    path,
    async read(position, into) {
      drawn ??= image.draw().then((values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
      into.set((await drawn).subarray(position, position + into.length))
    },
    async close() {
      drawn = null
    },
  }
  // Typed arrays lie in the order of the host, which is little-endian on all that are supported.
  return stridedCube(description, { dtype: description.dtype, littleEndian: true, base: 0, steps: { line: samples, sample: 1, band: lines * samples } }, source, options)
}
