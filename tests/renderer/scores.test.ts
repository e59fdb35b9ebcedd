import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judge } from '../../src/engine/inference/threshold'
import { binaryDecider } from '../../src/engine/nodes/binary-decider'
import { quantileBinaryDecider } from '../../src/engine/nodes/quantile-decider'
import { twoStageBinaryDecider } from '../../src/engine/nodes/two-stage-decider'
import { analyse } from '../../src/renderer/scores/analysis'
import { heatLimits } from '../../src/renderer/scores/heat-limits'
import { canBeLogarithmic, histogram, positionOf, quantileOf, scoreAt, scoreAxis } from '../../src/renderer/scores/histogram'
import { handlePlace, handleValue, ruleOf, thresholdBy } from '../../src/renderer/scores/decider-rule'
import { nearestPoint, operatingPoints, overlapAt, placeOn, pointAt } from '../../src/renderer/scores/operating-points'
import { aboveLargestNormal, bestF1, nextFloat32, otsu } from '../../src/renderer/scores/presets'
import { confusionAt, ratios, thresholdCurve } from '../../src/shared/threshold-curve'

// Few different values, so that ties are common.
const value = fc.oneof(fc.integer({ min: -3, max: 6 }).map((n) => n / 2), fc.constant(NaN))
const pixels = fc.array(fc.record({ score: value, target: fc.constantFrom(0, 0, 0, 1, 2, 255) }), { minLength: 1, maxLength: 40 })

function curveOf(list: { score: number; target: number }[], masked = true) {
  return thresholdCurve(Float32Array.from(list, (each) => each.score), masked ? Uint8Array.from(list, (each) => each.target) : null)
}

describe('best F1', () => {
  it('is at least that of every other threshold', () => {
    fc.assert(
      fc.property(pixels, (list) => {
        const curve = curveOf(list)
        const best = bestF1(curve)
        const positives = list.filter((each) => Number.isFinite(each.score) && each.target !== 0 && each.target !== 255).length
        if (positives === 0) return void expect(best).toBeNull()
        const f1 = ratios(confusionAt(curve, best!)!).f1
        for (const threshold of [-10, ...curve.sorted, 100]) expect(f1).toBeGreaterThanOrEqual(ratios(confusionAt(curve, threshold)!).f1 - 1e-12)
      }),
    )
  })

  it('does not exist without a mask', () => {
    expect(bestF1(curveOf([{ score: 1, target: 1 }], false))).toBeNull()
  })
})

describe('Otsu', () => {
  it('has the largest variance between both groups', () => {
    fc.assert(
      fc.property(pixels, (list) => {
        const { sorted } = curveOf(list, false)
        const found = otsu(curveOf(list, false))
        if (new Set(sorted).size < 2) return void expect(found).toBeNull()
        const between = (threshold: number) => {
          const [low, high] = [sorted.filter((each) => each < threshold), sorted.filter((each) => each >= threshold)]
          if (low.length === 0 || high.length === 0) return 0
          const mean = (group: Float32Array) => group.reduce((sum, each) => sum + each, 0) / group.length
          return ((low.length * high.length) / sorted.length ** 2) * (mean(low) - mean(high)) ** 2
        }
        for (const threshold of sorted) expect(between(found!)).toBeGreaterThanOrEqual(between(threshold) - 1e-9)
      }),
    )
  })

  it('separates two groups far from zero', () => {
    const scores = [...Array.from({ length: 90 }, (_, index) => 1e6 + index * 0.5), ...Array.from({ length: 10 }, (_, index) => 1e6 + 500 + index)]
    expect(otsu(thresholdCurve(Float32Array.from(scores), null))).toBe(1e6 + 500)
  })
})

describe('largest normal score', () => {
  it('flags no normal pixel, and every anomalous one above', () => {
    fc.assert(
      fc.property(pixels, (list) => {
        const curve = curveOf(list)
        const threshold = aboveLargestNormal(curve)
        const normal = list.filter((each) => Number.isFinite(each.score) && each.target === 0)
        if (normal.length === 0) return void expect(threshold).toBeNull()
        const largest = Math.max(...normal.map((each) => each.score))
        const above = list.filter((each) => each.score > largest && each.target !== 0 && each.target !== 255).length
        expect(confusionAt(curve, threshold!)).toMatchObject({ falsePositives: 0, truePositives: above })
      }),
    )
  })

  it('is the next float32', () => {
    expect(nextFloat32(1)).toBe(1 + 2 ** -23)
    expect(nextFloat32(-1)).toBe(-1 + 2 ** -24)
    expect(nextFloat32(0)).toBe(2 ** -149)
    expect(nextFloat32(-0)).toBe(2 ** -149)
  })
})

describe('operating points', () => {
  it('state what each of their thresholds flags, from none to all', () => {
    fc.assert(
      fc.property(pixels, (list) => {
        const curve = curveOf(list)
        const points = operatingPoints(curve)
        const positives = curve.positivesBelow![curve.sorted.length]
        if (positives === 0 || positives === curve.sorted.length) return void expect(points).toBeNull()
        points!.thresholds.forEach((threshold, index) => {
          expect(confusionAt(curve, threshold)).toMatchObject({ truePositives: points!.truePositives[index], falsePositives: points!.falsePositives[index] })
          if (index > 0) expect(overlapAt(points!, index)).toEqual({ f1: ratios(confusionAt(curve, threshold)!).f1, iou: ratios(confusionAt(curve, threshold)!).iou })
        })
        expect([points!.thresholds[0], points!.truePositives.at(-1), points!.falsePositives.at(-1)]).toEqual([Infinity, positives, curve.sorted.length - positives])
        // So few pixels are not thinned out.
        expect(points!.thresholds).toHaveLength(new Set(curve.sorted).size + 1)
      }),
    )
  })

  it('stay few for many pixels, and are found again by place and by threshold', () => {
    const scores = Float32Array.from({ length: 50_000 }, (_, index) => (index * 7919) % 50_000)
    const targets = Uint8Array.from(scores, (score, index) => (score > 45_000 && index % 3 === 0 ? 1 : 0))
    const points = operatingPoints(thresholdCurve(scores, targets))!
    expect(points.thresholds.length).toBeGreaterThan(400)
    expect(points.thresholds.length).toBeLessThan(900)
    for (const index of [1, 7, 300, points.thresholds.length - 1]) {
      const place = placeOn('roc', points.truePositives[index], points.falsePositives[index], points)!
      expect(nearestPoint(points, 'roc', ...place)).toBe(index)
      expect(pointAt(points, points.thresholds[index])).toBe(index)
    }
    expect(pointAt(points, 60_000)).toBe(0)
    expect(placeOn('precision-recall', 0, 0, points)).toBeNull()
  })
})

describe('rules of deciders over sorted scores', () => {
  const types = { BinaryDecider: binaryDecider, QuantileBinaryDecider: quantileBinaryDecider, TwoStageBinaryDecider: twoStageBinaryDecider }

  it('give the thresholds that the engine finds', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    const scores = fc.array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 64 }).map((n) => n / 64) }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity) }), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.constantFrom(...(Object.keys(types) as (keyof typeof types)[])), scores, share, share, fc.double({ min: 0.01, max: 1, noNaN: true }), fc.option(fc.integer({ min: -2, max: 2 })), (name, list, quantile, level, top, held) => {
        const rule = ruleOf(name)!
        const parameters = { quantile, threshold: null, image_threshold: level, top_k_fraction: top, nan_policy: 'omit', reduce_dims: null, ...(name === 'BinaryDecider' && { threshold: level }), [rule.fixed]: held }
        const values = Float32Array.from(list)
        const { sorted } = thresholdCurve(values, null)
        const { threshold } = judge({ name: 'decider', type: types[name], inputs: {}, channels: {}, parameters }, values)
        expect(thresholdBy(rule, parameters, sorted)).toBe(threshold)
      }),
    )
    expect(ruleOf('toString')).toBeNull()
  })

  it('have handles on which the last thousandth has as much room as the first half', () => {
    for (const scale of ['linear', 'upper-tail', 'lower-tail'] as const) {
      for (const place of [0.1, 0.5, 0.9]) expect(handlePlace(scale, handleValue(scale, place, 40_000), 40_000)).toBeCloseTo(place, 2)
    }
    expect(handleValue('upper-tail', 0.5, 1_000_000)).toBe(0.999)
    expect(handleValue('lower-tail', 0.5, 1_000_000)).toBe(0.001)
    expect([handleValue('upper-tail', 0, 100), handleValue('lower-tail', 1, 100)]).toEqual([0, 1])
  })
})

describe('analysis', () => {
  it('keeps ignored pixels for the rules of deciders', () => {
    const { all, curve } = analyse(Float32Array.of(3, 1, 2, NaN), Uint8Array.of(255, 0, 1, 0))
    expect([[...all], [...curve.sorted]]).toEqual([[1, 2, 3], [1, 2]])
  })


  it('means nothing where the mask marks nothing', () => {
    const empty = analyse(Float32Array.of(1, 2, 3), Uint8Array.of(0, 0, 255))
    expect(empty).toMatchObject({ auc: null, averagePrecision: null, proposals: { bestF1: null } })
    const none = analyse(Float32Array.of(NaN, NaN), Uint8Array.of(0, 1))
    expect(none.proposals).toEqual({ bestF1: null, otsu: null, largestNormal: null })
  })
})

describe('histogram', () => {
  it('counts every scored pixel in the bin its score lies in', () => {
    fc.assert(
      fc.property(pixels, fc.integer({ min: 1, max: 12 }), (list, bins) => {
        const curve = curveOf(list)
        const axis = scoreAxis(curve, false)
        if (!axis) return void expect(curve.sorted).toHaveLength(0)
        const counts = histogram(curve, axis, bins)
        const anomalous = curve.positivesBelow![curve.sorted.length]
        expect(counts.anomalous.reduce((sum, each) => sum + each, 0)).toBe(anomalous)
        expect(counts.normal.reduce((sum, each) => sum + each, 0)).toBe(curve.sorted.length - anomalous)
        expect(counts.largest).toBe(Math.max(...counts.normal.map((each, bin) => each + counts.anomalous[bin])))
      }),
    )
  })

  it('lays positive scores along a logarithmic axis', () => {
    const curve = thresholdCurve(Float32Array.of(1, 12, 150, 10_000), null)
    const axis = scoreAxis(curve, true)!
    expect(axis.logarithmic).toBe(true)
    expect(positionOf(axis, 100)).toBeCloseTo(0.5, 12)
    expect(scoreAt(axis, 0.25)).toBeCloseTo(10, 8)
    expect(positionOf(axis, -1)).toBe(-Infinity)
    expect([...histogram(curve, axis, 4).normal]).toEqual([1, 1, 1, 1])
    expect(canBeLogarithmic(thresholdCurve(Float32Array.of(0, 1), null))).toBe(false)
    expect(scoreAxis(thresholdCurve(Float32Array.of(0, 1), null), true)!.logarithmic).toBe(false)
  })

  it('gives a single value some room', () => {
    const axis = scoreAxis(thresholdCurve(Float32Array.of(5, 5), null), false)!
    expect([axis.low, axis.high]).toEqual([4.5, 5.5])
  })

  it('takes quantiles of what is sorted', () => {
    const curve = thresholdCurve(Float32Array.from({ length: 101 }, (_, index) => index), null)
    expect([0, 0.5, 0.99, 1].map((share) => quantileOf(curve, share))).toEqual([0, 50, 99, 100])
  })
})

describe('limits of the heat map', () => {
  it('leave outliers out and never meet', () => {
    expect(heatLimits(thresholdCurve(Float32Array.from({ length: 1001 }, (_, index) => index), null))).toEqual({ low: 500, high: 995 })
    expect(heatLimits(thresholdCurve(Float32Array.from({ length: 1000 }, (_, index) => (index === 999 ? 9 : 1)), null))).toEqual({ low: 1, high: 9 })
    expect(heatLimits(thresholdCurve(Float32Array.of(3), null))).toEqual({ low: 2.5, high: 3.5 })
    expect(heatLimits(thresholdCurve(new Float32Array(0), null))).toBeNull()
  })
})
