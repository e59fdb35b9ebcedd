import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { areaUnderRoc, averagePrecision, confusionAt, countBelow, detectionMetrics, IGNORED, ratios, thresholdCurve } from '../../src/shared/threshold-curve'

const run = { seed: 20261123, numRuns: 200 }
// Few distinct values, so that ties are common; NaN stands for a pixel that could not be scored.
const pixel = fc.record({
  score: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -3, max: 3 }).map((n) => n / 2) }, { weight: 1, arbitrary: fc.constant(NaN) }),
  target: fc.constantFrom(0, 0, 1, IGNORED),
})
const scene = fc.array(pixel, { minLength: 1, maxLength: 40 })

function curveOf(pixels: { score: number; target: number }[]) {
  return thresholdCurve(Float32Array.from(pixels, (p) => p.score), Uint8Array.from(pixels, (p) => p.target))
}

function counted(pixels: { score: number; target: number }[]) {
  return pixels.filter((p) => Number.isFinite(p.score) && p.target !== IGNORED)
}

describe('threshold curve', () => {
  it('counts what a loop over the pixels counts, at any threshold', () => {
    fc.assert(
      fc.property(scene, fc.integer({ min: -8, max: 8 }), (pixels, step) => {
        const threshold = step / 4
        const kept = counted(pixels)
        expect(confusionAt(curveOf(pixels), threshold)).toEqual({
          truePositives: kept.filter((p) => p.target === 1 && p.score >= threshold).length,
          falsePositives: kept.filter((p) => p.target === 0 && p.score >= threshold).length,
          trueNegatives: kept.filter((p) => p.target === 0 && p.score < threshold).length,
          falseNegatives: kept.filter((p) => p.target === 1 && p.score < threshold).length,
        })
      }),
      run,
    )
  })

  it('gives the AUC as the share of ordered pairs, ties counting half', () => {
    fc.assert(
      fc.property(scene, (pixels) => {
        const kept = counted(pixels)
        const positives = kept.filter((p) => p.target === 1)
        const negatives = kept.filter((p) => p.target === 0)
        const auc = areaUnderRoc(curveOf(pixels))
        if (positives.length === 0 || negatives.length === 0) {
          expect(auc).toBeNull()
          return
        }
        let won = 0
        for (const p of positives) for (const n of negatives) won += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0
        expect(auc).toBeCloseTo(won / (positives.length * negatives.length), 12)
      }),
      run,
    )
  })

  it('gives the average precision of the definition, over distinct thresholds', () => {
    fc.assert(
      fc.property(scene, (pixels) => {
        const kept = counted(pixels)
        const positives = kept.filter((p) => p.target === 1).length
        const result = averagePrecision(curveOf(pixels))
        if (positives === 0) {
          expect(result).toBeNull()
          return
        }
        let sum = 0
        let recallBefore = 0
        for (const threshold of [...new Set(kept.map((p) => p.score))].sort((a, b) => b - a)) {
          const flagged = kept.filter((p) => p.score >= threshold)
          const hits = flagged.filter((p) => p.target === 1).length
          sum += (hits / positives - recallBefore) * (hits / flagged.length)
          recallBefore = hits / positives
        }
        expect(result).toBeCloseTo(sum, 12)
      }),
      run,
    )
  })

  it('knows no confusion, AUC or precision without a mask', () => {
    const curve = thresholdCurve(Float32Array.of(3, NaN, 1, 2), null)
    expect([...curve.sorted]).toEqual([1, 2, 3])
    expect(countBelow(curve, 2)).toBe(1)
    expect(confusionAt(curve, 2)).toBeNull()
    expect(areaUnderRoc(curve)).toBeNull()
    expect(averagePrecision(curve)).toBeNull()
    expect(detectionMetrics(curve, 2)).toBeNull()
  })

  it('an empty mask gives zeros and no AUC, never NaN', () => {
    const metrics = detectionMetrics(thresholdCurve(Float32Array.of(1, 2, 3), Uint8Array.of(0, 0, 0)), 2)
    expect(metrics).toEqual({
      auc: null, averagePrecision: null, precision: 0, recall: 0, f1: 0, iou: 0, threshold: 2,
      confusion: { truePositives: 0, falsePositives: 2, trueNegatives: 1, falseNegatives: 0 },
    })
  })

  it('a perfect separation is perfect', () => {
    expect(ratios({ truePositives: 4, falsePositives: 0, trueNegatives: 9, falseNegatives: 0 })).toEqual({ precision: 1, recall: 1, f1: 1, iou: 1 })
    const curve = thresholdCurve(Float32Array.of(1, 2, 8, 9), Uint8Array.of(0, 0, 1, 1))
    expect(areaUnderRoc(curve)).toBe(1)
    expect(averagePrecision(curve)).toBe(1)
  })
})
