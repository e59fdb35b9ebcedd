import { describe, expect, it } from 'vitest'
import { nodeType } from '../../src/engine/nodes/registry'
import { float32 } from '../../src/engine/onnx/tensor'

const measure = (type: string, tensors: Parameters<NonNullable<NonNullable<ReturnType<typeof nodeType>>['measurement']>['measure']>[1], parameters = {}) => nodeType(type)?.measurement?.measure({ nan_policy: 'omit', ...parameters }, tensors) ?? {}

describe('statistics of scores', () => {
  it('describe a known distribution, quantiles in order', () => {
    const scores = Float32Array.from({ length: 1001 }, (_, at) => ((at * 577) % 1001) / 1000)
    const found = measure('ScoreStatisticsMetric', { scores: float32([1, 7, 143, 1], scores) })
    expect(found['scores/mean']).toBeCloseTo(0.5, 5)
    expect([found['scores/min'], found['scores/q25'], found['scores/median'], found['scores/q75'], found['scores/q95'], found['scores/q99'], found['scores/max']].map((value) => Math.round(value * 1000))).toEqual([0, 250, 500, 750, 950, 990, 1000])
    expect(found['scores/std']).toBeCloseTo(Math.sqrt((1001 ** 2 - 1) / 12 * 1001 / 1000) / 1000, 5)
  })

  it('leave out what is not finite, or show it', () => {
    const scores = float32([1, 1, 4, 1], [1, NaN, 3, Infinity])
    expect(measure('ScoreStatisticsMetric', { scores })).toMatchObject({ 'scores/mean': 2, 'scores/max': 3, 'scores/median': 1 })
    expect(Object.values(measure('ScoreStatisticsMetric', { scores }, { nan_policy: 'propagate' })).every(Number.isNaN)).toBe(true)
    expect(Object.values(measure('ScoreStatisticsMetric', { scores: float32([1, 0, 0, 1], []) })).every(Number.isNaN)).toBe(true)
  })

  it('never change the scores', () => {
    const scores = float32([1, 1, 3, 1], [3, 1, 2])
    measure('ScoreStatisticsMetric', { scores }, { nan_policy: 'propagate' })
    expect([...scores.data]).toEqual([3, 1, 2])
  })
})

describe('statistics of decisions', () => {
  it.each([
    ['some', [2, 10, 10, 1], 20, 10],
    ['all', [1, 5, 5, 1], 25, 100],
    ['none', [1, 8, 8, 1], 0, 0],
    ['no pixels', [1, 0, 0, 1], 0, 0],
  ])('%s', (_name, shape, flagged, percentage) => {
    const total = shape.reduce((product, size) => product * size, 1)
    const decisions = { type: 'bool' as const, shape, data: Uint8Array.from({ length: total }, (_, at) => (at < flagged ? 1 : 0)) }
    expect(measure('AnomalyPixelStatisticsMetric', { decisions })).toEqual({ 'anomaly/total_pixels': total, 'anomaly/anomalous_pixels': flagged, 'anomaly/anomaly_percentage': percentage })
  })
})

describe('metrics', () => {
  it.each(['AnomalyDetectionMetrics', 'ScoreStatisticsMetric', 'AnomalyPixelStatisticsMetric'])('%s reports named numbers and writes no graph', (name) => {
    const type = nodeType(name)
    expect(type?.description.role).toBe('metric')
    expect(type?.description.outputs.map(({ dtype }) => dtype)).toEqual(['metrics'])
    expect(type?.write).toBeUndefined()
  })
})
