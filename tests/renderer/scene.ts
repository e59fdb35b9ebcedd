import type { CubeDescription, MaskDescription } from '../../src/shared/cube'
import { thresholdCurve } from '../../src/shared/threshold-curve'

// A small synthetic scene: smooth ground, a darker strip, a corner without data, and a few bright spots.

export interface Shape {
  lines: number
  samples: number
  bands: number
}

export const SHAPE: Shape = { lines: 90, samples: 120, bands: 61 }

const SPOTS = [[20, 30, 5], [60, 80, 4], [70, 25, 3], [35, 100, 6]]

export function isSpot(line: number, sample: number): boolean {
  return SPOTS.some(([y, x, radius]) => Math.hypot(line - y, sample - x) < radius)
}

export function hasData(line: number, sample: number, shape = SHAPE): boolean {
  return line + sample > 8 && line + (shape.samples - sample) > 12
}

export function reflectance(line: number, sample: number, band: number): number {
  const wavelength = 430 + band * 8
  const ground = 0.18 + 0.1 * Math.sin(line / 17) * Math.cos(sample / 23) + 0.03 * noise(line, sample)
  const plant = 0.05 + 0.08 * Math.exp(-(((wavelength - 550) / 30) ** 2)) + 0.5 / (1 + Math.exp(-(wavelength - 715) / 14))
  const soil = 0.12 + 0.00032 * (wavelength - 430)
  const cover = Math.min(1, Math.max(0, 0.5 + Math.sin(line / 13 + sample / 31) + 0.3 * noise(line + 500, sample)))
  const spot = isSpot(line, sample) ? 0.35 * Math.exp(-(((wavelength - 620) / 60) ** 2)) : 0
  return ground * 0.35 + cover * plant + (1 - cover) * soil + spot
}

export function score(line: number, sample: number): number {
  const base = 0.6 + 0.35 * Math.abs(noise(line * 3 + 7, sample * 5 + 1)) + 0.15 * Math.sin(line / 9) ** 2
  return base + (isSpot(line, sample) ? 1.3 + 0.5 * noise(line, sample) : 0)
}

/** About -1 to 1, the same every time. */
function noise(a: number, b: number): number {
  const value = Math.sin(a * 127.1 + b * 311.7) * 43758.5453
  return 2 * (value - Math.floor(value)) - 1
}

export function band(index: number, stride = 1, shape = SHAPE): Float32Array {
  return plane(shape, stride, (line, sample) => (hasData(line, sample, shape) ? reflectance(line, sample, index) : NaN))
}

export function scores(shape = SHAPE): Float32Array {
  return plane(shape, 1, (line, sample) => (hasData(line, sample, shape) ? score(line, sample) : NaN))
}

export function mask(shape = SHAPE): Uint8Array {
  return Uint8Array.from(plane(shape, 1, (line, sample) => (isSpot(line, sample) ? 1 : 0)))
}

export function plane(shape: Shape, stride: number, value: (line: number, sample: number) => number): Float32Array {
  const lines = Math.ceil(shape.lines / stride)
  const samples = Math.ceil(shape.samples / stride)
  const values = new Float32Array(lines * samples)
  for (let row = 0; row < lines; row += 1) for (let column = 0; column < samples; column += 1) values[row * samples + column] = value(row * stride, column * stride)
  return values
}

export function percentiles(values: Float32Array): number[] {
  const { sorted } = thresholdCurve(values, null)
  return Array.from({ length: 101 }, (_, index) => sorted[Math.round((index / 100) * (sorted.length - 1))])
}

export function describe(path: string, shape = SHAPE): CubeDescription {
  return {
    path, variable: null, format: 'ENVI', shape: [shape.lines, shape.samples, shape.bands], dtype: 'uint16', interleave: 'bil',
    wavelengths: Array.from({ length: shape.bands }, (_, index) => 430 + index * 8), wavelengthUnit: 'Nanometers', fwhm: null, bandNames: null,
    badBands: [40, 41, 42], defaultBands: null, noData: 0, scale: 10000, variables: [], mask: null, warnings: [],
  }
}

export function describeMask(path: string, shape = SHAPE): MaskDescription {
  const anomalous = mask(shape).reduce((sum, value) => sum + value, 0)
  return {
    path, variable: null, shape: [shape.lines, shape.samples],
    classes: [{ id: 0, count: shape.lines * shape.samples - anomalous }, { id: 1, count: anomalous }],
  }
}
