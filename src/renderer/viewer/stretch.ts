import type { BandStatistics } from '../../shared/cube'

export interface Stretch {
  id: string
  label: string
  /** Percentiles that become black and white. */
  low: number
  high: number
}

export const STRETCHES: readonly Stretch[] = [
  { id: 'p2', label: '2–98 %', low: 2, high: 98 },
  { id: 'p1', label: '1–99 %', low: 1, high: 99 },
  { id: 'minmax', label: 'Min–max', low: 0, high: 100 },
]

/** Values that are shown as black and as white. */
export type Limits = [number, number]

/** The limits of one band. A band with one value is shown as middle grey, one without any as black. */
export function stretchLimits(statistics: Pick<BandStatistics, 'percentiles' | 'validPixels'>, stretch: Stretch): Limits {
  if (statistics.validPixels === 0) return [0, 1]
  const low = statistics.percentiles[stretch.low]
  const high = statistics.percentiles[stretch.high]
  if (high > low) return [low, high]
  const [least, most] = [statistics.percentiles[0], statistics.percentiles[100]]
  // Nearly constant: the percentiles agree but there are outliers.
  if (most > least) return [least, most]
  const half = Math.max(Math.abs(low) * 0.5, 0.5)
  return [low - half, low + half]
}
