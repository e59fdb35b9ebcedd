// Settings of the gradient phase, as the trainer section of a document states them, with defaults applied.

/** How the learning rate moves from epoch to epoch. */
export type SchedulerSettings =
  | { name: 'fixed' }
  | { name: 'cosine'; epochs: number; lowest: number }
  | { name: 'step'; every: number; factor: number }
  | { name: 'exponential'; factor: number }
  | {
      name: 'reduce_on_plateau'
      monitor: string
      mode: 'min' | 'max'
      factor: number
      patience: number
      threshold: number
      thresholdMode: 'rel' | 'abs'
      cooldown: number
      lowest: number
      eps: number
    }

export interface OptimizerSettings {
  name: 'adamw' | 'adam' | 'sgd'
  learningRate: number
  weightDecay: number
  /** adamw and adam. */
  betas: readonly [number, number]
  epsilon: number
  /** sgd. */
  momentum: number
}

export interface StoppingSettings {
  /** Name of the watched number: "loss", "val_loss" or "<node>/<metric>". */
  monitor: string
  mode: 'min' | 'max'
  patience: number
  minDelta: number
  checkFinite: boolean
  stoppingThreshold: number | null
  divergenceThreshold: number | null
}

export interface TrainerSettings {
  epochs: number
  seed: number
  /** One optimizer step (times `accumulate`) sees this much: so many pixels of any frame, or so many whole frames. */
  batch: { unit: 'pixels' | 'frames'; size: number }
  shuffle: boolean
  optimizer: OptimizerSettings
  /** Largest global norm of the gradient; null: none. */
  gradientClip: number | null
  /** Batches whose gradients are averaged before a step. */
  accumulate: number
  scheduler: SchedulerSettings
  earlyStopping: StoppingSettings | null
  /** Nodes whose parameters and trainable statistics train. */
  unfreeze: readonly string[]
  /** unfrozen: the parameters of the nodes in `unfreeze`. all: the parameters of every node (reference implementation). Losses' own parameters always train. */
  parameters: 'unfrozen' | 'all'
  /** Loss nodes whose sum is minimised. */
  losses: readonly string[]
  /** Epochs between two validations. */
  validation: { every: number }
}

/** What a caller may say instead of the document: command line, run dialog. */
export interface TrainerOverrides {
  epochs?: number | null
  seed?: number | null
  learningRate?: number | null
}
