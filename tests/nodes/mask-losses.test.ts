import { describe, expect, it } from 'vitest'
import type { PortDataType } from '../../src/shared/nodes'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { encodeModel } from '../../src/engine/onnx/model'
import { openSession } from '../../src/engine/onnx/session'
import { misfit } from '../../src/engine/pipeline/ports'
import { compileTraining } from '../../src/engine/pipeline/compile'
import { initialState } from '../../src/engine/pipeline/state'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Written } from '../golden/documents'
import { oneNode, pipelineOf, refuseIfBad } from '../golden/documents'
import { repositoryParameters, runNode, typeNamed } from '../golden/node-graph'

const truth = (shape: number[], data: number[]): Tensor => ({ type: 'bool', shape, data: Uint8Array.from(data) })
const ids = (shape: number[], data: number[]): Tensor => ({ type: 'int32', shape, data: Int32Array.from(data) })

async function loss(name: string, hparams: Record<string, unknown>, inputs: Record<string, Tensor>): Promise<number> {
  const type = typeNamed(name)
  const { outputs } = await runNode({ type, parameters: repositoryParameters(type, hparams), inputs, stage: 'train' })
  expect(outputs.loss.shape).toEqual([])
  return Number(outputs.loss.data[0])
}

/** A trained projection and a loss that compares what it makes with the mask. RX is there because a pipeline must make scores. */
function trained(type: string, port: string, mask: string, config: Record<string, unknown> = {}): Written {
  const channels = port === 'rgb' ? 3 : 1
  return {
    nodes: { cube: { type: 'Cube' }, projection: { type: 'DeepSVDDProjection', config: { rep_dim: channels } }, loss: { type, config }, rx: { type: 'RXGlobal' } },
    connections: [['cube.cube', 'projection.data'], ['projection.embeddings', `loss.${port}`], ['cube.mask', `loss.${mask}`], ['cube.cube', 'rx.data']],
  }
}

describe('in a pipeline of any size', () => {
  it.each([
    ['AnomalyBCEWithLogits', 'predictions', 'targets', { pos_weight: 4 }],
    ['IoULoss', 'predictions', 'targets', { normalize_method: 'minmax' }],
    ['ForegroundContrastLoss', 'rgb', 'mask', { color_space: 'oklab', compactness_weight: 0.5, anchor_weight: 0.5 }],
  ])('%s has a gradient of what trains', async (type, port, mask, config) => {
    const key = 'projection.net.fc1.weight'
    const pipeline = pipelineOf(trained(type, port, mask, config), { channels: 4, wavelengthsNm: null })
    const state = initialState(pipeline, 1)
    const { graph, loss: value, parameters } = compileTraining(pipeline, state, { trained: [key] })
    const [[, gradient]] = differentiate(graph, value, parameters)
    graph.output('gradient', gradient)
    const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
    const feeds = { cube: float32([2, 3, 4, 4], Float32Array.from({ length: 96 }, (_, at) => Math.sin(at))), targets: truth([2, 3, 4, 1], Array.from({ length: 24 }, (_, at) => at % 5 === 0 ? 1 : 0)), [key]: state.get(key) as Tensor }
    const { gradient: found } = await session.run(feeds).finally(() => session.release())
    const numbers = [...found.data].map(Number)
    expect(numbers.every(Number.isFinite)).toBe(true)
    expect(numbers.some((slope) => slope !== 0)).toBe(true)
  })
})

describe('pixels that are not to be judged', () => {
  const bands = 4
  const cube = Float32Array.from({ length: 12 * bands }, (_, at) => Math.sin(at))
  const targets = Uint8Array.from({ length: 12 }, (_, at) => at % 4 === 0 ? 1 : 0)
  const judged = Uint8Array.from({ length: 12 }, (_, at) => at % 3 === 1 ? 0 : 1)
  const kept = [...judged.keys()].filter((pixel) => judged[pixel])

  it.each([
    ['AnomalyBCEWithLogits', 'predictions', 'targets', { pos_weight: 4 }],
    ['IoULoss', 'predictions', 'targets', { normalize_method: 'minmax' }],
    ['ForegroundContrastLoss', 'rgb', 'mask', { compactness_weight: 0.5, anchor_weight: 0.5 }],
  ])('change neither %s nor its gradient', async (type, port, mask, config) => {
    const key = 'projection.net.fc1.weight'
    const pipeline = pipelineOf(trained(type, port, mask, config), { channels: bands, wavelengthsNm: null })
    const state = initialState(pipeline, 1)
    const run = async (judging: boolean, feeds: Record<string, Tensor>) => {
      const { graph, loss: value, parameters, userInputs } = compileTraining(pipeline, state, { trained: [key], judging })
      expect(userInputs.includes('judged')).toBe(judging)
      const [[, gradient]] = differentiate(graph, value, parameters)
      graph.output('loss', value)
      graph.output('gradient', gradient)
      const session = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
      const found = await session.run({ ...feeds, [key]: state.get(key) as Tensor }).finally(() => session.release())
      return [found.loss, found.gradient].flatMap(({ data }) => [...data].map(Number))
    }
    const found = await run(true, { cube: float32([1, 3, 4, bands], cube), targets: truth([1, 3, 4, 1], [...targets]), judged: truth([1, 3, 4, 1], [...judged]) })
    const own = kept.flatMap((pixel) => [...cube.subarray(pixel * bands, (pixel + 1) * bands)])
    const expected = await run(false, { cube: float32([1, 1, kept.length, bands], own), targets: truth([1, 1, kept.length, 1], kept.map((pixel) => targets[pixel])) })
    expect(found).toHaveLength(expected.length)
    for (const [index, number] of found.entries()) expect(number).toBeCloseTo(expected[index], 5)
  })
})

describe('binary cross-entropy of logits', () => {
  const predictions = float32([1, 2, 2, 1], [0.3, -1, 2, -0.5])
  const targets = truth([1, 2, 2, 1], [1, 0, 0, 1])

  it('is one number from images of one channel, by the definition', async () => {
    const p = [...predictions.data].map((x) => 1 / (1 + Math.exp(-x)))
    const expected = -[Math.log(p[0]), Math.log(1 - p[1]), Math.log(1 - p[2]), Math.log(p[3])].reduce((a, b) => a + b) / 4
    expect(await loss('AnomalyBCEWithLogits', {}, { predictions, targets })).toBeCloseTo(expected, 6)
  })

  it('changes with the weight of anomalous pixels', async () => {
    const [even, heavy] = [await loss('AnomalyBCEWithLogits', { pos_weight: 1 }, { predictions, targets }), await loss('AnomalyBCEWithLogits', { pos_weight: 10 }, { predictions, targets })]
    expect(heavy).toBeGreaterThan(even * 1.5)
  })

  it('adds up over micro-batches as a mean, not as a sum', () => {
    const additive = (reduction: string): boolean => {
      const pipeline = pipelineOf(trained('AnomalyBCEWithLogits', 'predictions', 'targets', { reduction }), { channels: 4, wavelengthsNm: null })
      return compileTraining(pipeline, initialState(pipeline, 1), { trained: ['projection.net.fc1.weight'] }).additive
    }
    expect(additive('mean')).toBe(true)
    expect(additive('sum')).toBe(false)
  })

  it('cannot be trained without a reduction', () => {
    const pipeline = pipelineOf(trained('AnomalyBCEWithLogits', 'predictions', 'targets', { reduction: 'none' }), { channels: 4, wavelengthsNm: null })
    expect(() => compileTraining(pipeline, initialState(pipeline, 1), { trained: ['projection.net.fc1.weight'] })).toThrow(/one number per pixel.*mean or sum\./)
  })
})

describe('overlap of scores and mask', () => {
  it('is lost wholly without overlap and not at all where they agree', async () => {
    const targets = truth([1, 2, 2, 1], [1, 0, 0, 1])
    expect(await loss('IoULoss', { normalize_method: 'clamp' }, { predictions: float32([1, 2, 2, 1], [1, 0, 0, 1]), targets })).toBeCloseTo(0, 6)
    expect(await loss('IoULoss', { normalize_method: 'clamp' }, { predictions: float32([1, 2, 2, 1], [0, 1, 1, 0]), targets })).toBeCloseTo(1, 5)
    expect(await loss('IoULoss', { normalize_method: 'minmax', weight: 3 }, { predictions: float32([1, 2, 2, 1], [90, -5, -5, 90]), targets })).toBeCloseTo(0, 5)
  })

  it.each(['sigmoid', 'clamp', 'minmax'])('is not a number when a score is not one (%s)', async (method) => {
    const predictions = float32([1, 2, 2, 1], [0.1, NaN, 0.1, 0.1])
    expect(await loss('IoULoss', { normalize_method: method }, { predictions, targets: truth([1, 2, 2, 1], [1, 0, 0, 1]) })).toBeNaN()
  })

  it('has no gradient where all scores are equal and the range decides', async () => {
    const type = typeNamed('IoULoss')
    const { inputGradients } = await runNode({
      type, parameters: repositoryParameters(type, { normalize_method: 'minmax', smooth: 0 }), stage: 'train',
      inputs: { predictions: float32([1, 1, 3, 1], [2, 2, 2]), targets: truth([1, 1, 3, 1], [1, 0, 0]) }, probe: { loss: float32([], [1]) },
    })
    expect([...inputGradients.predictions.data].map(Number)).toEqual([0, 0, 0])
  })

  it('is computed over the whole batch, never over pieces of it', () => {
    const pipeline = pipelineOf(trained('IoULoss', 'predictions', 'targets'), { channels: 4, wavelengthsNm: null })
    const { additive, userInputs } = compileTraining(pipeline, initialState(pipeline, 1), { trained: ['projection.net.fc1.weight'] })
    expect(additive).toBe(false)
    expect(userInputs).toContain('targets')
  })
})

describe('contrast of foreground and background', () => {
  const rgb = float32([1, 2, 2, 3], [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0])

  it('is minus the distance of the mean colours', async () => {
    expect(await loss('ForegroundContrastLoss', { eps: 1e-12 }, { rgb, mask: ids([1, 2, 2], [1, 0, 7, 0]) })).toBeCloseTo(-1, 6)
  })

  it('takes truth values and class ids alike', async () => {
    const asTruth = await loss('ForegroundContrastLoss', { color_space: 'oklab', anchor_weight: 0.3 }, { rgb, mask: truth([1, 2, 2, 1], [1, 0, 1, 0]) })
    expect(await loss('ForegroundContrastLoss', { color_space: 'oklab', anchor_weight: 0.3 }, { rgb, mask: ids([1, 2, 2], [2, 0, 1, 0]) })).toBe(asTruth)
    // A red of full strength is as far from black in OKLab as its lightness and colour say.
    expect(asTruth).toBeCloseTo(-Math.hypot(0.62796, 0.22486, 0.12585) + 0.3 * (2 * (0.62796 ** 2 + 0.22486 ** 2 + 0.12585 ** 2) / 4 / 3), 3)
  })

  it('takes the mask of the cube in a pipeline, but no scores', () => {
    const facts = { channels: 4, wavelengthsNm: null }
    const { nodes, connections } = oneNode('ForegroundContrastLoss', {}, 'rgb')
    expect(() => refuseIfBad({ nodes, connections: [...connections, ['cube.cube', 'node.mask']] }, { ...facts, channels: 3 })).toThrow(/it is float32, expected bool/)
    const pipeline = pipelineOf(trained('ForegroundContrastLoss', 'rgb', 'mask'), facts)
    expect(compileTraining(pipeline, initialState(pipeline, 1), { trained: ['projection.net.fc1.weight'] }).additive).toBe(false)
  })

  it('connects to truth values of every pixel and to class ids', () => {
    const mask = typeNamed('ForegroundContrastLoss').description.inputs[1]
    const refused = (dtype: PortDataType, shape: (string | number)[]) => misfit({ dtype, shape }, mask)
    expect(refused('bool', ['B', 'H', 'W', 1])).toBeNull()
    expect(refused('int32', ['B', 'H', 'W'])).toBeNull()
    expect(refused('int32', ['B', 'H', 'W', 1])).toMatch(/int32, expected bool/)
    expect(refused('bool', ['B', 'H', 'W', 3])).toMatch(/axis 3/)
  })

  it('leaves out images that lack a side', async () => {
    const both = float32([2, 2, 2, 3], [...rgb.data, ...new Float32Array(12).fill(0.4)])
    const one = await loss('ForegroundContrastLoss', {}, { rgb, mask: ids([1, 2, 2], [1, 0, 1, 0]) })
    expect(await loss('ForegroundContrastLoss', {}, { rgb: both, mask: ids([2, 2, 2], [1, 0, 1, 0, 0, 0, 0, 0]) })).toBeCloseTo(one, 6)
  })
})
