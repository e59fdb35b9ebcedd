import type { ParameterDescription } from '../../shared/nodes'
import { boolean, choice, integer, number } from '../nodes/describe'
import type { SchedulerSettings } from './trainer'

// The keys of a trainer section with their defaults and ranges; docs/pipelines.md tells them.

/** Plain keys of the section. */
export const plain: ParameterDescription[] = [
  integer('epochs', 20, 'Passes over the training pixels; 0: only statistics.', { minimum: 0 }),
  integer('seed', 0, 'Seed of every random draw.', { minimum: 0, maximum: 4294967295 }),
  boolean('shuffle', true, 'Whether the order of the pixels changes from epoch to epoch.'),
  integer('accumulate', 1, 'Batches whose gradients are averaged before a step.', { minimum: 1 }),
  choice('parameters', ['unfrozen', 'all'], 'unfrozen', 'Whose parameters train.'),
  { name: 'restore', type: 'choice', choices: ['best', 'last'], default: null, nullable: true, description: 'Which epoch becomes the trained pipeline; null: the best one where checkpoints are stated.' },
]

export const optimizer: ParameterDescription[] = [
  choice('name', ['adamw', 'adam', 'sgd'], 'adamw', 'Rule.'),
  number('lr', 0.001, 'Learning rate.', { exclusiveMinimum: 0 }),
  number('weight_decay', 0.01, 'Decay of the weights.', { minimum: 0 }),
  number('eps', 1e-8, 'Added to the root of the second moment (adamw, adam).', { exclusiveMinimum: 0 }),
  number('momentum', 0.9, 'Momentum (sgd).', { minimum: 0, exclusiveMaximum: 1 }),
]

const monitored: ParameterDescription[] = [
  { name: 'monitor', type: 'string', default: 'val_loss', description: 'Watched number.' },
  choice('mode', ['min', 'max'], 'min', 'Which direction is better.'),
]

const lowest = number('min_lr', 1e-6, 'Lowest learning rate.', { minimum: 0 })

/** Keys beside the name, for each kind of schedule. */
export const schedulers: Record<SchedulerSettings['name'], ParameterDescription[]> = {
  fixed: [],
  cosine: [integer('t_max', null, 'Epochs of the half wave; null: all.', { minimum: 1, nullable: true }), lowest],
  step: [integer('step_size', 1, 'Epochs between two steps.', { minimum: 1 }), number('gamma', 0.1, 'Factor.', { exclusiveMinimum: 0 })],
  exponential: [number('gamma', 0.99, 'Factor.', { exclusiveMinimum: 0 })],
  reduce_on_plateau: [
    ...monitored,
    number('factor', 0.1, 'Factor.', { exclusiveMinimum: 0, exclusiveMaximum: 1 }),
    integer('patience', 10, 'Epochs without improvement that are borne.', { minimum: 0 }),
    number('threshold', 1e-4, 'Least improvement.', { minimum: 0 }),
    choice('threshold_mode', ['rel', 'abs'], 'rel', 'Whether the threshold is a share.'),
    integer('cooldown', 0, 'Epochs of rest after a reduction.', { minimum: 0 }),
    lowest,
    number('eps', 1e-8, 'Least change of the learning rate.', { minimum: 0 }),
  ],
}

export const stopping: ParameterDescription[] = [
  ...monitored,
  integer('patience', 3, 'Epochs without improvement that are borne.', { minimum: 0 }),
  number('min_delta', 0, 'Least improvement.', { minimum: 0 }),
  boolean('check_finite', true, 'Whether training ends when the number is not finite.'),
  number('stopping_threshold', null, 'Training ends when the number is better.', { nullable: true }),
  number('divergence_threshold', null, 'Training ends when the number is worse.', { nullable: true }),
]

/** A number alone is a norm. */
export const clipping: ParameterDescription[] = [
  number('norm', null, 'Largest global norm of the gradient.', { exclusiveMinimum: 0, nullable: true }),
  number('value', null, 'Largest absolute value of an element of the gradient.', { exclusiveMinimum: 0, nullable: true }),
]

export const checkpoints: ParameterDescription[] = [
  ...monitored,
  integer('keep', 1, 'Best epochs that are kept.', { minimum: 1, maximum: 100 }),
  boolean('last', true, 'Whether the last epoch is kept, too.'),
]

export const batchUnits: ParameterDescription[] = [
  integer('pixels', null, 'Pixels of any frame.', { minimum: 1, nullable: true }),
  integer('frames', null, 'Whole frames.', { minimum: 1, nullable: true }),
  integer('tiles', null, 'Tiles of frames.', { minimum: 1, nullable: true }),
]

/** Keys that go with tiles. */
export const tiling: ParameterDescription[] = [
  { name: 'size', type: 'integers', default: [64, 64], minimum: 1, description: 'Lines and samples of a tile.' },
  integer('overlap', 0, 'Lines and samples that neighbours share.', { minimum: 0 }),
  choice('place', ['grid', 'random'], 'grid', 'grid: tiles that cover the frame; random: as many, anywhere.'),
]

/** Every key of the section. */
export const KEYS = ['type', 'max_steps', 'epochs', 'seed', 'batch', 'shuffle', 'optimizer', 'gradient_clip', 'accumulate', 'scheduler', 'early_stopping', 'checkpoints', 'restore', 'unfreeze', 'freeze', 'parameters', 'losses', 'validation']
