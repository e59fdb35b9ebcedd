import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { detectionOf } from '../../src/engine/inference/detection'
import { answerOver } from '../../src/engine/inference/walks'
import { confusionAt, IGNORED, ratios, thresholdCurve } from '../../src/shared/threshold-curve'

const pixel = fc.record({
  score: fc.oneof(fc.float(), fc.constantFrom(0, -0, 1, 1, 1.0000001, -2, NaN, Infinity)),
  target: fc.constantFrom(0, 0, 0, 1, IGNORED),
})

/** Pair by pair, and threshold by threshold. */
function plainly(pixels: readonly { score: number; target: number }[]): { auc: number | null; averagePrecision: number | null } {
  const judged = pixels.filter(({ score, target }) => Number.isFinite(score) && target !== IGNORED)
  const scoresOf = (target: number): number[] => judged.filter((one) => one.target === target).map(({ score }) => score)
  const [normal, anomalous] = [scoresOf(0), scoresOf(1)]
  const higher = anomalous.flatMap((a) => normal.map((n): number => (a > n ? 1 : a === n ? 0.5 : 0))).reduce((sum, one) => sum + one, 0)
  const thresholds = [...new Set(judged.map(({ score }) => score + 0))].sort((a, b) => b - a)
  let [found, precisions] = [0, 0]
  for (const threshold of thresholds) {
    const hits = anomalous.filter((score) => score >= threshold).length
    precisions += ((hits - found) / anomalous.length) * (hits / (hits + normal.filter((score) => score >= threshold).length))
    found = hits
  }
  return { auc: normal.length * anomalous.length === 0 ? null : higher / (normal.length * anomalous.length), averagePrecision: anomalous.length === 0 ? null : precisions }
}

describe('the quality of scores that do not fit into memory', () => {
  it('is exactly that of sorted scores, however few are held and however the blocks are cut', async () => {
    const held = fc.constantFrom(1, 2, 5, 1000)
    await fc.assert(fc.asyncProperty(fc.array(pixel, { minLength: 1, maxLength: 60 }), held, fc.integer({ min: 1, max: 20 }), fc.float({ noNaN: true }), async (pixels, most, size, threshold) => {
      const scores = Float32Array.from(pixels, ({ score }) => score)
      const targets = Uint8Array.from(pixels, ({ target }) => target)
      const blocks = async function* () {
        for (let at = 0; at < scores.length; at += size) yield { scores: scores.slice(at, at + size), targets: targets.slice(at, at + size) }
      }
      const metrics = await answerOver(detectionOf(threshold, most), blocks)
      const confusion = confusionAt(thresholdCurve(scores, targets), threshold)
      expect(metrics).toEqual({ ...plainly(pixels), ...(confusion && ratios(confusion)), threshold, confusion })
    }), { seed: 5, numRuns: 150 })
  })
})
