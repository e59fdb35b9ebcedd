import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { isMapping, readYaml } from '../../src/engine/pipeline/yaml-source'
import { fitPipeline } from '../../src/engine/training/fit'
import { observed, request, scenePixels, temporaryFolder, writeScene } from '../training/scene'

// The configurations of the specification, as it states them: parts of pipelines, with the names of ports that it uses.

const PARTS = {
  encoder: `
nodes:
  encoder:
    type: ZScoreNormalizerGlobal
    config:
      num_channels: 61
      sample_n: 500000
      seed: 0
      eps: 1e-8
connections:
  - [preprocessor.output, encoder.data]
  - [encoder.normalized, projection.data]`,
  projection: `
nodes:
  projection:
    type: DeepSVDDProjection
    config:
      in_channels: 61
      rep_dim: 32
      hidden: 128
      kernel: "linear"
      mlp_forward_batch_size: 65536
connections:
  - [encoder.normalized, projection.data]
  - [projection.embeddings, center_tracker.embeddings]`,
  center_tracker: `
nodes:
  center_tracker:
    type: DeepSVDDCenterTracker
    config:
      rep_dim: 32
      alpha: 0.1
      update_in_eval: false
connections:
  - [projection.embeddings, center_tracker.embeddings]
  - [center_tracker.center, scores.center]`,
  scorer: `
nodes:
  scorer:
    type: DeepSVDDScores
connections:
  - [projection.embeddings, scorer.embeddings]
  - [center_tracker.center, scorer.center]
  - [scorer.scores, decider.scores]`,
  pca: `
nodes:
  pca:
    type: TrainablePCA
    config:
      num_channels: 61
      n_components: 3
      whiten: false
      init_method: "svd"
connections:
  - [normalizer.output, pca.data]
  - [pca.projected, detector.rgb]`,
  mixer: `
nodes:
  mixer:
    type: LearnableChannelMixer
    config:
      input_channels: 61
      output_channels: 3
      reduction_scheme: [61, 16, 8, 3]
      leaky_relu_negative_slope: 0.01
      normalize_output: true
      init_method: "xavier"
connections:
  - [normalizer.output, mixer.data]
  - [mixer.rgb, adaclip.rgb]`,
  selector: `
nodes:
  selector:
    type: ConcreteBandSelector
    config:
      input_channels: 61
      output_channels: 3
      tau_start: 10.0
      tau_end: 0.1
      max_epochs: 50
      use_hard_inference: true
connections:
  - [normalizer.output, selector.data]
  - [selector.rgb, adaclip.rgb]
  - [selector.selection_weights, distinctness_loss.weights]`,
  training: `
trainer:
  type: StatisticalTrainer
  max_steps: 1000

nodes:
  encoder:
    type: ZScoreNormalizerGlobal
    config:
      num_channels: 61
  projection:
    type: DeepSVDDProjection
    config:
      in_channels: 61
      rep_dim: 32
  center_tracker:
    type: DeepSVDDCenterTracker
    config:
      rep_dim: 32
      alpha: 0.1`,
}

interface Written {
  nodes: Record<string, unknown>
  connections: string[][]
  trainer?: unknown
}

/** One document of several parts, in the order of the parts. */
function together(...texts: string[]): string {
  const whole: Written = { nodes: {}, connections: [] }
  for (const text of texts) {
    const { value } = readYaml(text, 'part.yaml')
    if (!isMapping(value)) throw new Error('A part is a mapping.')
    const { nodes = {}, connections = [], trainer } = value as unknown as Partial<Written>
    Object.assign(whole.nodes, nodes)
    // The parts repeat the connections at their seams.
    for (const connection of connections) if (!whole.connections.some((other) => other.join() === connection.join())) whole.connections.push(connection)
    if (trainer !== undefined) whole.trainer = trainer
  }
  return JSON.stringify(whole)
}

const bandpass = `
nodes: {data: {type: LentilsAnomalyDataNode}, bandpass: {type: BandpassByWavelength, config: {min_wavelength_nm: 400}}, normalizer: {type: PerPixelUnitNorm}}
connections: [[data.cube, bandpass.data], [data.wavelengths, bandpass.wavelengths], [bandpass.output, normalizer.data]]`

const svdd = `
nodes: {data: {type: LentilsAnomalyDataNode}, preprocessor: {type: BandpassByWavelength, config: {min_wavelength_nm: 400}}, scores: {type: DeepSVDDScores}, decider: {type: QuantileBinaryDecider}}
connections: [[data.cube, preprocessor.data], [data.wavelengths, preprocessor.wavelengths], [projection.embeddings, scores.embeddings]]`

const detector = (name: string): string => `
nodes: {${name}: {type: RXGlobal}, decider: {type: QuantileBinaryDecider}}
connections: [[${name}.scores, decider.scores]]`

const WHOLE: Record<string, string> = {
  'Deep SVDD, by statistics alone': together(svdd, PARTS.training, PARTS.encoder, PARTS.projection, PARTS.center_tracker, PARTS.scorer),
  'PCA before a detector': together(bandpass, PARTS.pca, detector('detector')),
  'a mixer before a detector': together(bandpass, PARTS.mixer, detector('adaclip')),
  'a selector before a detector, with its loss': together(bandpass, PARTS.selector, detector('adaclip'), 'nodes: {distinctness_loss: {type: DistinctnessLoss}}\ntrainer: {epochs: 2, unfreeze: [selector], losses: [distinctness_loss]}'),
}

describe('the configurations of the specification', () => {
  it.each(Object.entries(PARTS))('%s opens as it is stated, and lacks only what stands elsewhere', (name, text) => {
    const { nodes, problems } = describePipeline(text, 'example.yaml', null)
    expect(nodes.every(({ known }) => known)).toBe(true)
    if (name !== 'training') expect(nodes.map((node) => node.name)).toEqual([name])
    for (const { message } of problems) expect(message).toMatch(/which the document does not have|lacks its input/)
  })

  it('their names of ports are those of the catalogue', () => {
    const text = together(bandpass, svdd, PARTS.encoder, PARTS.projection, PARTS.center_tracker, PARTS.scorer, PARTS.pca, PARTS.mixer, PARTS.selector, 'nodes: {adaclip: RXGlobal, detector: RXGlobal, distinctness_loss: DistinctnessLoss}')
    const named = parsePipeline(text, 'all.yaml').connections.map(({ from, to }) => `${from.node}.${from.port} ${to.node}.${to.port}`)
    for (const connection of [
      'preprocessor.filtered encoder.data', 'bandpass.filtered normalizer.data', 'scorer.scores decider.logits', 'normalizer.normalized pca.data', 'pca.projected detector.data',
      'mixer.rgb adaclip.data', 'selector.selection_weights distinctness_loss.selection_weights',
    ]) expect(named).toContain(connection)
  })

  describe('in whole pipelines', () => {
    let folder: string
    let cube: string
    beforeAll(async () => {
      folder = await temporaryFolder()
      const shape: [number, number, number] = [12, 12, 61]
      cube = await writeScene(folder, 'scene', scenePixels(1, shape), shape)
    })
    afterAll(() => rm(folder, { recursive: true }))

    it.each(Object.entries(WHOLE))('%s: checked, fitted and scored', async (name, text) => {
      expect(describePipeline(text, 'whole.yaml', { channels: 61, wavelengthsNm: Array.from({ length: 61 }, (_, band) => 450 + 50 * band) }).problems).toEqual([])
      const out = join(folder, name)
      const report = await fitPipeline(request({ text, path: 'whole.yaml' }, [cube], out), observed())
      expect(report.metrics?.auc).toBeGreaterThan(0)
      expect(report.phases.gradient === null).toBe(!text.includes('"epochs"'))
      const { state } = await openTrainedPipeline(out)
      for (const { data } of state.values()) expect(Array.from(data as Float32Array).every(Number.isFinite)).toBe(true)
    })
  })
})
