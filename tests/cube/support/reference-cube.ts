import type { Window } from '../../../src/engine/cube/cube'

// The plainest possible answers, to compare with.

export type Value = (line: number, sample: number, band: number) => number

export function expectedPixels(value: Value, window: Window, bands: readonly number[]): Float32Array {
  const out: number[] = []
  for (let line = window.line; line < window.line + window.lines; line += 1) {
    for (let sample = window.sample; sample < window.sample + window.samples; sample += 1) {
      for (const band of bands) out.push(value(line, sample, band))
    }
  }
  return Float32Array.from(out)
}

export function expectedBand(value: Value, band: number, window: Window, stride: number): Float32Array {
  const out: number[] = []
  for (let line = window.line; line < window.line + window.lines; line += stride) {
    for (let sample = window.sample; sample < window.sample + window.samples; sample += stride) out.push(value(line, sample, band))
  }
  return Float32Array.from(out)
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n)
}
