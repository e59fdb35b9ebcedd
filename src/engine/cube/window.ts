import type { CubeDescription } from '../../shared/cube'
import { CuvetteError } from '../../shared/problem'
import type { Window } from './cube'

// Checks of what a caller asks an open cube for. All throw CuvetteError('bad-argument').

export function checkedWindow({ path, shape: [lines, samples] }: CubeDescription, window: Window): void {
  const { line, sample } = window
  const whole = [line, sample, window.lines, window.samples].every(Number.isInteger)
  if (whole && line >= 0 && sample >= 0 && window.lines >= 1 && window.samples >= 1 && line + window.lines <= lines && sample + window.samples <= samples) return
  throw new CuvetteError(
    'bad-argument',
    `The window of ${window.lines} x ${window.samples} pixels at line ${line}, sample ${sample} lies outside ${path}, which has ${lines} lines and ${samples} samples.`,
    { path },
  )
}

export function checkedBand({ path, shape: [, , bands] }: CubeDescription, band: number): void {
  if (Number.isInteger(band) && band >= 0 && band < bands) return
  throw new CuvetteError('bad-argument', `There is no band ${band} in ${path}; its bands are 0 to ${bands - 1}.`, { path })
}

export function checkedBands(description: CubeDescription, bands: readonly number[]): readonly number[] {
  for (const band of bands) checkedBand(description, band)
  return bands
}

export function checkedStride({ path }: CubeDescription, stride: number): void {
  if (Number.isInteger(stride) && stride >= 1) return
  throw new CuvetteError('bad-argument', `A stride of ${stride} cannot be read from ${path}; it is a whole number from 1.`, { path })
}

export function checkedTarget({ path }: CubeDescription, target: Float32Array | undefined, length: number): Float32Array {
  if (!target) return new Float32Array(length)
  if (target.length === length) return target
  throw new CuvetteError('bad-argument', `The target for pixels of ${path} holds ${target.length} numbers; ${length} are needed.`, { path })
}
