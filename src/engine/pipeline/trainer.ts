// Settings of the gradient phase, as the trainer section of a document states them, with defaults applied.

/** How the learning rate moves from epoch to epoch. Names and formulas: torch.optim.lr_scheduler. */
export type SchedulerSettings =
  | { name: 'fixed' }
  /** lowest + (base - lowest)(1 + cos(pi t / epochs)) / 2; rises again after `epochs`. */
  | { name: 'cosine'; epochs: number; lowest: number }
  /** base * factor^floor(t / every) */
  | { name: 'step'; every: number; factor: number }
  /** base * factor^t */
  | { name: 'exponential'; factor: number }
  | PlateauSettings

export interface PlateauSettings {
  name: 'reduce_on_plateau'
  /** Name of the watched number. */
  monitor: string
  mode: 'min' | 'max'
  factor: number
  /** Epochs without improvement that are borne before the rate is lowered. */
  patience: number
  threshold: number
  thresholdMode: 'rel' | 'abs'
  /** Epochs after a reduction during which bad epochs are not counted. */
  cooldown: number
  lowest: number
  /** A smaller change of the rate than this is not made. */
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

/** When training ends before its last epoch. Semantics: EarlyStopping of PyTorch Lightning, in float32. */
export interface StoppingSettings {
  /** Name of the watched number: "loss", "val_loss" or "<node>/<metric>". */
  monitor: string
  mode: 'min' | 'max'
  /** Epochs without improvement after which training ends. */
  patience: number
  /** An improvement must be larger than this. */
  minDelta: number
  /** A watched number that is not finite ends training. */
  checkFinite: boolean
  /** Training ends as soon as the watched number is better than this. */
  stoppingThreshold: number | null
  /** Training ends as soon as the watched number is worse than this. */
  divergenceThreshold: number | null
}

/** Tiles of frames, all of one size, as images. */
export interface TileBatch {
  unit: 'tiles'
  /** Tiles in a batch. */
  size: number
  lines: number
  samples: number
  /** Lines and samples that neighbours of the grid share. */
  overlap: number
  /** grid: tiles that cover the frame. random: as many, anywhere, anew in every epoch. */
  place: 'grid' | 'random'
}

/** How gradients are held back. norm: all are scaled when their global norm is above the limit. value: each element is cut at -limit and limit. */
export interface GradientClip {
  kind: 'norm' | 'value'
  limit: number
}

/** Which epochs are kept beside the last one. */
export interface CheckpointSettings {
  /** Name of the watched number. */
  monitor: string
  mode: 'min' | 'max'
  /** How many of the best epochs. */
  keep: number
  /** Whether the last epoch is kept, too, when another one becomes the trained pipeline. */
  last: boolean
}

export interface TrainerSettings {
  epochs: number
  seed: number
  /** One optimizer step (times `accumulate`) sees this much: so many pixels of any frame, whole frames, or tiles of them. */
  batch: { unit: 'pixels'; size: number } | { unit: 'frames'; size: number } | TileBatch
  shuffle: boolean
  optimizer: OptimizerSettings
  /** null: none. */
  gradientClip: GradientClip | null
  /** Batches whose gradients are averaged before a step. */
  accumulate: number
  scheduler: SchedulerSettings
  earlyStopping: StoppingSettings | null
  /** Best epochs that are kept; null: none. */
  checkpoints: CheckpointSettings | null
  /** Which epoch becomes the trained pipeline: the best by `checkpoints`, or the last. */
  restore: 'best' | 'last'
  /** Nodes whose parameters and trainable statistics train. */
  unfreeze: readonly string[]
  /** Nodes that do not train, whatever else says that they do. */
  freeze: readonly string[]
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
