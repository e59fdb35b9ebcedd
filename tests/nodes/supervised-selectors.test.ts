import { describe, expect, it } from 'vitest'
import { BandSeparation, areaUnderCurve, combinedScores, leastRedundant } from '../../src/engine/nodes/band-separation'
import { randomSource } from '../../src/engine/nodes/random'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { compileInference, compileUpTo } from '../../src/engine/pipeline/compile'
import { initialState, nodesToFit } from '../../src/engine/pipeline/state'
import { oneNode, pipelineOf, refuseIfBad } from '../golden/documents'
import { fitted, repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const wavelengthsNm = [450, 480, 520, 560, 620, 660, 700, 760, 850, 900]
const bands = wavelengthsNm.length
const random = randomSource(7, 'test')

/** How far the anomalous pixels are above the others, by band: 2, 6 and 8 tell most; 9 is nearly 8. */
const SHIFT = [0.1, 0.2, 3, 0.4, 0.2, 0.3, 2.5, 0.1, 4, 0]

function scene(count: number, share = 0.2): { cube: Tensor; targets: Uint8Array } {
  const targets = Uint8Array.from({ length: count }, (_, at) => (at % Math.round(1 / share) === 0 ? 1 : 0))
  const values = new Float32Array(count * bands)
  for (let pixel = 0; pixel < count; pixel += 1) {
    for (let band = 0; band < bands; band += 1) values[pixel * bands + band] = random.uniform() * 2 + targets[pixel] * SHIFT[band]
    values[pixel * bands + 9] = values[pixel * bands + 8] + 0.01 * random.uniform()
  }
  return { cube: float32([1, 1, count, bands], values), targets }
}

const { cube, targets } = scene(500)
const chosenBy = async (type: string, hparams: Record<string, unknown> = {}, truth = targets, of = cube): Promise<number[]> => {
  const state = await fitted(typeNamed(type), repositoryParameters(typeNamed(type), { num_spectral_bands: bands, ...hparams }), [of], { wavelengthsNm, targets: [truth] })
  return [...state.selected_indices.data].map(Number)
}

const types = ['SupervisedCIRSelector', 'SupervisedWindowedSelector', 'SupervisedFullSpectrumSelector']

describe('selectors that learn from the mask', () => {
  it('find the telling bands in the whole spectrum, and no twin of a band they have', async () => {
    // Bands 8 and 9 tell the most and the same; with a heavy penalty only one of them is chosen.
    const alone = await chosenBy('SupervisedFullSpectrumSelector', { lambda_penalty: 0 })
    expect([...alone].sort()).toEqual([2, 8, 9])
    const apart = await chosenBy('SupervisedFullSpectrumSelector', { lambda_penalty: 20 })
    expect(apart.filter((band) => band >= 8)).toHaveLength(1)
    expect(new Set(apart).size).toBe(3)
  })

  it('find them in each window, in the order of the windows', async () => {
    expect(await chosenBy('SupervisedWindowedSelector', { lambda_penalty: 0 })).toEqual([6, 2, 1])
    const [nir, red, green] = await chosenBy('SupervisedCIRSelector', { lambda_penalty: 0 })
    expect([8, 9]).toContain(nir)
    expect([red, green]).toEqual([6, 2])
    expect(await chosenBy('SupervisedCIRSelector', { windows: [[1000, 1100], [650, 720], [500, 570]] })).toEqual([9, 6, 2])
  })

  it.each(types)('%s shows what it chose, in a pipeline that knows the number of bands', async (type) => {
    const node = typeNamed(type)
    const parameters = repositoryParameters(node, { num_spectral_bands: bands })
    const state = await fitted(node, parameters, [cube], { wavelengthsNm, targets: [targets] })
    const { outputs } = await runNode({ type: node, parameters, inputs: { cube: float32([2, 4, 5, bands], cube.data.slice(0, 40 * bands) as Float32Array) }, state, wavelengthsNm })
    expect(outputs.rgb_image.shape).toEqual([2, 4, 5, 3])
    expect([...outputs.rgb_image.data].every((value) => Number(value) >= 0 && Number(value) <= 1)).toBe(true)
    const info = node.measurement?.measure(parameters, outputs) ?? {}
    const chosen = [...state.selected_indices.data].map(Number)
    expect(['red', 'green', 'blue'].map((color) => info[`${color}/band`])).toEqual(chosen)
    expect(['red', 'green', 'blue'].map((color) => info[`${color}/nm`])).toEqual(chosen.map((band) => wavelengthsNm[band]))
  })

  it.each(types)('%s is fitted first, with a mask', (type) => {
    const written = { nodes: { cube: { type: 'Cube' }, colors: { type }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'colors.cube'], ['cube.mask', 'colors.mask'], ['colors.rgb_image', 'rx.data']] as [string, string][] }
    const pipeline = pipelineOf(written, { channels: bands, wavelengthsNm })
    expect(nodesToFit(pipeline).map(({ node }) => node.name)).toEqual(['colors', 'rx'])
    expect(typeNamed(type).fit?.wantsTargets).toBe(true)
    expect(() => compileUpTo(pipeline, initialState(pipeline, 0), 'colors.rgb_image')).toThrow(/fit the pipeline before it is used\./)
    expect(() => compileInference(pipeline, initialState(pipeline, 0))).toThrow(/fit the pipeline/)
  })

  it('need both classes, three bands, and wavelengths for windows', async () => {
    await expect(chosenBy('SupervisedFullSpectrumSelector', {}, new Uint8Array(500))).rejects.toThrow(/the masks have no anomalous pixels/)
    await expect(chosenBy('SupervisedFullSpectrumSelector', {}, new Uint8Array(500).fill(1))).rejects.toThrow(/the masks have no normal pixels/)
    const type = typeNamed('SupervisedFullSpectrumSelector')
    await expect(fitted(type, repositoryParameters(type), [])).rejects.toThrow(/received no pixels/)
    await expect(fitted(type, repositoryParameters(type), [cube])).rejects.toThrow(/a cube came without one/)
    expect(() => refuseIfBad(oneNode('SupervisedFullSpectrumSelector', {}, 'cube'), { channels: 2, wavelengthsNm: null })).toThrow(/chooses three bands, but gets 2/)
    expect(() => refuseIfBad(oneNode('SupervisedCIRSelector', {}, 'cube'), { channels: bands, wavelengthsNm: null })).toThrow(/the cube states none/)
    expect(() => refuseIfBad(oneNode('SupervisedCIRSelector', { score_weights: [1] }, 'cube'), { channels: bands, wavelengthsNm })).toThrow(/score_weights has 1 numbers/)
  })

  it('pass over pixels that the mask leaves out, and repeat with the same seed', async () => {
    const ignored = targets.map((target, at) => (at % 7 === 3 ? 255 : target))
    const spoilt = float32(cube.shape, (cube.data as Float32Array).map((value, at) => (ignored[Math.floor(at / bands)] === 255 ? 1e6 * (at % 3) : value)))
    expect(await chosenBy('SupervisedWindowedSelector', {}, ignored, spoilt)).toEqual(await chosenBy('SupervisedWindowedSelector'))
    const once = await chosenBy('SupervisedFullSpectrumSelector', { sample_n: 20 })
    expect(await chosenBy('SupervisedFullSpectrumSelector', { sample_n: 20 })).toEqual(once)
  })
})

describe('scores of bands', () => {
  it('count pairs in the right order, equal ones half', () => {
    expect(areaUnderCurve(Float32Array.of(1, 2, 3), Float32Array.of(2, 4))).toBeCloseTo((1.5 + 3) / 6, 12)
    expect(areaUnderCurve(Float32Array.of(1, 1), Float32Array.of(1, 1))).toBe(0.5)
    expect(areaUnderCurve(Float32Array.of(5, 6), Float32Array.of(1, 2))).toBe(0)
  })

  it('agree with their definitions, however the stream is cut', async () => {
    const values = cube.data as Float32Array
    const separate = async (pieces: number[]) => {
      const separation = new BandSeparation('node', 1000, randomSource(0, 'node'))
      let at = 0
      for (const count of pieces) {
        await separation.add(values.subarray(at * bands, (at + count) * bands), count, bands, targets.subarray(at, at + count))
        at += count
      }
      return separation.finish()
    }
    const whole = await separate([500])
    const cut = await separate([1, 99, 400])
    const band = (index: number, label: number): number[] => Array.from(targets).flatMap((target, pixel) => (target === label ? [values[pixel * bands + index]] : []))
    const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length
    const variance = (list: number[]): number => mean(list.map((value) => (value - mean(list)) ** 2))
    for (let index = 0; index < bands; index += 1) {
      const [normal, anomalous] = [band(index, 0), band(index, 1)]
      expect(whole.fisher[index]).toBeCloseTo((mean(anomalous) - mean(normal)) ** 2 / (variance(normal) + variance(anomalous)), 8)
      expect(cut.fisher[index]).toBeCloseTo(whole.fisher[index], 8)
      const pairs = anomalous.map((value) => normal.filter((other) => other < value).length + normal.filter((other) => other === value).length / 2)
      expect(whole.auc[index]).toBeCloseTo(pairs.reduce((sum, count) => sum + count, 0) / (normal.length * anomalous.length), 12)
      expect(cut.auc[index]).toBe(whole.auc[index])
      expect(cut.mutualInformation[index]).toBeCloseTo(whole.mutualInformation[index], 12)
    }
    expect(whole.correlation[8 * bands + 9]).toBeGreaterThan(0.999)
    for (let index = 0; index < bands; index += 1) expect(whole.correlation[index * (bands + 1)]).toBeCloseTo(1, 9)
  })

  it('hold all of the information where a band is the mask, and none where it is constant', async () => {
    const separation = new BandSeparation('node', 100, randomSource(0, 'node'))
    const labels = Uint8Array.of(0, 0, 1, 1)
    await separation.add(Float32Array.of(0, 5, 0, 5, 1, 5, 1, 5), 4, 2, labels)
    const { mutualInformation, fisher, auc } = separation.finish()
    expect(mutualInformation[0]).toBeCloseTo(1, 6)
    expect([mutualInformation[1], fisher[1], auc[1]]).toEqual([0, 0, 0.5])
    // Without variance in either class a ratio means nothing.
    expect(fisher[0]).toBe(0)
  })

  it('are weighed after each came to mean 0 and deviation 1', () => {
    const scores = combinedScores({ fisher: Float64Array.of(1, 3), auc: Float64Array.of(0.5, 0.5), mutualInformation: Float64Array.of(2, 0), correlation: new Float64Array(4) }, [2, 1, 0.5])
    expect([...scores]).toEqual([-2 + 0.5, 2 - 0.5])
  })

  it('give way to bands that are less alike', () => {
    const correlation = Float64Array.of(1, 0.9, 0, 0.9, 1, 0, 0, 0, 1)
    const left = (chosen: readonly number[]) => [0, 1, 2].filter((band) => !chosen.includes(band))
    expect(leastRedundant(Float64Array.of(3, 2.9, 2.5), correlation, 1, left)).toEqual([0, 2, 1])
    expect(leastRedundant(Float64Array.of(3, 2.9, 2.5), correlation, 0, left)).toEqual([0, 1, 2])
  })
})
