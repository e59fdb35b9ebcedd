import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float32 } from '../../src/engine/onnx/tensor'
import type { Batch } from '../../src/engine/training/batch'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import { openLearner } from '../../src/engine/training/learner'
import { trainingRuntime } from '../onnx/training-runtime'
import { deepSVDD, observed, request, scenePixels, SHAPE, temporaryFolder, writeScene } from './scene'

// The artifact set that a fit leaves, in the real training runtime: it goes on from our checkpoint to our numbers.

let folder: string
let training: string
beforeAll(async () => {
  folder = await temporaryFolder()
  const out = join(folder, 'fitted')
  // The training runtime's learning rate is 0.001, whatever the checkpoint says.
  const pipeline = deepSVDD({ optimizer: { name: 'adamw', lr: 0.001, weight_decay: 0.01 } })
  await fitPipeline(request(pipeline, [await writeScene(folder, 'scene')], out, { epochs: 2 }), observed())
  training = join(out, 'training')
})
afterAll(() => rm(folder, { recursive: true }))

describe('the artifact set of a fit in the training runtime', () => {
  it('trains on from the checkpoint, moments included, with our losses and parameters', async () => {
    const runtime = await trainingRuntime()
    const [trainModel, evalModel, optimizerModel, checkpointState] = await Promise.all(
      ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'].map(async (name) => new Uint8Array(await readFile(join(training, name)))),
    )
    const session = await runtime.TrainingSession.create({ checkpointState, trainModel, evalModel, optimizerModel })
    const learner = await openLearner(training, await readCheckpoint(join(training, 'checkpoint')), 'cpu', { threads: 1 })
    const center = learner.state.frozen.get('center._tracked_center')
    const pixels = scenePixels(6).subarray(0, 120 * SHAPE[2])
    const batch: Batch = { single: true, async *pieces() { yield { cube: float32([1, 1, 120, SHAPE[2]], pixels), targets: null, pixels: 120 } } }
    const feeds = Object.fromEntries(session.trainingInputNames.map((name) => {
      const known: Record<string, [Float32Array, number[]]> = { cube: [pixels, [1, 1, 120, SHAPE[2]]], 'center.alpha': [Float32Array.of(0.1), []] }
      expect(Object.keys(known)).toContain(name)
      const [data, dims] = known[name]
      return [name, new runtime.Tensor('float32', data, dims)]
    }))
    expect(Object.keys(feeds)).toContain('cube')
    for (let step = 0; step < 4; step += 1) {
      const theirs = await session.runTrainStep(feeds)
      await session.runOptimizerStep()
      await session.lazyResetGrad()
      const { losses: [ours] } = await learner.step([batch], { learningRate: 0.001, gradientClip: null, accumulate: 1 })
      expect(Math.abs(theirs[session.trainingOutputNames[0]].data[0] / ours - 1)).toBeLessThan(2e-6)
      // The training runtime leaves what moves without a gradient to its caller, so it starts every step from the same centre.
      if (center) learner.state.frozen.set('center._tracked_center', center)
    }
    const flat = await session.getContiguousParameters(true)
    const ours = [...learner.state.parameters.values()].flatMap(({ data }) => [...data])
    expect(flat.data).toHaveLength(ours.length)
    flat.data.forEach((value, index) => expect(Math.abs(value - ours[index])).toBeLessThan(2e-6))
    await session.release()
    await learner.release()
  })
})
