import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { factsOf } from '../../src/engine/inference/fits'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { float32 } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { initialState } from '../../src/engine/pipeline/state'
import { compileArtifacts, writeModels } from '../../src/engine/training/artifacts'
import type { Batch } from '../../src/engine/training/batch'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import { openLearner } from '../../src/engine/training/learner'
import { scheduledSettings, stepInputs } from '../../src/engine/training/step-inputs'
import { memoryCube } from '../inference/cubes'
import { trainingRuntime } from '../onnx/training-runtime'
import { contents, deepSVDD, observed, request, scenePixels, SHAPE, stopAfterEpoch, writeScene } from './scene'

vi.mock('../../src/engine/nodes/registry', async (original) => {
  const registry = await original<typeof import('../../src/engine/nodes/registry')>()
  const { noisy } = await import('./noisy-node')
  return { ...registry, nodeType: (name: string) => (name === 'Noisy' ? noisy : registry.nodeType(name)) }
})

let folder: string
let cube: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cuvette-step-'))
  cube = await writeScene(folder, 'scene')
})
afterEach(() => rm(folder, { recursive: true }))

const noisySVDD = (trainer = {}) => deepSVDD({ unfreeze: ['projection', 'noisy'], ...trainer }, ({ nodes, connections }) => {
  nodes.noisy = { type: 'Noisy' }
  connections.splice(1, 1, ['encoder.normalized', 'noisy.data'], ['noisy.shifted', 'projection.data'])
})

const pipeline = () => {
  const { text, path } = noisySVDD()
  return resolvePipeline(parsePipeline(text, path), factsOf(memoryCube(SHAPE, scenePixels())))
}

describe('inputs of a step', () => {
  it('are drawn from seed, epoch and batch alone', () => {
    const drawn = (seed: number, epoch: number, batch: number) => [...stepInputs(pipeline(), seed, epoch, batch)['noisy.u'].data]
    expect(drawn(3, 1, 0)).toEqual(drawn(3, 1, 0))
    expect(new Set([drawn(3, 1, 0), drawn(4, 1, 0), drawn(3, 2, 0), drawn(3, 1, 1)].map((values) => values.join())).size).toBe(4)
    expect(drawn(3, 1, 0)).toHaveLength(6)
  })

  it('keep uniform noise below 1 in float32', () => {
    const fine = pipeline()
    const [noisyNode] = fine.nodes.filter(({ name }) => name === 'noisy')
    const many = { ...noisyNode, type: { ...noisyNode.type, noise: () => [{ name: 'u', shape: [200_000], draw: 'uniform' as const }, { name: 'z', shape: [20_000], draw: 'normal' as const }] } }
    const { 'noisy.u': uniform, 'noisy.z': normal } = stepInputs({ ...fine, nodes: [many] }, 1, 1, 0)
    expect(uniform.data.every((value) => value >= 0 && value < 1)).toBe(true)
    const mean = (values: Float32Array, power: number) => values.reduce((sum, value) => sum + value ** power, 0) / values.length
    expect(mean(uniform.data, 1)).toBeCloseTo(0.5, 2)
    expect(mean(uniform.data, 2)).toBeCloseTo(1 / 3, 2)
    expect(mean(normal.data, 1)).toBeCloseTo(0, 1)
    expect(mean(normal.data, 2)).toBeCloseTo(1, 1)
  })

  it('follow the epochs', () => {
    expect([1, 2, 3].map((epoch) => scheduledSettings(pipeline(), epoch))).toEqual([{ 'noisy.temperature': 1 }, { 'noisy.temperature': 0.5 }, { 'noisy.temperature': 0.25 }])
    expect(stepInputs(pipeline(), 1, 2, 0)['noisy.temperature']).toEqual(float32([], [0.5]))
  })
})

describe('a training with noise and a temperature', () => {
  it('feeds both in training only, the same to all pieces of a batch', async () => {
    const resolved = pipeline()
    const state = initialState(resolved, 1)
    state.set('encoder.zscore_mean', float32([6], new Float32Array(6)))
    state.set('encoder.zscore_std', float32([6], new Float32Array(6).fill(50)))
    state.set('center._tracked_center', float32([4], new Float32Array(4)))
    if (!resolved.trainer) throw new Error('The document states a trainer.')
    const artifacts = compileArtifacts(resolved, state, resolved.trainer)
    await writeModels(folder, artifacts)
    const learner = await openLearner(folder, { ...artifacts, optimizer: null, properties: { ints: {}, strings: {} } }, 'cpu')
    try {
      const center = learner.state.frozen.get('center._tracked_center')
      const pixels = scenePixels()
      const batch = (count: number, inputs?: Batch['inputs']): Batch => ({
        single: count === 1,
        inputs,
        async *pieces() {
          const size = 360 / count
          for (let piece = 0; piece < count; piece += 1) yield { cube: float32([1, 1, size, 6], pixels.slice(piece * size * 6, (piece + 1) * size * 6)), targets: null, pixels: size }
        },
      })
      const loss = async (count: number, inputs?: Batch['inputs']) => {
        if (center) learner.state.frozen.set('center._tracked_center', center)
        return (await learner.differentiate(batch(count, inputs))).loss
      }
      const inputs = stepInputs(resolved, 1, 1, 0)
      const whole = await loss(1, inputs)
      expect(Math.abs(await loss(4, inputs) / whole - 1)).toBeLessThan(1e-6)
      expect(await loss(1, stepInputs(resolved, 1, 1, 1))).not.toBe(whole)
      expect(await loss(1, { ...inputs, 'noisy.temperature': float32([], [0.5]) })).not.toBe(whole)
      // Without a temperature the last one, without noise nothing.
      const { 'noisy.u': noise } = inputs
      expect(await loss(1, { 'noisy.u': noise })).toBe(await loss(1, { ...inputs, 'noisy.temperature': float32([], [0.125]) }))
      await expect(loss(1, { 'noisy.temperature': inputs['noisy.temperature'] })).rejects.toMatchObject({ message: 'The model needs a value for its input noisy.u.' })
      await learner.evaluate(batch(1), [], () => undefined)
    } finally {
      await learner.release()
    }
  })

  it('repeats bit for bit, resumes from any epoch, and tells the temperature of every epoch', async () => {
    const whole = join(folder, 'whole')
    const context = observed()
    await fitPipeline(request(noisySVDD({ accumulate: 2 }), [cube], whole), context)
    const temperatures = context.told.flatMap((progress) => (progress.kind === 'epoch' ? [progress.record.settings] : []))
    expect(temperatures).toEqual([1, 0.5, 0.25, 0.125].map((temperature) => ({ 'noisy.temperature': temperature })))
    const { record } = await openTrainedPipeline(whole)
    expect(record.epochs.map(({ settings }) => settings)).toEqual(temperatures)
    const { 'state.safetensors': expected } = await contents(whole)
    for (const epoch of [1, 3]) {
      const out = join(folder, `from-${epoch}`)
      await fitPipeline(request(noisySVDD({ accumulate: 2 }), [cube], out), stopAfterEpoch(epoch))
      await fitPipeline(request(noisySVDD({ accumulate: 2 }), [cube], out, { resume: true, seed: undefined }), observed())
      expect((await contents(out))['state.safetensors']).toBe(expected)
    }
  })

  it('leaves artifacts that the training runtime trains on, with a README that names the inputs', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(noisySVDD({ optimizer: { name: 'adamw', lr: 0.001, weight_decay: 0.01 } }), [cube], out, { epochs: 1 }), observed())
    await exportPipeline({ pipelineFolder: out, to: 'ort-training', out: join(folder, 'exported') }, observed())
    const readme = await readFile(join(folder, 'exported', 'README.md'), 'utf8')
    expect(readme).toContain('| `noisy.temperature` | float32, one number | optional: 0.125 when it is left out; a setting that follows the epochs, 1 in the first |')
    expect(readme).toContain('| `noisy.u` | float32 [6] | uniform noise from [0, 1), drawn anew for every batch |')

    const training = join(out, 'training')
    const runtime = await trainingRuntime()
    const [trainModel, evalModel, optimizerModel, checkpointState] = await Promise.all(
      ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'].map(async (name) => new Uint8Array(await readFile(join(training, name)))),
    )
    const session = await runtime.TrainingSession.create({ checkpointState, trainModel, evalModel, optimizerModel })
    const learner = await openLearner(training, await readCheckpoint(join(training, 'checkpoint')), 'cpu', { threads: 1 })
    const pixels = scenePixels(6).subarray(0, 120 * SHAPE[2])
    const center = learner.state.frozen.get('center._tracked_center')
    for (let step = 0; step < 3; step += 1) {
      // Inputs with a default are no inputs of this runtime: the temperature is the last one.
      const inputs = { 'noisy.u': stepInputs(pipeline(), 3, 1, step)['noisy.u'] }
      const known: Record<string, [Float32Array, readonly number[]]> = { cube: [pixels, [1, 1, 120, SHAPE[2]]], 'noisy.u': [inputs['noisy.u'].data, [6]] }
      expect([...session.trainingInputNames].sort()).toEqual(Object.keys(known).sort())
      const feeds = Object.fromEntries(session.trainingInputNames.map((name) => [name, new runtime.Tensor('float32', known[name][0], known[name][1])]))
      const theirs = await session.runTrainStep(feeds)
      await session.runOptimizerStep()
      await session.lazyResetGrad()
      const batch: Batch = { single: true, inputs, async *pieces() { yield { cube: float32([1, 1, 120, SHAPE[2]], pixels), targets: null, pixels: 120 } } }
      const { losses: [ours] } = await learner.step([batch], { learningRate: 0.001, gradientClip: null, accumulate: 1 })
      expect(Math.abs(theirs[session.trainingOutputNames[0]].data[0] / ours - 1)).toBeLessThan(2e-6)
      if (center) learner.state.frozen.set('center._tracked_center', center)
    }
    expect([...session.evalInputNames].sort()).toEqual(['cube'])
    await session.release()
    await learner.release()
  })
})
