import type { ParameterDescription, ParameterValue } from '../../shared/nodes'
import { CuvetteError } from '../../shared/problem'
import { numbers } from './describe'
import { bandsWithin, nearestBand } from './false-color'

// Windows of wavelengths, one for each colour, inside which a selector chooses a band.

/** Ranges of wavelengths of red, green and blue as one list: [start, end, start, end, start, end]. */
export function windowsParameter(fallback: number[], meaning: string): ParameterDescription {
  return numbers('windows', fallback, `First and last wavelength of the window of ${meaning}; three pairs.`, { minimum: 0, unit: 'nm' })
}

/** Throws CuvetteError('bad-pipeline') unless there are three windows that start before they end. */
export function checkWindows(windows: ParameterValue): void {
  const list = Array.isArray(windows) ? windows : []
  if (list.length !== 6) throw new CuvetteError('bad-pipeline', `The list windows has ${list.length} numbers; three pairs of first and last wavelength are expected.`, { where: 'windows' })
  for (const [start, end] of pairsOf(list)) {
    if (start > end) throw new CuvetteError('bad-pipeline', `A window starts at ${start} nm and ends at ${end} nm; the start must not be above the end.`, { where: 'windows' })
  }
}

/** Bands of each window; of an empty one the band nearest to its middle. */
export function candidatesOf(windows: ParameterValue, wavelengthsNm: readonly number[]): number[][] {
  return pairsOf(windows as number[]).map(([start, end]) => {
    const inside = bandsWithin(wavelengthsNm, [start, end])
    return inside.length > 0 ? inside : [nearestBand(wavelengthsNm, (start + end) / 2)]
  })
}

function pairsOf(list: readonly number[]): [number, number][] {
  return [0, 2, 4].map((at) => [list[at], list[at + 1]])
}
