import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scoresAreLocal } from '../../src/engine/inference/scene'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { runPipeline } from '../../src/engine/inference/run'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitRequest } from '../../src/shared/reports'
import type { Written } from '../golden/documents'
import { pipelineOf } from '../golden/documents'
import { observed, request, temporaryFolder, writeScene } from './scene'

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterAll(() => rm(folder, { recursive: true }))

const text = (written: Written): FitRequest['pipeline'] => ({ text: JSON.stringify(written), path: 'test.yaml' })
const facts = { channels: 6, wavelengthsNm: [450, 500, 550, 600, 650, 700] }

/** RX on a cube whose range is fitted; its scores squashed; a picture beside it whose bands are learned from the mask. */
const withPicture: Written = {
  nodes: {
    cube: { type: 'Cube' }, range: { type: 'MinMaxNormalizer' }, rx: { type: 'RXGlobal' },
    colors: { type: 'SupervisedFullSpectrumSelector' }, eye: { type: 'CIETristimulusFalseRGBSelector', config: { norm_mode: 'statistical' } },
    decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.98 } },
  },
  connections: [['cube.cube', 'range.data'], ['range.normalized', 'rx.data'], ['cube.cube', 'colors.cube'], ['cube.mask', 'colors.mask'], ['cube.cube', 'eye.cube'], ['rx.scores', 'decider.logits']],
}

describe('fitting nodes that learn from the mask', () => {
  it('states ranges, bands and bounds, and scores with them', async () => {
    const out = join(folder, 'picture')
    const report = await fitPipeline(request(text(withPicture), [cube], out), observed())
    expect(report.phases.statistical?.nodes).toEqual(expect.arrayContaining(['range', 'rx', 'colors', 'eye']))
    const { state } = await openTrainedPipeline(out)
    const numbers = (key: string): number[] => Array.from(state.get(key)?.data as Float32Array)
    expect(numbers('range.running_min')[0]).toBeLessThan(numbers('range.running_max')[0])
    const bands = numbers('colors.selected_indices')
    expect(new Set(bands).size).toBe(3)
    expect(bands.every((band) => Number.isInteger(band) && band >= 0 && band < 6)).toBe(true)
    expect(numbers('eye.running_min').every((low, color) => low < numbers('eye.running_max')[color])).toBe(true)
    const found = await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'scored'), format: 'envi', device: 'cpu' }, observed())
    expect(found.cubes[0].flagged).toBeGreaterThan(0)
  })

  it('is refused without a mask', async () => {
    const bare = await writeScene(folder, 'bare', undefined, undefined, null)
    await expect(fitPipeline(request(text(withPicture), [bare], join(folder, 'refused')), observed())).rejects.toThrow(/learns from the mask, but .* has none/)
  })

  it('does not make the scores depend on the image, unless they pass through', () => {
    expect(scoresAreLocal(pipelineOf(withPicture, facts))).toBe(true)
    const { nodes, connections } = withPicture
    const squashed = { nodes: { ...nodes, squash: { type: 'SigmoidNormalizer' } }, connections: [...connections.filter(([, to]) => to !== 'decider.logits'), ['rx.scores', 'squash.data'], ['squash.normalized', 'decider.logits']] as [string, string][] }
    expect(scoresAreLocal(pipelineOf(squashed, facts))).toBe(false)
  })
})

describe('training against the mask', () => {
  /** A projection that trains. RX is there because a pipeline must make scores. */
  const trained = (loss: Written['nodes'][string], nodes: Written['nodes'], connections: [string, string][]): Written => ({
    nodes: { cube: { type: 'Cube' }, encoder: { type: 'ZScoreNormalizerGlobal' }, rx: { type: 'RXGlobal' }, projection: { type: 'DeepSVDDProjection', config: { hidden: 8, rep_dim: 3 } }, ...nodes, loss },
    connections: [['cube.cube', 'encoder.data'], ['cube.cube', 'rx.data'], ['encoder.normalized', 'projection.data'], ...connections],
    trainer: { epochs: 6, batch: { frames: 1 }, optimizer: { name: 'adamw', lr: 0.01 }, unfreeze: ['projection'] },
  })
  const ofScores = (loss: Written['nodes'][string]): Written => trained(loss, { center: { type: 'DeepSVDDCenterTracker' }, scores: { type: 'DeepSVDDScores' } }, [
    ['projection.embeddings', 'center.embeddings'], ['projection.embeddings', 'scores.embeddings'], ['center.center', 'scores.center'],
    ['scores.scores', 'loss.predictions'], ['cube.mask', 'loss.targets'],
  ])
  const ofColors = (loss: Written['nodes'][string]): Written => trained(loss, {}, [['projection.embeddings', 'loss.rgb'], ['cube.mask', 'loss.mask']])

  it.each([
    ['AnomalyBCEWithLogits', ofScores({ type: 'AnomalyBCEWithLogits', config: { pos_weight: 20 } })],
    ['IoULoss', ofScores({ type: 'IoULoss', config: { normalize_method: 'minmax' } })],
    ['ForegroundContrastLoss', ofColors({ type: 'ForegroundContrastLoss', config: { compactness_weight: 0.1 } })],
  ])('%s falls', async (name, written) => {
    const report = await fitPipeline(request(text(written), [cube], join(folder, name)), observed())
    const losses = report.phases.gradient?.loss ?? []
    expect(losses).toHaveLength(6)
    expect(losses.every(Number.isFinite)).toBe(true)
    expect(losses[5]).toBeLessThan(losses[0])
  })
})
