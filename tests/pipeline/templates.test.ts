import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compileInference, compileTraining } from '../../src/engine/pipeline/compile'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { trainedNames } from '../../src/engine/pipeline/state'
import { writePipeline } from '../../src/engine/pipeline/write-document'
import { pipelineFrom, someState } from './documents'

const folder = resolve(import.meta.dirname, '../../resources/pipelines')
const visible = { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 430 + 8 * band) }

describe('the pipelines that come with Cuvette', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.yaml')))('%s', (name) => {
    const text = readFileSync(join(folder, name), 'utf8')
    expect(describePipeline(text, name, null).problems).toEqual([])
    expect(describePipeline(text, name, visible).problems).toEqual([])
    expect(describePipeline(writePipeline(parsePipeline(text, name)), name, visible)).toEqual(describePipeline(text, name, visible))
    const pipeline = pipelineFrom(text, visible)
    const state = someState(pipeline)
    expect(compileInference(pipeline, state).decisions).not.toBeNull()
    if (pipeline.trainer) {
      const trained = trainedNames(pipeline, pipeline.trainer)
      expect(compileTraining(pipeline, state, { trained, losses: pipeline.trainer.losses }).parameters.map((parameter) => parameter.name)).toEqual(trained)
    }
  })
})

describe('the examples of the specification', () => {
  // Fragments as printed: what is left out of them is what is missing, and nothing else.
  it.each([
    ['encoder', 'nodes:\n  encoder:\n    type: ZScoreNormalizerGlobal\n    config:\n      num_channels: 61\n      sample_n: 500000\n      seed: 0\n      eps: 1e-8\nconnections:\n  - [preprocessor.output, encoder.data]\n  - [encoder.normalized, projection.data]'],
    ['projection', 'nodes:\n  projection:\n    type: DeepSVDDProjection\n    config:\n      in_channels: 61\n      rep_dim: 32\n      hidden: 128\n      kernel: "linear"\n      mlp_forward_batch_size: 65536\nconnections:\n  - [encoder.normalized, projection.data]\n  - [projection.embeddings, center_tracker.embeddings]'],
    ['center_tracker', 'nodes:\n  center_tracker:\n    type: DeepSVDDCenterTracker\n    config:\n      rep_dim: 32\n      alpha: 0.1\n      update_in_eval: false\nconnections:\n  - [projection.embeddings, center_tracker.embeddings]\n  - [center_tracker.center, scores.center]'],
    ['scorer', 'nodes:\n  scorer:\n    type: DeepSVDDScores\nconnections:\n  - [projection.embeddings, scorer.embeddings]\n  - [center_tracker.center, scorer.center]\n  - [scorer.scores, decider.scores]'],
  ])('%s opens', (name, text) => {
    const summary = describePipeline(text, 'example.yaml', null)
    expect(summary.nodes.map((node) => [node.name, node.known])).toEqual([[name, true]])
    for (const { message } of summary.problems) expect(message).toMatch(/which the document does not have/)
  })

  it('run when the fragments are put together', () => {
    const text = `
trainer: {type: StatisticalTrainer, max_steps: 1000}
nodes:
  data: {type: LentilsAnomalyDataNode}
  preprocessor: {type: BandpassByWavelength}
  encoder: {type: ZScoreNormalizerGlobal, config: {num_channels: 61, sample_n: 500000, seed: 0, eps: 1e-8}}
  projection: {type: DeepSVDDProjection, config: {in_channels: 61, rep_dim: 32, hidden: 128, kernel: "linear", mlp_forward_batch_size: 65536}}
  center_tracker: {type: DeepSVDDCenterTracker, config: {rep_dim: 32, alpha: 0.1, update_in_eval: false}}
  scorer: {type: DeepSVDDScores}
  decider: {type: QuantileBinaryDecider}
connections:
  - [data.cube, preprocessor.data]
  - [preprocessor.output, encoder.data]
  - [encoder.normalized, projection.data]
  - [projection.embeddings, center_tracker.embeddings]
  - [projection.embeddings, scorer.embeddings]
  - [center_tracker.center, scorer.center]
  - [scorer.scores, decider.scores]`
    expect(describePipeline(text, 'example.yaml', { channels: 61, wavelengthsNm: null }).problems).toEqual([])
    const pipeline = pipelineFrom(text, { channels: 61, wavelengthsNm: null })
    expect(pipeline.trainer).toBeNull()
    expect(compileInference(pipeline, someState(pipeline)).scores).toEqual({ node: 'scorer', port: 'scores' })
  })
})
