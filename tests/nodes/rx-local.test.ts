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

/** By the definition, pixel by pixel. */
function expected(pixels: Float32Array, [lines, samples, bands]: number[], inner: number, outer: number, eps = 0): number[] {
  const start = (at: number, side: number, size: number): number => Math.max(0, Math.min(at - (side - 1) / 2, size - side))
  return Array.from({ length: lines * samples }, (_, pixel) => {
    const [line, sample] = [Math.floor(pixel / samples), pixel % samples]
    const ring: number[][] = []
    const [l0, s0, li, si] = [start(line, outer, lines), start(sample, outer, samples), start(line, inner, lines), start(sample, inner, samples)]
    for (let l = l0; l < l0 + outer; l += 1) for (let s = s0; s < s0 + outer; s += 1) {
      if (l >= li && l < li + inner && s >= si && s < si + inner) continue
      ring.push(Array.from(pixels.subarray((l * samples + s) * bands, (l * samples + s + 1) * bands)))
    }
    const mean = ring[0].map((_value, band) => ring.reduce((sum, spectrum) => sum + spectrum[band], 0) / ring.length)
    const covariance = Array.from({ length: bands * bands }, (_value, at) => ring.reduce((sum, spectrum) => sum + (spectrum[at % bands] - mean[at % bands]) * (spectrum[Math.floor(at / bands)] - mean[Math.floor(at / bands)]), 0) / (ring.length - 1) + (at % (bands + 1) === 0 ? eps : 0))
    const inverse = pseudoInverse(covariance, bands)
    const deviation = mean.map((value, band) => pixels[pixel * bands + band] - value)
    return deviation.reduce((sum, a, i) => sum + deviation.reduce((inside, b, j) => inside + a * b * inverse[i * bands + j], 0), 0)
  })
}

const run = async (shape: number[], pixels: Float32Array, parameters: Record<string, unknown>) => {
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, { num_channels: shape[2], ...parameters }), inputs: { data: float32([pixels.length / (shape[0] * shape[1] * shape[2]), ...shape], pixels) } })
  return Array.from(outputs.scores.data as Float32Array)
}

const close = (found: readonly number[], wanted: readonly number[]) => wanted.forEach((value, at) => expect(Math.abs(found[at] / value - 1), String(at)).toBeLessThan(1e-4))

describe('local RX', () => {
  it.each([['pseudo', 3, 7], ['regularised', 1, 5], ['regularised', 3, 5]] as const)('%s, windows %i and %i: as its definition, at the edges too', async (inverse, inner_window, outer_window) => {
    const shape = [9, 11, 4]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inverse, inner_window, outer_window }), expected(pixels, shape, inner_window, outer_window, inverse === 'pseudo' ? 0 : 1e-6))
  })

  it('uses the pseudo-inverse where there are fewer pixels than bands', async () => {
    const shape = [5, 6, 12]
    const pixels = scene(shape)
    close(await run(shape, pixels, { inner_window: 1, outer_window: 3 }), expected(pixels, shape, 1, 3))
  })

  it('takes what there is of an image that is smaller than the window', async () => {
    const shape = [4, 5, 3]
    const pixels = scene(shape)
    const found = await run(shape, pixels, { inner_window: 1, outer_window: 9 })
    // All but the pixel itself are its surroundings.
    const others = (pixel: number) => Array.from({ length: 20 }, (_, at) => at).filter((at) => at !== pixel)
    const [first] = found
    const ring = others(0).map((at) => Array.from(pixels.subarray(at * 3, at * 3 + 3)))
    const mean = [0, 1, 2].map((band) => ring.reduce((sum, spectrum) => sum + spectrum[band], 0) / 19)
    const covariance = Array.from({ length: 9 }, (_, at) => ring.reduce((sum, spectrum) => sum + (spectrum[at % 3] - mean[at % 3]) * (spectrum[Math.floor(at / 3)] - mean[Math.floor(at / 3)]), 0) / 18)
    const inverse = pseudoInverse(covariance, 3)
    const deviation = mean.map((value, band) => pixels[band] - value)
    const wanted = deviation.reduce((sum, a, i) => sum + deviation.reduce((inside, b, j) => inside + a * b * inverse[i * 3 + j], 0), 0)
    expect(Math.abs(first / wanted - 1)).toBeLessThan(1e-4)
    expect(found.every(Number.isFinite)).toBe(true)
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
