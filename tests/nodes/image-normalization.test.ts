import { describe, expect, it } from 'vitest'
import { localityOf } from '../../src/engine/nodes/node'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { compileInference, compileUpTo } from '../../src/engine/pipeline/compile'
import { initialState, setNodeState } from '../../src/engine/pipeline/state'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { oneNode, pipelineOf, refuseIfBad } from '../golden/documents'
import { fitted, repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

/** Numbers that look random and never change. */
const wavy = (count: number, shift = 0): Float32Array => Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + shift) * 3 + Math.cos(at * 0.37))

async function run(name: string, data: Tensor, hparams: Record<string, unknown> = {}): Promise<{ shape: readonly number[]; values: number[] }> {
  const type = typeNamed(name)
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, hparams), inputs: { data } })
  const { shape, data: values } = outputs.normalized
  return { shape, values: Array.from(values as Float32Array) }
}

const plane = (values: readonly number[], channels: number, channel: number): number[] => values.filter((_, at) => at % channels === channel)

describe('unit spectra', () => {
  it('have mean 0 and length 1', async () => {
    const { shape, values } = await run('PerPixelUnitNorm', float32([2, 3, 4, 6], wavy(144)))
    expect(shape).toEqual([2, 3, 4, 6])
    for (let pixel = 0; pixel < 24; pixel += 1) {
      const spectrum = values.slice(pixel * 6, pixel * 6 + 6)
      expect(Math.abs(spectrum.reduce((sum, value) => sum + value, 0) / 6)).toBeLessThan(1e-6)
      expect(Math.hypot(...spectrum)).toBeCloseTo(1, 5)
    }
  })

  it('are 0 where a spectrum is constant or has one channel', async () => {
    const data = wavy(8)
    data.fill(0.7, 0, 4)
    expect((await run('PerPixelUnitNorm', float32([1, 1, 2, 4], data))).values.slice(0, 4)).toEqual([0, 0, 0, 0])
    expect((await run('PerPixelUnitNorm', float32([1, 2, 2, 1], wavy(4)))).values).toEqual([0, 0, 0, 0])
  })
})

describe('ranges of each channel of each image', () => {
  const perImage = { use_running_stats: false }

  it.each([['many channels', [2, 5, 4, 3]], ['one channel', [2, 5, 4, 1]]])('run from 0 to 1: %s', async (_name, shape) => {
    const count = shape.reduce((product, size) => product * size, 1)
    const { shape: found, values } = await run('MinMaxNormalizer', float32(shape, wavy(count)), perImage)
    expect(found).toEqual(shape)
    for (let image = 0; image < 2; image += 1) {
      const ofImage = values.slice(image * count / 2, (image + 1) * count / 2)
      for (let channel = 0; channel < shape[3]; channel += 1) {
        const numbers = plane(ofImage, shape[3], channel)
        expect(Math.min(...numbers)).toBeCloseTo(0, 6)
        expect(Math.max(...numbers)).toBeCloseTo(1, 6)
      }
    }
  })

  it('stay finite for constant channels and for a single pixel', async () => {
    const constant = Float32Array.from({ length: 24 }, (_, at) => (at % 2 === 0 ? 5 : at))
    const { values } = await run('MinMaxNormalizer', float32([1, 3, 4, 2], constant), perImage)
    expect(values.every((value) => Number.isFinite(value) && value >= -1e-6 && value <= 1 + 1e-6)).toBe(true)
    expect((await run('MinMaxNormalizer', float32([1, 1, 1, 3], wavy(3)), perImage)).values).toEqual([0, 0, 0])
  })

  it('are not numbers in a channel with a NaN, in training and after', async () => {
    const type = typeNamed('MinMaxNormalizer')
    for (const stage of ['train', 'inference'] as const) {
      for (const at of [1, 31, 61]) {
        const data = wavy(2 * 32)
        data[at] = NaN
        const { outputs } = await runNode({ type, parameters: repositoryParameters(type, perImage), inputs: { data: float32([1, 4, 8, 2], data) }, stage })
        const numbers = Array.from(outputs.normalized.data as Float32Array)
        expect(plane(numbers, 2, 1).every(Number.isNaN), `${stage} ${at}`).toBe(true)
        expect(plane(numbers, 2, 0).every(Number.isFinite)).toBe(true)
      }
    }
  })
})

describe('the range of all training data', () => {
  const type = typeNamed('MinMaxNormalizer')
  const parameters = repositoryParameters(type)

  it('is one over all blocks and channels, and new data may leave it', async () => {
    const state = await fitted(type, parameters, [float32([1, 1, 2, 2], [1, 2, 3, 4]), float32([1, 1, 1, 2], [-1, 9])])
    expect([Number(state.running_min.data[0]), Number(state.running_max.data[0])]).toEqual([-1, 9])
    const { outputs } = await runNode({ type, parameters, inputs: { data: float32([1, 1, 1, 2], [4, 19]) }, state })
    expect([...outputs.normalized.data].map(Number)).toEqual([0.5, 2])
  })

  it('needs one pixel, and numbers', async () => {
    await expect(fitted(type, parameters, [])).rejects.toThrow(/received no pixels.*at least 1 valid pixel is needed\./)
    await expect(fitted(type, parameters, [float32([1, 1, 1, 3], [1, NaN, 2])])).rejects.toThrow(/not finite numbers/)
    await expect(fitted(type, parameters, [float32([1, 1, 1, 3], [1, Infinity, 2])])).rejects.toThrow(/not finite numbers/)
  })

  it('is fitted before it is used in a pipeline', async () => {
    const { nodes, connections } = oneNode('MinMaxNormalizer')
    const pipeline = pipelineOf({ nodes: { ...nodes, rx: { type: 'RXGlobal' } }, connections: [...connections, ['node.normalized', 'rx.data']] }, { channels: 2, wavelengthsNm: null })
    const state = initialState(pipeline, 0)
    expect(() => compileUpTo(pipeline, state, 'node.normalized')).toThrow(/has no node\.running_m.*fit the pipeline before it is used\./)
    setNodeState(state, 'node', { running_min: float32([], [0]), running_max: float32([], [4]) })
    const session = await openSession(encodeModel(compileUpTo(pipeline, state, 'node.normalized').graph), 'cpu', { threads: 1 })
    const results = await session.run({ cube: float32([1, 1, 2, 2], [0, 1, 2, 4]) }).finally(() => session.release())
    expect([...results['node.normalized'].data].map(Number)).toEqual([0, 0.25, 0.5, 1])
  })
})

describe('standardised values', () => {
  it('have mean 0 and deviation 1 along the chosen axes', async () => {
    const { values } = await run('ZScoreNormalizer', float32([1, 4, 5, 2], wavy(40)), { dims: [1, 2] })
    for (const channel of [0, 1]) {
      const numbers = plane(values, 2, channel)
      expect(numbers.reduce((sum, value) => sum + value, 0) / 20).toBeCloseTo(0, 5)
      expect(Math.sqrt(numbers.reduce((sum, value) => sum + value * value, 0) / 20)).toBeCloseTo(1, 4)
    }
  })

  it('have a gradient where a channel is constant', async () => {
    const type = typeNamed('ZScoreNormalizer')
    const { inputGradients } = await runNode({ type, parameters: repositoryParameters(type), inputs: { data: float32([1, 2, 2, 1], [3, 3, 3, 3]) }, probe: { normalized: float32([1, 2, 2, 1], [1, 0, 0, 0]) }, stage: 'train' })
    expect([...inputGradients.data.data].every((value) => Number.isFinite(Number(value)))).toBe(true)
  })

  it('take negative axes, and refuse none and doubles', () => {
    const facts = { channels: 3, wavelengthsNm: null }
    expect(() => refuseIfBad(oneNode('ZScoreNormalizer', { dims: [] }), facts)).toThrow(/dims is empty/)
    expect(() => refuseIfBad(oneNode('ZScoreNormalizer', { dims: [1, -3] }), facts)).toThrow(/names an axis twice/)
    const type = typeNamed('ZScoreNormalizer')
    const locality = (dims: number[]) => localityOf(type, repositoryParameters(type, { dims }), 'inference')
    expect([locality([-1]), locality([1, 2]), locality([0, 1, 2])]).toEqual(['pixel', 'image', 'batch'])
  })
})

describe('values squashed around the median', () => {
  it('are one half at the lower median of an even number of values', async () => {
    const { values } = await run('SigmoidNormalizer', float32([1, 2, 2, 1], [1, 2, 3, 10]))
    expect(values[1]).toBe(0.5)
    expect(values[2]).toBeGreaterThan(0.5)
  })

  it('agree with the definition for many sizes', async () => {
    for (const [height, width, channels] of [[1, 1, 2], [3, 5, 3], [4, 4, 1], [7, 9, 4]]) {
      const count = height * width
      const data = wavy(2 * count * channels, height)
      const { values } = await run('SigmoidNormalizer', float32([2, height, width, channels], data))
      for (const image of [0, 1]) {
        for (let channel = 0; channel < channels; channel += 1) {
          const pick = (all: ArrayLike<number>) => plane(Array.from(all).slice(image * count * channels, (image + 1) * count * channels), channels, channel)
          const numbers = pick(data)
          const mean = numbers.reduce((sum, value) => sum + value, 0) / count
          const deviation = Math.sqrt(numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count)
          const median = [...numbers].sort((a, b) => a - b)[Math.floor((count - 1) / 2)]
          pick(values).forEach((value, at) => expect(value).toBeCloseTo(1 / (1 + Math.exp(-(numbers[at] - median) / Math.max(deviation, 1e-6))), 5))
        }
      }
    }
  })
})

describe('in a pipeline', () => {
  it.each(['MinMaxNormalizer', 'ZScoreNormalizer', 'SigmoidNormalizer', 'IdentityNormalizer'])('%s keeps the number of channels', (type) => {
    const pipeline = pipelineOf({ nodes: { cube: { type: 'Cube' }, norm: { type }, rx: { type: 'RXGlobal' } }, connections: [['cube.cube', 'norm.data'], ['norm.normalized', 'rx.data']] }, { channels: 5, wavelengthsNm: null })
    expect(pipeline.nodes.find(({ name }) => name === 'rx')?.parameters.num_channels).toBe(5)
  })

  it('turns scores into probabilities after a detector', async () => {
    const pipeline = pipelineOf({
      nodes: { cube: { type: 'Cube' }, rx: { type: 'RXGlobal' }, norm: { type: 'SigmoidNormalizer' }, out: { type: 'SigmoidTransform' } },
      connections: [['cube.cube', 'rx.data'], ['rx.scores', 'norm.data'], ['norm.normalized', 'out.data']],
    }, { channels: 2, wavelengthsNm: null })
    const state = initialState(pipeline, 0)
    setNodeState(state, 'rx', { mu: float32([2], [0, 0]), cov: float32([2, 2], [1, 0, 0, 1]), whitening: float32([2, 2], [1, 0, 0, 1]) })
    const session = await openSession(encodeModel(compileInference(pipeline, state, { ports: ['out.transformed'] }).graph), 'cpu', { threads: 1 })
    const results = await session.run({ cube: float32([2, 3, 3, 2], wavy(36)) }).finally(() => session.release())
    expect(results['out.transformed'].shape).toEqual([2, 3, 3, 1])
    expect([...results['out.transformed'].data].every((value) => Number(value) >= 0.5 && Number(value) <= 0.74)).toBe(true)
  })
})
