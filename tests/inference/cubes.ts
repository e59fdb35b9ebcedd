import type { Cube } from '../../src/engine/cube'
import type { ScoreOptions } from '../../src/engine/inference/score'
import { scoreCube } from '../../src/engine/inference/score'
import type { Session } from '../../src/engine/onnx/session'
import type { CubeDescription } from '../../src/shared/cube'

/** The test of cubes with six bands, all of which are used. */
export const everyBand = usableOf(6)

/** Whether all of a pixel's bands are finite. */
export function usableOf(bands: number) {
  return (pixels: Float32Array, pixel: number): boolean => pixels.subarray(pixel * bands, (pixel + 1) * bands).every(Number.isFinite)
}

/** A cube in memory: what the engine sees of an open file. `reads` counts the pixels read. */
export interface MemoryCube extends Cube {
  reads: number
}

/** pixels: [lines, samples, bands] row-major. */
export function memoryCube(shape: [number, number, number], pixels: Float32Array, about: Partial<CubeDescription> = {}): MemoryCube {
  const [lines, samples, bands] = shape
  return {
    reads: 0,
    description: {
      path: '/memory/cube', variable: null, format: 'memory', shape, dtype: 'float32', interleave: 'bip', wavelengths: null, wavelengthUnit: null,
      fwhm: null, bandNames: null, badBands: [], defaultBands: null, noData: null, scale: null, variables: [], mask: null, warnings: [], ...about,
    },
    async readPixels(window, chosen, target, signal) {
      signal?.throwIfAborted()
      if (window.line + window.lines > lines || window.sample + window.samples > samples || chosen) throw new Error('outside the cube')
      const out = target ?? new Float32Array(window.lines * window.samples * bands)
      for (let line = 0; line < window.lines; line += 1) {
        const from = ((window.line + line) * samples + window.sample) * bands
        out.set(pixels.subarray(from, from + window.samples * bands), line * window.samples * bands)
      }
      this.reads += window.lines * window.samples
      return out
    },
    async readBand() {
      throw new Error('not needed here')
    },
    async close() {},
  }
}

/** `scoreCube` with all scores [H, W, K] in memory. */
export async function scoresOfCube(session: Session, cube: Cube, options: ScoreOptions): Promise<{ values: Float32Array; channels: number; unusable: number; unscored: number }> {
  const { scores, unusable, unscored } = await scoreCube(session, cube, options)
  const values = await scores.read(0, scores.pixels)
  await scores.close()
  return { values, channels: scores.channels, unusable, unscored }
}
