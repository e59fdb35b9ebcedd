import { describe, expect, it } from 'vitest'
import { Matrix, inverse } from 'ml-matrix'
import { randomSource } from '../../src/engine/nodes/random'
import { float32 } from '../../src/engine/onnx/tensor'
import { fitted, repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const type = typeNamed('MatchedFilter')
const BANDS = 5

/** Correlated pixels around a mean [count, BANDS]. */
function scene(count: number): number[][] {
  const random = randomSource(7, 'scene')
  return Array.from({ length: count }, () => {
    const common = random.normal()
    return Array.from({ length: BANDS }, (_, band) => 100 + 20 * band + 8 * common + (1 + band) * random.normal())
  })
}

/** Matched filter and adaptive cosine estimator of rows x for a target t, in float64 and by the inverse. */
function expected(pixels: readonly number[][], target: readonly number[], regularization: number): { mf: number[]; ace: number[] } {
  const mu = target.map((_, band) => pixels.reduce((sum, pixel) => sum + pixel[band], 0) / pixels.length)
  const centred = new Matrix(pixels.map((pixel) => pixel.map((value, band) => value - mu[band])))
  const covariance = centred.transpose().mmul(centred).div(pixels.length - 1)
  covariance.add(Matrix.eye(BANDS).mul((regularization * covariance.trace()) / BANDS))
  const precision = inverse(covariance)
  const signal = Matrix.rowVector(target.map((value, band) => value - mu[band]))
  const energy = signal.mmul(precision).mmul(signal.transpose()).get(0, 0)
  const products = centred.mmul(precision).mmul(signal.transpose()).to1DArray()
  const distances = centred.to2DArray().map((row) => Matrix.rowVector(row).mmul(precision).mmul(Matrix.columnVector(row)).get(0, 0))
  return { mf: products.map((product) => product / energy), ace: products.map((product, at) => (product * Math.abs(product)) / (energy * distances[at])) }
}

async function scores(parameters: Record<string, unknown>, pixels: readonly number[][], targets: readonly number[][]) {
  const all = repositoryParameters(type, { num_channels: BANDS, target: Object.fromEntries(targets.map((spectrum, at) => [`t${at}`, { spectrum }])), ...parameters })
  const data = float32([1, 1, pixels.length, BANDS], pixels.flat())
  const state = { ...(await fitted(type, all, [data])), target: float32([targets.length, BANDS], targets.flat()) }
  return (await runNode({ type, parameters: all, state, inputs: { data } })).outputs
}

describe('MatchedFilter', () => {
  const pixels = scene(400)
  const targets = [[120, 110, 150, 190, 160], [90, 150, 130, 150, 200]]

  it.each(['mf', 'ace'] as const)('%s is what float64 and the inverse covariance say', async (normalization) => {
    for (const regularization of [0, 1e-6, 0.05]) {
      const found = await scores({ normalization, regularization }, pixels, targets)
      expect(found.scores.shape).toEqual([1, 1, 400, 2])
      const wanted = targets.map((target) => expected(pixels, target, regularization)[normalization])
      const data = found.scores.data as Float32Array
      data.forEach((score, at) => expect(Math.abs(score - wanted[at % 2][Math.floor(at / 2)])).toBeLessThan(1e-4))
      const best = found.best_scores.data as Float32Array
      best.forEach((score, pixel) => expect(score).toBe(Math.max(data[2 * pixel], data[2 * pixel + 1])))
      expect(Array.from(found.identity_mask.data as Int32Array)).toEqual(Array.from({ length: 400 }, (_, pixel) => (data[2 * pixel] >= data[2 * pixel + 1] ? 1 : 2)))
    }
  })

  it('is 1 at the target, 0 at the mean of the background, and keeps the sign', async () => {
    const [target] = targets
    const mean = target.map((_, band) => pixels.reduce((sum, pixel) => sum + pixel[band], 0) / pixels.length)
    const mirrored = target.map((value, band) => 2 * mean[band] - value)
    const half = target.map((value, band) => (value + mean[band]) / 2)
    const all = repositoryParameters(type, { num_channels: BANDS, target: { spectrum: target } })
    const state = { ...(await fitted(type, all, [float32([1, 1, 400, BANDS], pixels.flat())])), target: float32([1, BANDS], target) }
    const at = async (normalization: string) => Array.from((await runNode({ type, parameters: { ...all, normalization }, state, inputs: { data: float32([1, 1, 4, BANDS], [...target, ...mean, ...mirrored, ...half]) } })).outputs.best_scores.data as Float32Array)
    expect(await at('mf')).toEqual([expect.closeTo(1, 5), expect.closeTo(0, 5), expect.closeTo(-1, 5), expect.closeTo(0.5, 5)])
    expect((await at('ace')).filter((_, index) => index !== 1)).toEqual([expect.closeTo(1, 5), expect.closeTo(-1, 5), expect.closeTo(1, 5)])
  })

  it('refuses a regularization that no covariance can hold', async () => {
    await expect(scores({ regularization: 1e308 }, pixels, targets)).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('cannot compute a covariance') as string })
  })

  it('stays finite where bands repeat each other', async () => {
    const doubled = pixels.map((pixel) => [...pixel.slice(0, 4), pixel[0]])
    const found = await scores({}, doubled, [[120, 110, 150, 190, 120]])
    expect((found.scores.data as Float32Array).every(Number.isFinite)).toBe(true)
  })

  it('refuses an empty stream, one pixel, and to run without a target', async () => {
    const parameters = repositoryParameters(type, { num_channels: 2 })
    await expect(fitted(type, parameters, [])).rejects.toThrow('The node node received no pixels to compute its statistics from; at least 2 valid pixels are needed.')
    await expect(fitted(type, parameters, [float32([1, 1, 2, 2], [1, NaN, 2, 3])])).rejects.toThrow('channel 1 has pixels that are not finite numbers')
    const state = await fitted(type, parameters, [float32([1, 1, 2, 2], [1, 2, 2, 3])])
    await expect(runNode({ type, parameters, state, inputs: { data: float32([1, 1, 1, 2], [1, 2]) } })).rejects.toThrow('The detector has nothing to look for; state a target.')
  })
})
