import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TrainingGuide } from '../../src/engine/export/training-inputs'
import { exportPipeline } from '../../src/engine/export/export'
import { factsOf } from '../../src/engine/inference/fits'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { float32 } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { initialState } from '../../src/engine/pipeline/state'
import { compileArtifacts, writeModels } from '../../src/engine/training/artifacts'
import type { Batch } from '../../src/engine/training/batch'
import { fitPipeline } from '../../src/engine/training/fit'
import { openLearner } from '../../src/engine/training/learner'
import { scheduledSettings, stepInputs } from '../../src/engine/training/step-inputs'
import { memoryCube } from '../inference/cubes'
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
    const learner = await openLearner(folder, { ...artifacts, frozen: new Map(), optimizer: null, properties: { ints: {}, strings: {} } }, 'cpu')
    try {
      const center = learner.state.moving.get('center._tracked_center')
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
        if (center) learner.state.moving.set('center._tracked_center', center)
        return (await learner.differentiate(batch(count, inputs))).loss
      }
      const inputs = stepInputs(resolved, 1, 1, 0)
      const whole = await loss(1, inputs)
      expect(Math.abs(await loss(4, inputs) / whole - 1)).toBeLessThan(1e-6)
      expect(await loss(1, stepInputs(resolved, 1, 1, 1))).not.toBe(whole)
      expect(await loss(1, { ...inputs, 'noisy.temperature': float32([], [0.5]) })).not.toBe(whole)
      // Neither is left out: the training runtime would not offer an input with a default.
      const { 'noisy.u': noise, 'noisy.temperature': temperature } = inputs
      await expect(loss(1, { 'noisy.u': noise })).rejects.toMatchObject({ message: 'The model needs a value for its input noisy.temperature.' })
      await expect(loss(1, { 'noisy.temperature': temperature })).rejects.toMatchObject({ message: 'The model needs a value for its input noisy.u.' })
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

  it('leaves artifacts with a README and a file that name the inputs', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(noisySVDD({ optimizer: { name: 'adamw', lr: 0.001, weight_decay: 0.01 } }), [cube], out, { epochs: 3 }), stopAfterEpoch(1))
    await exportPipeline({ pipelineFolder: out, to: 'ort-training', out: join(folder, 'exported') }, observed())
    const readme = await readFile(join(folder, 'exported', 'README.md'), 'utf8')
    expect(readme).toContain('| `noisy.temperature` | float32, one number | a setting of noisy (Noisy) that follows the epochs; see the schedule below |')
    expect(readme).toContain('| `noisy.temperature` | 1, 0.5, 0.25 |')
    expect(readme).toContain('| `noisy.u` | float32 [6] | random numbers of noisy (Noisy), uniform on [0, 1), drawn anew for every batch |')
    expect(readme).toContain('next value: output `center._tracked_center.next`; first value: ')
    expect(readme).toContain('| `center.alpha` | float32, one number | a constant of the pipeline; optional, 0.1 when it is left out |')
    expect(readme).toContain('trains 3 epochs. This checkpoint goes on with epoch 2;')
    const guide = JSON.parse(await readFile(join(folder, 'exported', 'inputs.json'), 'utf8')) as TrainingGuide
    expect(guide).toMatchObject({ epochsDone: 1, epochs: 3, batch: '90 pixels', accumulate: 1, gradientClip: null, learningRates: [0.001, 0.001, 0.001] })
    const { state } = await openTrainedPipeline(out)
    expect(guide.inputs.map(({ name }) => name)).toEqual(['cube', 'noisy.u', 'noisy.temperature', 'center._tracked_center', 'center.alpha'])
    expect(guide.inputs.find(({ next }) => next)?.first).toEqual([...(state.get('center._tracked_center')?.data as Float32Array)])
  })
})
