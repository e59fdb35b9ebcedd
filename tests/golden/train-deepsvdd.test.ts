import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { Pipeline, PipelineState } from '../../src/engine/pipeline/pipeline'
import { compileArtifacts, writeModels } from '../../src/engine/training/artifacts'
import type { Batch } from '../../src/engine/training/batch'
import { openLearner } from '../../src/engine/training/learner'
import type { StoredTensor } from './read-vectors'
import { expectClose, goldenCases, tensor } from './read-vectors'
import { runsCase } from './suite'

interface Step {
  loss: number
  grad_norm: number
  grads?: Record<string, StoredTensor>
  params?: Record<string, StoredTensor>
}

interface Case {
  name: string
  hparams: { projection: Record<string, unknown>; tracker: Record<string, unknown>; loss: Record<string, unknown> }
  inputs: { batches: StoredTensor[] }
  center_init: StoredTensor
  centers_after_each_step: StoredTensor[]
  buffers: Record<string, StoredTensor>
  optimizer: { lr: number; weight_decay: number; betas: [number, number]; eps: number }
  gradient_clip_norm: number | null
  steps: number
  init: Record<string, StoredTensor>
  log: Step[]
  log_f64: Step[]
}

function pipelineOf(one: Case): Pipeline {
  const { lr, weight_decay, betas, eps } = one.optimizer
  const document = {
    nodes: {
      cube: { type: 'Cube' },
      projection: { type: 'DeepSVDDProjection', config: one.hparams.projection },
      tracker: { type: 'DeepSVDDCenterTracker', config: one.hparams.tracker },
      loss: { type: 'DeepSVDDSoftBoundaryLoss', config: one.hparams.loss },
      scores: { type: 'DeepSVDDScores' },
    },
    connections: [
      ['cube.cube', 'projection.data'], ['projection.embeddings', 'tracker.embeddings'], ['projection.embeddings', 'loss.embeddings'], ['tracker.center', 'loss.center'],
      ['projection.embeddings', 'scores.embeddings'], ['tracker.center', 'scores.center'],
    ],
    trainer: { optimizer: { name: 'adamw', lr, weight_decay, betas, eps }, gradient_clip: one.gradient_clip_norm, unfreeze: ['projection'] },
  }
  return resolvePipeline(parsePipeline(JSON.stringify(document), 'golden.yaml'), { channels: one.inputs.batches[0].shape[3], wavelengthsNm: null })
}

function stateOf(one: Case): PipelineState {
  return new Map<string, Tensor>([
    ...Object.entries(one.init).map(([name, value]) => [name, tensor(value)] as const),
    ...Object.entries(one.buffers).map(([name, value]) => [`projection.${name}`, tensor(value)] as const),
    ['tracker._tracked_center', center(one)],
  ])
}

function center(one: Case): Tensor<'float32'> {
  return tensor(one.center_init) as Tensor<'float32'>
}

/** A batch as it is, or cut into pieces of single images, which must come to the same. */
function batchOf(value: StoredTensor, cut: boolean): Batch {
  const cube = tensor(value) as Tensor<'float32'>
  const [images, lines, samples, channels] = cube.shape
  const size = lines * samples * channels
  return {
    single: !cut,
    async *pieces() {
      if (!cut) yield { cube, targets: null, pixels: images * lines * samples }
      else for (let image = 0; image < images; image += 1) yield { cube: { type: 'float32', shape: [1, lines, samples, channels], data: cube.data.subarray(image * size, (image + 1) * size) }, targets: null, pixels: lines * samples }
    },
  }
}

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'cuvette-golden-')) })
afterEach(async () => { await rm(folder, { recursive: true }) })

const cases = goldenCases<Case>('train_deepsvdd').flatMap((one) => [[one.name, false, one], [`${one.name}, in micro-batches`, true, one]] as const)

describe('training of Deep SVDD against PyTorch', () => {
  it.each(cases)('%s', async (_name, cut, one) => {
    runsCase('train_deepsvdd', one.name)
    const pipeline = pipelineOf(one)
    if (!pipeline.trainer) throw new Error('The document states a trainer.')
    const artifacts = compileArtifacts(pipeline, stateOf(one), pipeline.trainer)
    await writeModels(folder, artifacts)
    const learner = await openLearner(folder, { ...artifacts, frozen: new Map(), optimizer: null, properties: { ints: {}, strings: {} } }, 'cpu', { threads: 1 })
    try {
      expect([...learner.state.parameters.keys()].sort()).toEqual(Object.keys(one.init).sort())
      // Gradients first, on a state that is put back: a step would use them up.
      const { gradients } = await learner.differentiate(batchOf(one.inputs.batches[0], cut))
      for (const grads of [one.log[0].grads, one.log_f64[0].grads]) {
        for (const [name, expected] of Object.entries(grads ?? {})) {
          expectClose({ type: 'float64', shape: expected.shape, data: gradients.get(name) ?? new Float64Array(0) }, expected, 1e-5, `gradient of ${name}`, 0.1)
        }
      }
      learner.state.moving.set('tracker._tracked_center', center(one))

      for (let step = 0; step < one.steps; step += 1) {
        const batch = batchOf(one.inputs.batches[step % one.inputs.batches.length], cut)
        const { losses: [loss], gradientNorm } = await learner.step([batch], { learningRate: one.optimizer.lr, gradientClip: one.gradient_clip_norm === null ? null : { kind: 'norm', limit: one.gradient_clip_norm }, accumulate: 1 })
        const expected = one.log[step]
        expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(1e-5)
        expect(Math.abs(loss / one.log_f64[step].loss - 1)).toBeLessThan(1e-5)
        expect(Math.abs(gradientNorm / expected.grad_norm - 1)).toBeLessThan(1e-5)
        expect(Math.abs(gradientNorm / one.log_f64[step].grad_norm - 1)).toBeLessThan(1e-5)
        expectClose(learner.state.moving.get('tracker._tracked_center') as Tensor, one.centers_after_each_step[step], 1e-5, `center after step ${step + 1}`)
        for (const params of [expected.params, one.log_f64[step].params]) {
          for (const [name, value] of Object.entries(params ?? {})) expectClose(learner.state.parameters.get(name) as Tensor, value, 1e-5, `${name} after step ${step + 1}`, 1)
        }
      }
    } finally {
      await learner.release()
    }
  })
})
