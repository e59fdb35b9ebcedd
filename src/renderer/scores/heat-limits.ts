import type { ThresholdCurve } from '../../shared/threshold-curve'
import { quantileOf } from './histogram'

/**
 * Scores at the ends of the colour map. The lower half is background; a few outliers must not leave everything
 * else dark.
 */
export function heatLimits(curve: ThresholdCurve): { low: number; high: number } | null {
  const { sorted } = curve
  if (sorted.length === 0) return null
  const low = quantileOf(curve, 0.5)
  const high = quantileOf(curve, 0.995)
  if (high > low) return { low, high }
  const [least, most] = [sorted[0], sorted[sorted.length - 1]]
  return most > least ? { low: least, high: most } : { low: least - 0.5, high: least + 0.5 }
}
