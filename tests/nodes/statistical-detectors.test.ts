import { describe, expect, it } from 'vitest'
import { laplacian } from '../../src/engine/nodes/lad'
import { symmetricInverse } from '../../src/engine/nodes/inverse'
import { randomSource } from '../../src/engine/nodes/random'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32, float64 } from '../../src/engine/onnx/tensor'
import { fitted, repositoryParameters, runNode, typeNamed } from '../golden/node-graph'
import { runWritten } from './written'

const values = (tensor: Tensor): number[] => Array.from(tensor.data as Float32Array)

function noise(seed: number, shape: number[], scale = 1): Float32Array {
  const random = randomSource(seed, 'noise')
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * random.normal())
}

const perBatch = (shape: number[], data: Float32Array, parameters = {}) =>
  runNode({ type: typeNamed('RXPerBatch'), parameters: repositoryParameters(typeNamed('RXPerBatch'), { num_channels: shape[3], ...parameters }), inputs: { data: float32(shape, data) } }).then(({ outputs }) => outputs.scores)

describe('the inverse of a symmetric matrix in a graph', () => {
  it.each([1, 2, 7, 120])('of %i rows is the inverse, for scales and correlations that differ a lot', async (size) => {
    const factors = noise(size, [2, size, size])
    const matrices = new Float64Array(2 * size * size)
    for (let image = 0; image < 2; image += 1) {
      for (let row = 0; row < size; row += 1) for (let column = 0; column < size; column += 1) {
        let sum = row === column ? 1e-3 : 0
        for (let k = 0; k < size; k += 1) sum += factors[(image * size + row) * size + k] * factors[(image * size + column) * size + k] * 10 ** (-6 * k / size)
        matrices[(image * size + row) * size + column] = sum * 1000 ** (row / size + column / size)
      }
    }
    const found = await runWritten({ a: float64([2, size, size], matrices) }, (graph, inputs) => ({ product: graph.op('MatMul', [symmetricInverse(graph, inputs.a, size), inputs.a]) }))
    const product = found.product.data as Float64Array
    // In the units of the rows and columns: an error must not look large only because a band has large numbers.
    const unit = (image: number, band: number) => Math.sqrt(matrices[(image * size + band) * size + band])
    const wrong = product.reduce((most, value, at) => {
      const [image, row, column] = [Math.floor(at / size ** 2), Math.floor(at / size) % size, at % size]
      return Math.max(most, Math.abs(value - (row === column ? 1 : 0)) * unit(image, row) / unit(image, column))
    }, 0)
    expect(wrong).toBeLessThan(1e-7)
  })
})

describe('RXPerBatch', () => {
  it('test_output_shape, test_output_dtype_float32, test_stateless_no_initialization_needed, test_scores_non_negative', async () => {
    const scores = await perBatch([2, 8, 8, 5], noise(1, [2, 8, 8, 5]))
    expect(scores.shape).toEqual([2, 8, 8, 1])
    expect(scores.type).toBe('float32')
    expect(typeNamed('RXPerBatch').fit).toBeUndefined()
    expect(Math.min(...values(scores))).toBeGreaterThanOrEqual(0)
  })

  it('test_per_image_independence', async () => {
    const both = noise(2, [2, 6, 7, 4])
    const alone = await perBatch([1, 6, 7, 4], both.subarray(0, 168))
    const together = await perBatch([2, 6, 7, 4], both)
    values(alone).forEach((score, at) => expect(Math.abs(score - values(together)[at])).toBeLessThan(1e-5))
  })

  it('test_single_pixel', async () => {
    expect(values(await perBatch([1, 1, 1, 3], Float32Array.of(1, 2, 3)))).toEqual([0])
  })

  it('scores as RXGlobal fitted on the same image does', async () => {
    const data = noise(3, [1, 30, 30, 12], 40).map((value, at) => value + 500 + 100 * (at % 12))
    const type = typeNamed('RXGlobal')
    const parameters = { ...repositoryParameters(type, { num_channels: 12 }), form: 'whitening' }
    const cube = float32([1, 30, 30, 12], data)
    const { outputs } = await runNode({ type, parameters, inputs: { data: cube }, state: await fitted(type, parameters, [cube]) })
    const found = values(await perBatch([1, 30, 30, 12], data))
    values(outputs.scores).forEach((score, at) => expect(Math.abs(found[at] / score - 1)).toBeLessThan(1e-4))
  })

  it('leaves pixels that are not finite out, and gives them no score', async () => {
    const data = noise(4, [1, 5, 5, 3])
    const clean = values(await perBatch([1, 1, 24, 3], data.slice(3)))
    data.set([1, NaN, 2], 0)
    const [first, ...rest] = values(await perBatch([1, 5, 5, 3], data))
    expect(first).toBeNaN()
    rest.forEach((score, at) => expect(Math.abs(score - clean[at])).toBeLessThan(1e-5))
  })
})

describe('LADGlobal', () => {
  it('test_lad_m_l_numpy_parity, test_lad_scores_numpy_parity: mean, Laplacian and scores by their definitions', async () => {
    const type = typeNamed('LADGlobal')
    const shape = [1, 6, 5, 4]
    const train = noise(5, shape).map((value, at) => 3 + (at % 4) + 0.2 * value)
    const test = noise(6, shape).map((value, at) => 3 + (at % 4) + 0.3 * value)
    const parameters = repositoryParameters(type, { num_channels: 4 })
    const state = await fitted(type, parameters, [float32(shape, train)])
    const mean = [0, 1, 2, 3].map((band) => train.reduce((sum, value, at) => (at % 4 === band ? sum + value : sum), 0) / 30)
    const found = values(state.M)
    mean.forEach((value, band) => expect(Math.abs(found[band] - value)).toBeLessThan(1e-6))
    const scale = mean.reduce((a, b) => a + b, 0) / 4
    const weights = mean.map((a, i) => mean.map((b, j) => (i === j ? 0 : 1 / (1 + ((a - b) / scale) ** 2))))
    const degrees = weights.map((row) => row.reduce((a, b) => a + b, 0))
    const expected = weights.map((row, i) => row.map((weight, j) => ((i === j ? degrees[i] : 0) - weight) / Math.sqrt(degrees[i] * degrees[j])))
    values(state.L).forEach((value, at) => expect(Math.abs(value - expected[Math.floor(at / 4)][at % 4])).toBeLessThan(1e-4))
    const { outputs } = await runNode({ type, parameters, inputs: { data: float32(shape, test) }, state })
    values(outputs.scores).forEach((score, pixel) => {
      const centred = mean.map((value, band) => test[pixel * 4 + band] - value)
      const wanted = centred.reduce((sum, a, i) => sum + centred.reduce((inner, b, j) => inner + a * b * expected[i][j], 0), 0)
      expect(Math.abs(score - wanted)).toBeLessThan(1e-4)
    })
  })

  it('has a Laplacian whose rows add up to 0 when it is not normalised', () => {
    const found = laplacian([1, 2, 4], false, true)
    for (let row = 0; row < 3; row += 1) expect(Math.abs(found[row * 3] + found[row * 3 + 1] + found[row * 3 + 2])).toBeLessThan(1e-12)
  })

  it('test_lad_unfreeze_converts_buffers_to_parameters: mean and Laplacian can train', () => {
    expect(typeNamed('LADGlobal').trainableStatistics).toEqual(['M', 'L'])
  })

  it('refuses an empty stream, other channels and pixels that are no numbers, in one sentence', async () => {
    const type = typeNamed('LADGlobal')
    const parameters = repositoryParameters(type, { num_channels: 2 })
    await expect(fitted(type, parameters, [])).rejects.toThrow('The node node received no pixels to compute its statistics from; at least 1 valid pixel is needed.')
    await expect(fitted(type, parameters, [float32([1, 1, 1, 3], [1, 2, 3])])).rejects.toThrow('expects 2 channels, but the pixels have 3')
    await expect(fitted(type, parameters, [float32([1, 1, 1, 2], [1, NaN])])).rejects.toThrow('channel 1 has pixels that are not finite numbers')
  })
})

describe('SpectralAngleMapper', () => {
  const type = typeNamed('SpectralAngleMapper')
  const run = async (parameters: Record<string, unknown>, pixels: number[], signatures?: Tensor) => runNode({
    type, parameters: repositoryParameters(type, { num_channels: 3, ...parameters }), inputs: { cube: float32([1, 1, pixels.length / 3, 3], pixels), ...(signatures && { spectral_signature: signatures }) },
  })

  it('measures angles whatever the brightness, finds the nearest reference, and is exact for small angles', async () => {
    const { outputs } = await run({ spectra: [1, 0, 0, 0, 2, 0] }, [5, 0, 0, 0.1, 0.1, 0, 1, 1e-5, 0, -1, 0, 0, 0, 0, 0])
    const expected = [[0, Math.PI / 2], [Math.PI / 4, Math.PI / 4], [1e-5, Math.PI / 2 - 1e-5], [Math.PI, Math.PI / 2], [Math.PI / 2, Math.PI / 2]].flat()
    expect(outputs.scores.shape).toEqual([1, 1, 5, 2])
    values(outputs.scores).forEach((angle, at) => expect(Math.abs(angle - expected[at])).toBeLessThan(1e-5 * expected[at] + 1e-7))
    expect(values(outputs.best_scores)).toEqual([0, 2, 4, 7, 8].map((at) => values(outputs.scores)[at]))
    expect(outputs.identity_mask.type).toBe('int32')
    expect(values(outputs.identity_mask)).toEqual([1, 1, 1, 2, 1])
  })

  it('takes the references of its input before its parameter, and can turn best_scores for a decider', async () => {
    const { outputs } = await run({ spectra: [1, 0, 0], best: 'negative_angle' }, [0, 0, 7], float32([1, 3], [0, 0, 1]))
    expect(values(outputs.best_scores)[0]).toBeCloseTo(0, 10)
    expect(values((await run({ spectra: [1, 0, 0], best: 'negative_angle' }, [0, 0, 7])).outputs.best_scores)[0]).toBeCloseTo(-Math.PI / 2, 6)
  })

  it('refuses spectra of another length, and none', async () => {
    await expect(run({ spectra: [1, 2] }, [1, 2, 3])).rejects.toThrow('The list spectra has 2 numbers; a multiple of the 3 channels is expected.')
    await expect(run({}, [1, 2, 3])).rejects.toThrow('The detector has nothing to look for; state a target, list spectra, or connect spectral_signature.')
  })
})
