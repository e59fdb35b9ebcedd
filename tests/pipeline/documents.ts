import { CuvetteError } from '../../src/shared/problem'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import type { CubeFacts, Pipeline, PipelineState } from '../../src/engine/pipeline/pipeline'
import { initialState, setNodeState, stateTensors } from '../../src/engine/pipeline/state'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { elementCount, float32 } from '../../src/engine/onnx/tensor'
import { randomSource } from '../../src/engine/nodes/random'

/** Every node of this version, as an analyst would write them. */
export const DEEP_SVDD = `
name: Deep SVDD
description: A test
nodes:
  cube: {type: Cube}
  bandpass: {type: BandpassByWavelength, config: {min_wavelength_nm: 450, max_wavelength_nm: 900}}
  unit: {type: PerPixelUnitNorm}
  encoder: {type: ZScoreNormalizerGlobal, config: {sample_n: 1000}}
  projection: {type: DeepSVDDProjection, config: {hidden: 6, rep_dim: 3}}
  center: {type: DeepSVDDCenterTracker}
  loss: {type: DeepSVDDSoftBoundaryLoss, config: {nu: 0.1}}
  scores: {type: DeepSVDDScores}
  decider: {type: QuantileBinaryDecider, config: {quantile: 0.9}}
  metrics: {type: AnomalyDetectionMetrics}
connections:
  - [cube.cube, bandpass.data]
  - [cube.wavelengths, bandpass.wavelengths]
  - [bandpass.filtered, unit.data]
  - [unit.normalized, encoder.data]
  - [encoder.normalized, projection.data]
  - [projection.embeddings, center.embeddings]
  - [projection.embeddings, loss.embeddings]
  - [center.center, loss.center]
  - [projection.embeddings, scores.embeddings]
  - [center.center, scores.center]
  - [scores.scores, decider.logits]
  - [decider.decisions, metrics.decisions]
  - [scores.scores, metrics.logits]
  - [cube.mask, metrics.targets]
trainer:
  epochs: 4
  unfreeze: [projection]
  losses: [loss]
`

/** Five of these eight bands pass. */
export const FACTS: CubeFacts = { channels: 8, wavelengthsNm: [400, 440, 480, 520, 600, 700, 850, 950] }

export function pipelineFrom(text: string, facts: CubeFacts = FACTS): Pipeline {
  return resolvePipeline(parsePipeline(text, 'test.yaml'), facts)
}

/** A state with drawn numbers for whatever the statistical phase would set. */
export function someState(pipeline: Pipeline): PipelineState {
  const state = initialState(pipeline, 7)
  const random = randomSource(3, 'statistics')
  for (const { node, name, shape, key } of stateTensors(pipeline)) {
    if (!state.has(key)) setNodeState(state, node.name, { [name]: float32(shape, Float32Array.from({ length: elementCount(shape) }, () => 0.5 + random.uniform())) })
  }
  return state
}

export function someCube(shape: readonly [number, number, number, number], seed = 1): Tensor<'float32'> {
  const random = randomSource(seed, 'cube')
  return float32(shape, Float32Array.from({ length: elementCount(shape) }, () => random.uniform()))
}

/** What `act` throws, which must be an error of ours. */
export async function refusal(act: () => unknown): Promise<CuvetteError> {
  try {
    await act()
  } catch (error) {
    if (error instanceof CuvetteError) return error
    throw error
  }
  throw new Error('Nothing was refused.')
}
