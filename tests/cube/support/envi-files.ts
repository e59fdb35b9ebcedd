import { dirname, join } from 'node:path'
import { writeFileSync } from 'node:fs'
import type { CubeDataType, Interleave } from '../../../src/shared/cube'

// An independent writer of ENVI files: element by element through a DataView.

export const ENVI_CODES: [code: number, dtype: CubeDataType][] = [
  [1, 'uint8'], [2, 'int16'], [3, 'int32'], [4, 'float32'], [5, 'float64'], [6, 'complex64'], [9, 'complex128'],
  [12, 'uint16'], [13, 'uint32'], [14, 'int64'], [15, 'uint64'],
]

const widths: Record<string, number> = {
  uint8: 1, int8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, float32: 4, int64: 8, uint64: 8, float64: 8, complex64: 8, complex128: 16,
}

export function widthOf(dtype: CubeDataType): number {
  return widths[dtype]
}

/** Stores one number; a complex one as (value, 2 * value). */
export function store(view: DataView, position: number, dtype: CubeDataType, value: number, little: boolean): void {
  if (dtype === 'uint8') view.setUint8(position, value)
  else if (dtype === 'int8') view.setInt8(position, value)
  else if (dtype === 'uint16') view.setUint16(position, value, little)
  else if (dtype === 'int16') view.setInt16(position, value, little)
  else if (dtype === 'uint32') view.setUint32(position, value, little)
  else if (dtype === 'int32') view.setInt32(position, value, little)
  else if (dtype === 'uint64') view.setBigUint64(position, BigInt(value), little)
  else if (dtype === 'int64') view.setBigInt64(position, BigInt(value), little)
  else if (dtype === 'float32') view.setFloat32(position, value, little)
  else if (dtype === 'float64') view.setFloat64(position, value, little)
  else if (dtype === 'complex64') {
    view.setFloat32(position, value, little)
    view.setFloat32(position + 4, 2 * value, little)
  } else {
    view.setFloat64(position, value, little)
    view.setFloat64(position + 8, 2 * value, little)
  }
}

export interface SmallCube {
  lines: number
  samples: number
  bands: number
  code: number
  dtype: CubeDataType
  interleave: Interleave
  little: boolean
  offset: number
  value: (line: number, sample: number, band: number) => number
}

/** Position of an element, counted in elements. */
export function elementAt({ lines, samples, bands, interleave }: SmallCube, line: number, sample: number, band: number): number {
  if (interleave === 'bsq') return (band * lines + line) * samples + sample
  if (interleave === 'bil') return (line * bands + band) * samples + sample
  return (line * samples + sample) * bands + band
}

export function dataBytes(cube: SmallCube): Uint8Array {
  const width = widthOf(cube.dtype)
  const bytes = new Uint8Array(cube.offset + cube.lines * cube.samples * cube.bands * width).fill(0xa5, 0, cube.offset)
  const view = new DataView(bytes.buffer)
  for (let line = 0; line < cube.lines; line += 1) {
    for (let sample = 0; sample < cube.samples; sample += 1) {
      for (let band = 0; band < cube.bands; band += 1) {
        store(view, cube.offset + elementAt(cube, line, sample, band) * width, cube.dtype, cube.value(line, sample, band), cube.little)
      }
    }
  }
  return bytes
}

export function headerText(cube: SmallCube, more = ''): string {
  const { samples, lines, bands, offset, code, interleave, little } = cube
  return `ENVI\nsamples = ${samples}\nlines = ${lines}\nbands = ${bands}\nheader offset = ${offset}\nfile type = ENVI Standard\ndata type = ${code}\ninterleave = ${interleave}\nbyte order = ${little ? 0 : 1}\n${more}`
}

/** Writes <path> and <path without ending>.hdr; answers the data path. */
export function writeSmallCube(path: string, cube: SmallCube, more = ''): string {
  writeFileSync(path, dataBytes(cube))
  writeFileSync(join(dirname(path), `${path.slice(dirname(path).length + 1).replace(/\.[^.]*$/, '')}.hdr`), headerText(cube, more))
  return path
}

export const plainCube: SmallCube = {
  lines: 3, samples: 4, bands: 5, code: 12, dtype: 'uint16', interleave: 'bsq', little: true, offset: 0,
  value: (line, sample, band) => 100 * line + 10 * sample + band,
}
