import { describe, expect, it } from 'vitest'
import { pseudoInverse } from '../../src/engine/nodes/covariance'
import { randomSource } from '../../src/engine/nodes/random'
import { float32 } from '../../src/engine/onnx/tensor'
import { oneNode, refuseIfBad } from '../golden/documents'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const type = typeNamed('RXLocal')

function scene([lines, samples, bands]: number[]): Float32Array {
  const random = randomSource(9, 'local')
  return Float32Array.from({ length: lines * samples * bands }, (_, at) => 10 + (at % bands) + random.normal())
}

/** By the definition, pixel by pixel, in float64, with both windows shifted into the image. null for all but every `step`-th pixel. */
function expected(pixels: Float32Array, [lines, samples, bands]: number[], inner: number, outer: number, eps = 0, step = 1): (number | null)[] {
  const range = (at: number, side: number, size: number): number[] => {
    const first = Math.max(0, Math.min(at - (side - 1) / 2, size - side))
    return Array.from({ length: Math.min(side, size) }, (_, step) => first + step)
  }
  const spectrum = (line: number, sample: number): number[] => Array.from(pixels.subarray((line * samples + sample) * bands, (line * samples + sample + 1) * bands))
  return Array.from({ length: lines * samples }, (_, pixel) => {
    if (pixel % step !== 0) return null
    const [line, sample] = [Math.floor(pixel / samples), pixel % samples]
    const [rows, columns] = [range(line, inner, lines), range(sample, inner, samples)]
    const around = range(line, outer, lines).flatMap((l) => range(sample, outer, samples).filter((s) => !(rows.includes(l) && columns.includes(s))).map((s) => spectrum(l, s))).filter((values) => values.every(Number.isFinite))
    const own = spectrum(line, sample)
    if (around.length < 2 || !own.every(Number.isFinite)) return NaN
    const mean = own.map((_value, band) => around.reduce((sum, values) => sum + values[band], 0) / around.length)
    const covariance = Array.from({ length: bands * bands }, (_value, at) => around.reduce((sum, values) => sum + (values[at % bands] - mean[at % bands]) * (values[Math.floor(at / bands)] - mean[Math.floor(at / bands)]), 0) / (around.length - 1) + (at % (bands + 1) === 0 ? eps : 0))
    const inverse = pseudoInverse(covariance, bands)
    const deviation = mean.map((value, band) => own[band] - value)
    return deviation.reduce((sum, a, i) => sum + deviation.reduce((inside, b, j) => inside + a * b * inverse[i * bands + j], 0), 0)
  })
}

const run = async (shape: number[], pixels: Float32Array, parameters: Record<string, unknown>) => {
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, { num_channels: shape[2], ...parameters }), inputs: { data: float32([pixels.length / (shape[0] * shape[1] * shape[2]), ...shape], pixels) } })
  return Array.from(outputs.scores.data as Float32Array)
}

const close = (found: readonly number[], wanted: readonly (number | null)[]) => wanted.forEach((value, at) => {
  if (value === null) return
  if (Number.isNaN(value)) expect(found[at], String(at)).toBeNaN()
  else expect(Math.abs(found[at] / value - 1), String(at)).toBeLessThan(1e-4)
})

describe('local RX', () => {
  it.each([['pseudo', 3, 7], ['regularised', 1, 5], ['regularised', 3, 5]] as const)('%s, windows %i and %i: as its definition, at the edges too', async (inverse, inner_window, outer_window) => {
    const shape = [9, 11, 4]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inverse, inner_window, outer_window }), expected(pixels, shape, inner_window, outer_window, inverse === 'pseudo' ? 0 : 1e-6))
  })

  it.each([['fewer pixels than bands', 12, 1, 3], ['the same with several blocks', 110, 3, 9], ['more pixels than bands in several blocks', 100, 3, 13]] as const)('%s', async (_what, bands, inner_window, outer_window) => {
    const shape = [outer_window + 1, outer_window, bands]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inner_window, outer_window }), expected(pixels, shape, inner_window, outer_window, 0, 7))
  })

  it('regularised, with fewer pixels than bands', async () => {
    const shape = [6, 5, 60]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inverse: 'regularised', inner_window: 1, outer_window: 5, eps: 0.01 }), expected(pixels, shape, 1, 5, 0.01))
  })

  // Of a matrix without full rank the pseudo-inverse leaves directions out, which a factor of Cholesky cannot.
  it.each([['a band that is the sum of two others', 5, 1, 5], ['the same with fewer pixels than bands', 30, 1, 5]])('leaves out directions without variance: %s', async (_what, bands, inner_window, outer_window) => {
    const shape = [7, 8, bands]
    const pixels = scene(shape)
    for (let at = 0; at < pixels.length; at += bands) pixels[at + 2] = Math.fround(Math.round(pixels[at] * 64) / 64 + Math.round(pixels[at + 1] * 64) / 64)
    for (let at = 0; at < pixels.length; at += bands) for (const band of [0, 1]) pixels[at + band] = Math.round(pixels[at + band] * 64) / 64
    // Half of the image has one spectrum twice in every other line.
    for (let sample = 0; sample < 4; sample += 1) pixels.copyWithin((2 * 8 + sample) * bands, sample * bands, (sample + 1) * bands)
    close(await run(shape, pixels, { inner_window, outer_window }), expected(pixels, shape, inner_window, outer_window))
  })

  it.each([['of bands', 6, 9], ['of pixels', 40, 5]])('keeps directions whose variances differ by ten powers of ten: %s', async (_form, bands, outer_window) => {
    const shape = [10, 9, bands]
    const pixels = scene(shape).map((value, at) => (value - 10 - (at % bands)) * 10 ** (3 - 5 * ((at % bands) / (bands - 1))))
    close(await run(shape, pixels, { inner_window: 3, outer_window }), expected(pixels, shape, 3, outer_window))
  })

  it('leaves out a band that is constant around a pixel, whatever the pixel has in it', async () => {
    const shape = [9, 9, 4]
    const pixels = scene(shape)
    for (let pixel = 0; pixel < 81; pixel += 1) pixels[pixel * 4 + 1] = 7
    pixels[40 * 4 + 1] = 1000
    const found = await run(shape, pixels, { inner_window: 3, outer_window: 5 })
    const wanted = expected(pixels, shape, 3, 5)
    close(found, wanted)
    expect(found[40]).toBeLessThan(100)
  })

  it.each(['pseudo', 'regularised'])('takes no pixel without finite values into the surroundings, and gives it no score: %s', async (inverse) => {
    const shape = [10, 9, 4]
    const pixels = scene(shape)
    pixels[3 * 4] = NaN
    pixels[40 * 4 + 2] = Infinity
    for (const pixel of [50, 51, 52, 53]) pixels.fill(NaN, pixel * 4, pixel * 4 + 4)
    const found = await run(shape, pixels, { inverse, inner_window: 1, outer_window: 5 })
    close(found, expected(pixels, shape, 1, 5, inverse === 'pseudo' ? 0 : 1e-6))
    expect(found.flatMap((score, pixel) => (Number.isFinite(score) ? [] : [pixel]))).toEqual([3, 40, 50, 51, 52, 53])
  })

  it('takes the missing pixels out of the pixel form, too, and gives no score with fewer than two others', async () => {
    const shape = [9, 8, 20]
    const pixels = scene(shape)
    pixels.fill(NaN, 30 * 20, 34 * 20)
    close(await run(shape, pixels, { inner_window: 1, outer_window: 3 }), expected(pixels, shape, 1, 3))
    const lonely = scene([3, 3, 2]).fill(NaN, 0, 14)
    expect(await run([3, 3, 2], lonely, { inner_window: 1, outer_window: 3 })).toEqual(new Array(9).fill(NaN))
  })

  it('takes what there is of an image that is smaller than the window', async () => {
    for (const [shape, inner, outer] of [[[4, 5, 3], 1, 9], [[4, 12, 3], 3, 9], [[1, 20, 2], 3, 7], [[20, 2, 2], 1, 5]] as const) {
      const pixels = scene([...shape])
      close(await run([...shape], pixels, { inner_window: inner, outer_window: outer }), expected(pixels, [...shape], inner, outer))
    }
  })

  it('scores more pixels than one round takes', async () => {
    const shape = [30, 41, 3]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inner_window: 3, outer_window: 5 }), expected(pixels, shape, 3, 5))
  })

  it('scores every image of a batch by itself', async () => {
    const shape = [7, 6, 3]
    const both = scene([14, 6, 3])
    const alone = await run(shape, both.subarray(126), { inner_window: 1, outer_window: 5 })
    expect((await run(shape, both, { inner_window: 1, outer_window: 5 })).slice(42)).toEqual(alone)
  })

  it('refuses windows that are even or do not leave a ring, in one sentence', () => {
    expect(() => refuseIfBad(oneNode('RXLocal', { inner_window: 4 }))).toThrow('The inner_window is 4; an odd number of pixels is expected')
    expect(() => refuseIfBad(oneNode('RXLocal', { inner_window: 5, outer_window: 5 }))).toThrow('The inner window is 5 pixels wide and the outer one 5')
  })
})
