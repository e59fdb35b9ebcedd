import { randomSource } from '../src/engine/nodes/random'

/** What is measured: the network of the Deep SVDD templates without normalisation, as bench/torch_step.py has it. */
export const CHANNELS = 61
export const HIDDEN = 128
export const REP_DIM = 32

export const PIPELINE = `
name: bench
nodes:
  cube: Cube
  projection: {type: DeepSVDDProjection, config: {hidden: ${HIDDEN}, rep_dim: ${REP_DIM}}}
  center: DeepSVDDCenterTracker
  loss: {type: DeepSVDDSoftBoundaryLoss, config: {nu: 0.05}}
  scores: DeepSVDDScores
  decider: QuantileBinaryDecider
connections:
  - [cube.cube, projection.data]
  - [projection.embeddings, center.embeddings]
  - [projection.embeddings, loss.embeddings]
  - [center.center, loss.center]
  - [projection.embeddings, scores.embeddings]
  - [center.center, scores.center]
  - [scores.scores, decider.logits]
trainer:
  epochs: 1
  batch: {pixels: 65536}
  optimizer: {name: adamw, lr: 0.001, weight_decay: 0.01}
  unfreeze: [projection]
  losses: [loss]
`

/** Standard normal pixels [count, CHANNELS]. */
export function pixels(count: number): Float32Array {
  const random = randomSource(1, 'bench')
  return Float32Array.from({ length: count * CHANNELS }, () => random.normal())
}
