import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { differentiate } from '../../src/engine/onnx/differentiate'
import { Graph } from '../../src/engine/onnx/graph'
import type { Value } from '../../src/engine/onnx/graph'
import { decodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { encodeModel } from '../../src/engine/onnx/model'
import { decodeModel } from '../../src/engine/onnx/reading/decode'
import { initialOptimizerState, optimizerStep } from '../../src/engine/onnx/optimizer'
import type { OptimizerSettings } from '../../src/engine/onnx/optimizer'
import { encodeOptimizerModel } from '../../src/engine/onnx/optimizer-model'
import { openSession } from '../../src/engine/onnx/session'
import type { Session } from '../../src/engine/onnx/session'
import { elementCount, float32, int64 } from '../../src/engine/onnx/tensor'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { encodeEvaluationModel, encodeTrainingModel, gradientBufferName, gradientName } from '../../src/engine/onnx/training-model'
import { encodeCheckpoint } from '../../src/engine/training/checkpoint'
import { scattered } from './finite-differences'
import { trainingRuntime } from './training-runtime'
import type { TrainingRuntime } from './training-runtime'

// A small Deep SVDD with a soft boundary: 5 bands -> 4 -> 3, the radius trains too, the center does not.

const shapes: Record<string, number[]> = { 'net.fc1.weight': [4, 5], 'net.fc1.bias': [4], 'net.fc2.weight': [3, 4], 'loss.r': [] }
const parameters = Object.keys(shapes)
const frozen = ['tracker.center']
const start = new Map(parameters.map((name, seed) => [name, Float32Array.from({ length: elementCount(shapes[name]) }, (_, at) => (name === 'loss.r' ? 0.3 : 0.7 * scattered(seed)(at)))]))
const center = Float32Array.of(0.2, -0.1, 0.4)
const settings: OptimizerSettings = { algorithm: 'adamw', beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 }
/** The training runtime's own, which its JavaScript cannot change. */
const LEARNING_RATE = 0.001

function model() {
  const graph = new Graph()
  const x = graph.input('x', 'float32', ['N', 5])
  const inputs = Object.fromEntries(parameters.map((name) => [name, graph.input(name, 'float32', shapes[name])]))
  const c = graph.input('tracker.center', 'float32', [3])
  const hidden = graph.op('Relu', [graph.op('Gemm', [x, inputs['net.fc1.weight'], inputs['net.fc1.bias']], { transB: 1 })])
  const offset = graph.op('Sub', [graph.op('Gemm', [hidden, inputs['net.fc2.weight']], { transB: 1 }), c])
  const scores = graph.op('ReduceSum', [graph.op('Mul', [offset, offset]), graph.constant(int64([1], [1]))], { keepdims: 1 })
  const r = inputs['loss.r']
  const radius = graph.op('Mul', [r, r])
  const excess = graph.op('Relu', [graph.op('Sub', [scores, radius])])
  const loss = graph.op('Add', [radius, graph.op('Mul', [graph.op('ReduceMean', [excess], { keepdims: 0 }), graph.scalar(2)])])
  const common = { graph, userInputs: ['x', ...frozen], parameters, loss, extraOutputs: [{ name: 'scores', value: scores }], metadata: { pipeline: 'small' } }
  return { ...common, gradients: differentiate(graph, loss, Object.values(inputs)) }
}

const batch = (index: number, rows: number): Float32Array => Float32Array.from({ length: rows * 5 }, (_, at) => scattered(50 + index)(at))

/** Trains in the stock runtime: gradients from the training model, the step on the host. */
async function trainStock(session: Session, steps: number): Promise<{ losses: number[]; values: Map<string, Float32Array> }> {
  const values = new Map([...start].map(([name, data]) => [name, data.slice()]))
  const state = initialOptimizerState()
  const losses: number[] = []
  for (let step = 0; step < steps; step += 1) {
    const results = await session.run(stockFeeds(values, batch(step, 16)))
    losses.push(Number(results.loss.data[0]))
    const gradients = new Map(parameters.map((name) => [name, results[gradientName(name)].data as Float32Array]))
    optimizerStep(settings, state, LEARNING_RATE, values, gradients)
  }
  return { losses, values }
}

function stockFeeds(values: ReadonlyMap<string, Float32Array>, x: Float32Array): Record<string, Tensor> {
  return {
    x: float32([x.length / 5, 5], x),
    'tracker.center': float32([3], center),
    lazy_reset_grad: { type: 'bool', shape: [1], data: Uint8Array.of(1) },
    ...Object.fromEntries([...values].map(([name, data]) => [name, float32(shapes[name], data)])),
    ...Object.fromEntries(parameters.map((name) => [gradientBufferName(name), float32(shapes[name], new Float32Array(elementCount(shapes[name])))])),
  }
}

describe('training_model.onnx', () => {
  const training = encodeTrainingModel(model())

  it('has the names and the order that the training runtime wants', () => {
    const message = decodeModelMessage(training)
    expect(message.graph?.input?.map(({ name }) => name)).toEqual([
      'x',
      'tracker.center',
      ...parameters,
      ...parameters.map((name) => `${name}_grad.accumulation.buffer`),
      'lazy_reset_grad',
    ])
    expect(message.graph?.output?.map(({ name }) => name)).toEqual([
      'loss',
      'scores',
      ...parameters.map((name) => `${name}_grad`),
      ...parameters.map((name) => `${name}_grad.accumulation.out`),
    ])
    const accumulators = message.graph?.node?.filter(({ op_type }) => op_type === 'InPlaceAccumulatorV2')
    expect(accumulators?.map(({ input, domain }) => [domain, input])).toEqual(parameters.map((name) => ['com.microsoft', [`${name}_grad.accumulation.buffer`, `${name}_grad`, 'lazy_reset_grad']]))
    expect(message.opset_import?.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 17], ['com.microsoft', 1]])
    expect(message.metadata_props?.map(({ key, value }) => [key, value])).toEqual([['pipeline', 'small']])
  })

  it('is deterministic, leaves the graph alone, and can be read back', () => {
    const same = model()
    const nodes = same.graph.nodes.length
    expect(encodeTrainingModel(same)).toEqual(training)
    expect(encodeTrainingModel(same)).toEqual(training)
    expect(same.graph.nodes.length).toBe(nodes)
    expect(same.graph.outputs).toEqual([])
    const { graph, functions } = decodeModel(training, 'training_model.onnx')
    expect(graph.value('net.fc1.weight_grad').shape).toEqual([4, 5])
    expect(functions).toMatchObject([{ domain: 'com.microsoft', name: 'InPlaceAccumulatorV2', nodes: [{ op: 'Identity' }] }])
  })

  it('gives two parameters the same gradient, and a parameter a constant one', async () => {
    const graph = new Graph()
    const [a, b, c] = ['a', 'b', 'c'].map((name) => graph.input(name, 'float32', [2]))
    const x = graph.input('x', 'float32', ['N', 2])
    const both = graph.op('Add', [a, b])
    const loss = graph.op('Add', [graph.op('ReduceSum', [graph.op('Mul', [x, both])], { keepdims: 0 }), graph.op('ReduceSum', [c], { keepdims: 0 })])
    const gradients = differentiate(graph, loss, [a, b, c])
    const bytes = encodeTrainingModel({ graph, userInputs: ['x'], parameters: ['a', 'b', 'c'], loss, extraOutputs: [], gradients })
    const session = await openSession(bytes, 'cpu')
    const two = (values: number[]): Tensor => float32([2], values)
    const results = await session.run({
      x: float32([2, 2], [1, 2, 3, 4]), a: two([0, 0]), b: two([1, 1]), c: two([1, 1]),
      ...Object.fromEntries(['a', 'b', 'c'].map((name) => [gradientBufferName(name), two([0, 0])])),
      lazy_reset_grad: { type: 'bool', shape: [1], data: Uint8Array.of(1) },
    })
    await session.release()
    expect(['a_grad', 'b_grad', 'c_grad'].map((name) => Array.from(results[name].data as Float32Array))).toEqual([[4, 6], [4, 6], [1, 1]])
  })

  it('refuses a parameter without a gradient, and inputs that nobody feeds', () => {
    const given = model()
    const missing = new Map([...given.gradients].filter(([name]) => name !== 'loss.r'))
    expect(() => encodeTrainingModel({ ...given, gradients: missing })).toThrowError(expect.objectContaining({ code: 'bad-argument', where: 'loss.r' }))
    expect(() => encodeEvaluationModel({ ...given, userInputs: ['x'] })).toThrowError(expect.objectContaining({ code: 'bad-argument', where: 'tracker.center' }))
  })
})

describe('the artifacts in the real training runtime 1.19.2 and in the stock runtime', () => {
  const given = model()
  const trainModel = encodeTrainingModel(given)
  const evalModel = encodeEvaluationModel(given)
  const checkpointState = encodeCheckpoint({
    trainable: new Map([...start].map(([name, data]) => [name, float32(shapes[name], data)])),
    frozen: new Map([['tracker.center', float32([3], center)]]),
    moving: new Map(),
    optimizer: null,
    properties: { ints: {}, strings: {} },
  })
  const artifacts = { checkpointState, trainModel, evalModel, optimizerModel: encodeOptimizerModel(settings) }
  let ort: TrainingRuntime
  let stock: Session
  beforeAll(async () => {
    ort = await trainingRuntime()
    stock = await openSession(trainModel, 'cpu', { threads: 1 })
  })
  afterAll(async () => await stock.release())

  const flat = (values: ReadonlyMap<string, Float32Array>): number[] => parameters.flatMap((name) => Array.from(values.get(name) as Float32Array))
  const largest = (left: ArrayLike<number>, right: ArrayLike<number>): number => Array.from(left).reduce((most, value, at) => Math.max(most, Math.abs(value - right[at])), 0)
  const feed = (data: Float32Array) => ({ x: new ort.Tensor('float32', data, [data.length / 5, 5]) })

  it('trains alike in both: losses, scores and parameters over 7 steps', async () => {
    const session = await ort.TrainingSession.create(artifacts)
    expect(session.trainingInputNames).toEqual(['x'])
    expect(session.trainingOutputNames).toEqual(['loss', 'scores'])
    expect(session.evalInputNames).toEqual(['x'])
    const losses: number[] = []
    for (let step = 0; step < 7; step += 1) {
      losses.push((await session.runTrainStep(feed(batch(step, 16)))).loss.data[0])
      await session.runOptimizerStep()
      await session.lazyResetGrad()
    }
    const found = await trainStock(stock, 7)
    expect(losses[6]).not.toBe(losses[0])
    expect(largest(losses, found.losses)).toBeLessThan(2e-6)
    const values = (await session.getContiguousParameters(true)).data
    expect(values.length).toBe(20 + 4 + 12 + 1)
    expect(largest(values, flat(found.values))).toBeLessThan(1e-6)
    // The parameters moved by more than the agreement.
    expect(largest(values, flat(start))).toBeGreaterThan(4e-3)

    const evaluated = await session.runEvalStep(feed(batch(3, 6)))
    await session.release()
    const evaluation = await openSession(evalModel, 'cpu')
    expect(evaluation.inputNames).toEqual(['x', 'tracker.center', ...parameters])
    const feeds = stockFeeds(found.values, batch(3, 6))
    const expected = await evaluation.run(Object.fromEntries(evaluation.inputNames.map((name) => [name, feeds[name]])))
    await evaluation.release()
    expect(largest(evaluated.loss.data, expected.loss.data as Float32Array)).toBeLessThan(2e-6)
    expect(evaluated.scores.dims).toEqual([6, 1])
    expect(largest(evaluated.scores.data, expected.scores.data as Float32Array)).toBeLessThan(5e-6)
  })

  it('adds up gradients until they are reset, in the training runtime', async () => {
    const session = await ort.TrainingSession.create(artifacts)
    await session.runTrainStep(feed(batch(0, 16)))
    await session.runTrainStep(feed(batch(1, 16)))
    await session.runOptimizerStep()
    const values = (await session.getContiguousParameters(true)).data.slice()
    await session.release()
    const parts = [await stock.run(stockFeeds(start, batch(0, 16))), await stock.run(stockFeeds(start, batch(1, 16)))]
    const total = new Map(parameters.map((name) => {
      const [left, right] = parts.map((part) => part[gradientName(name)].data as Float32Array)
      return [name, left.map((value, at) => value + right[at])]
    }))
    const expected = new Map([...start].map(([name, data]) => [name, data.slice()]))
    optimizerStep(settings, initialOptimizerState(), LEARNING_RATE, expected, total)
    expect(largest(values, flat(expected))).toBeLessThan(1e-6)
  })

  it('leaves the gradient buffers alone in the stock runtime', async () => {
    const feeds = stockFeeds(start, batch(0, 4))
    const buffer = feeds[gradientBufferName('net.fc1.bias')]
    const results = await stock.run(feeds)
    expect(buffer.data).toEqual(new Float32Array(4))
    expect(results['net.fc1.bias_grad.accumulation.out']).toEqual({ type: 'bool', shape: [1], data: Uint8Array.of(1) })
    expect((results['net.fc1.bias_grad'].data as Float32Array).some((value) => value !== 0)).toBe(true)
  })

  it('takes gradients that agree with those of a plain graph', async () => {
    const again = model()
    const values: [string, Value][] = [...again.gradients]
    const graph = again.graph.copy()
    for (const [name, value] of values) graph.output(`plain ${name}`, value)
    const plain = await openSession(encodeModel(graph), 'cpu', { threads: 1 })
    const feeds = stockFeeds(start, batch(2, 8))
    const expected = await plain.run(Object.fromEntries(plain.inputNames.map((name) => [name, feeds[name]])))
    await plain.release()
    const found = await stock.run(feeds)
    for (const [name] of values) expect(found[gradientName(name)].data).toEqual(expected[`plain ${name}`].data)
  })
  it('is refused by the training runtime when it lacks the optimizer, instead of training otherwise', async () => {
    const optimizerModel = encodeOptimizerModel({ algorithm: 'sgd', momentum: 0.9, weightDecay: 0 })
    await expect(ort.TrainingSession.create({ ...artifacts, optimizerModel })).rejects.toBeDefined()
  })
})
