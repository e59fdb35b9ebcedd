import { choice, describe, image, namedNumbers } from './describe'
import type { NodeType } from './node'

// Numbers about scores and decisions that need no mask.

const QUANTILES = { q25: 0.25, q75: 0.75, q95: 0.95, q99: 0.99 }

export const scoreStatisticsMetric: NodeType = {
  description: describe({
    type: 'ScoreStatisticsMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'How the scores of a cube are distributed.',
    formula: 'mean, std (divisor N - 1), min, max, median (the lower of the middle two), and the quantiles 0.25, 0.75, 0.95 and 0.99 with linear interpolation, over all pixels',
    source: 'torch.quantile and torch.median; cuvis.ai ScoreStatisticsMetric.',
    inputs: [image('scores', 1, 'Scores: [B, H, W, 1], or [B, H, W].', { aliases: ['data', 'logits'], alternatives: [{ dtype: 'float32', shape: ['B', 'H', 'W'] }] })],
    outputs: [namedNumbers('metrics', 'scores/mean, scores/std, scores/min, scores/max, scores/median, scores/q25, scores/q75, scores/q95, scores/q99.')],
    parameters: [choice('nan_policy', ['omit', 'propagate'], 'omit', 'omit: scores that are not finite are left out; propagate: one NaN makes every number NaN.')],
  }),
  locality: 'image',
  repositoryParameters: { nan_policy: 'propagate' },
  measurement: {
    ports: ['scores'],
    measure({ nan_policy: policy }, { scores }) {
      const all = scores.data as Float32Array
      const statistics = statisticsOf(policy === 'omit' ? all.filter(Number.isFinite) : all.slice())
      return Object.fromEntries(Object.entries(statistics).map(([name, value]) => [`scores/${name}`, value]))
    },
  },
}

/** Statistics of values, which are sorted in place. NaN where one is not defined. */
function statisticsOf(values: Float32Array): Record<string, number> {
  const count = values.length
  const mean = values.reduce((sum, value) => sum + value, 0) / count
  const scatter = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  values.sort()
  // Sorting puts what is not a number last.
  const isDefined = count > 0 && !Number.isNaN(values[count - 1])
  const at = (rank: number): number => (isDefined ? values[rank] : NaN)
  const quantiles = Object.entries(QUANTILES).map(([name, quantile]) => {
    const rank = quantile * (count - 1)
    const below = Math.floor(rank)
    const [low, high] = [at(below), at(Math.ceil(rank))]
    return [name, low === high ? low : low + (high - low) * (rank - below)]
  })
  return {
    mean,
    std: count < 2 ? NaN : Math.sqrt(scatter / (count - 1)),
    min: at(0),
    max: at(count - 1),
    median: at((count - 1) >> 1),
    ...Object.fromEntries(quantiles),
  }
}

export const anomalyPixelStatisticsMetric: NodeType = {
  description: describe({
    type: 'AnomalyPixelStatisticsMetric',
    family: 'metrics',
    role: 'metric',
    summary: 'How many pixels the decisions flag.',
    formula: 'anomaly_percentage = 100 anomalous_pixels / total_pixels, 0 without pixels',
    source: 'cuvis.ai AnomalyPixelStatisticsMetric.',
    inputs: [image('decisions', 1, 'Decisions.', { dtype: 'bool' })],
    outputs: [namedNumbers('metrics', 'anomaly/total_pixels, anomaly/anomalous_pixels, anomaly/anomaly_percentage in percent.')],
  }),
  locality: 'image',
  measurement: {
    ports: ['decisions'],
    measure(_parameters, { decisions }) {
      const total = decisions.data.length
      const flagged = (decisions.data as Uint8Array).reduce((sum, decision) => sum + (decision === 0 ? 0 : 1), 0)
      return { 'anomaly/total_pixels': total, 'anomaly/anomalous_pixels': flagged, 'anomaly/anomaly_percentage': total === 0 ? 0 : (100 * flagged) / total }
    },
  },
}
