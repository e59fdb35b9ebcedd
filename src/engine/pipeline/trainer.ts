import type { ParameterDescription, ParameterValue } from '../../shared/nodes'
import { choice, boolean, integer, number } from '../nodes/describe'
import type { AnalysedNode } from './analysis'
import type { PipelineDocument } from './document'
import { readParameters } from './parameters'
import { didYouMean } from './suggest'
import { isMapping, shown } from './yaml-source'

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

const plain: ParameterDescription[] = [
  integer('epochs', 20, 'Passes over the training pixels; 0: only statistics.', { minimum: 0 }),
  integer('seed', 0, 'Seed of every random draw.', { minimum: 0, maximum: 4294967295 }),
  boolean('shuffle', true, 'Whether the order of the pixels changes from epoch to epoch.'),
  number('gradient_clip', null, 'Largest global norm of the gradient; null: none.', { exclusiveMinimum: 0, nullable: true }),
  integer('accumulate', 1, 'Batches whose gradients are averaged before a step.', { minimum: 1 }),
  choice('parameters', ['unfrozen', 'all'], 'unfrozen', 'Whose parameters train.'),
]

const optimizer: ParameterDescription[] = [
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
const schedulers: Record<SchedulerSettings['name'], ParameterDescription[]> = {
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

const stopping: ParameterDescription[] = [
  ...monitored,
  integer('patience', 3, 'Epochs without improvement that are borne.', { minimum: 0 }),
  number('min_delta', 0, 'Least improvement.', { minimum: 0 }),
  boolean('check_finite', true, 'Whether training ends when the number is not finite.'),
  number('stopping_threshold', null, 'Training ends when the number is better.', { nullable: true }),
  number('divergence_threshold', null, 'Training ends when the number is worse.', { nullable: true }),
]

const batchUnits: ParameterDescription[] = [
  integer('pixels', null, 'Pixels of any frame.', { minimum: 1, nullable: true }),
  integer('frames', null, 'Whole frames.', { minimum: 1, nullable: true }),
]

const KEYS = ['type', 'max_steps', 'epochs', 'seed', 'batch', 'shuffle', 'optimizer', 'gradient_clip', 'accumulate', 'scheduler', 'early_stopping', 'unfreeze', 'parameters', 'losses', 'validation']

/** One bad value: a sentence, and the key it is about. */
export interface TrainerFault {
  key: string
  message: string
}

/**
 * Settings of a document; `settings` is null when it states no trainer or a StatisticalTrainer, which fits statistics
 * alone. Bad values are listed, and the default stands in their place.
 */
export function readTrainer(document: PipelineDocument, nodes: readonly AnalysedNode[], overrides: TrainerOverrides = {}): { settings: TrainerSettings | null; faults: TrainerFault[] } {
  if (!document.trainer) return { settings: null, faults: [] }
  const reader = new TrainerReader(document.trainer, nodes)
  const settings = reader.read(overrides)
  return { settings: document.trainer.type === 'StatisticalTrainer' ? null : settings, faults: reader.faults }
}

class TrainerReader {
  readonly faults: TrainerFault[] = []

  constructor(private readonly section: Readonly<Record<string, unknown>>, private readonly nodes: readonly AnalysedNode[]) {}

  read(overrides: TrainerOverrides): TrainerSettings {
    for (const key of Object.keys(this.section)) {
      if (!KEYS.includes(key)) this.fault(key, `The trainer has no setting ${key}${didYouMean(key, KEYS) || `; it has ${KEYS.join(', ')}.`}`)
    }
    const { type } = this.section
    if (type !== undefined && type !== 'GradientTrainer' && type !== 'StatisticalTrainer') {
      this.fault('type', `The trainer has ${shown(type)} as its type; GradientTrainer or StatisticalTrainer is expected.`)
    }
    const values = this.values('trainer', plain, Object.fromEntries(plain.flatMap(({ name }) => (name in this.section ? [[name, this.section[name]]] : []))), '')
    const epochs = overrides.epochs ?? (values.epochs as number)
    const settings: TrainerSettings = {
      epochs,
      seed: overrides.seed ?? (values.seed as number),
      batch: this.batch(),
      shuffle: values.shuffle as boolean,
      optimizer: this.optimizer(overrides.learningRate ?? null),
      gradientClip: values.gradient_clip as number | null,
      accumulate: values.accumulate as number,
      scheduler: this.scheduler(epochs),
      earlyStopping: this.earlyStopping(),
      unfreeze: this.names('unfreeze') ?? [],
      parameters: values.parameters as 'unfrozen' | 'all',
      losses: this.losses(),
      validation: { every: this.group('validation', [integer('every', 1, 'Epochs between two validations.', { minimum: 1 })]).every as number },
    }
    this.checkUnfreeze(settings.unfreeze)
    return settings
  }

  private fault(key: string, message: string): void {
    this.faults.push({ key: key === '' ? 'trainer' : `trainer.${key}`, message })
  }

  private values(title: string, descriptions: readonly ParameterDescription[], written: Readonly<Record<string, unknown>>, key: string): Record<string, ParameterValue> {
    const { values, faults } = readParameters(descriptions, written)
    for (const { parameter, message } of faults) this.fault(key === '' ? parameter : `${key}.${parameter}`, `The ${title} ${message}.`)
    return values
  }

  private group(key: string, descriptions: readonly ParameterDescription[], without: readonly string[] = []): Record<string, ParameterValue> {
    const written = this.section[key] ?? {}
    if (!isMapping(written)) this.fault(key, `The trainer has ${shown(written)} as ${key}; a mapping is expected.`)
    const kept = isMapping(written) ? Object.fromEntries(Object.entries(written).filter(([name]) => !without.includes(name))) : {}
    return this.values(`trainer's ${key}`, descriptions, kept, key)
  }

  private batch(): TrainerSettings['batch'] {
    const { pixels, frames } = this.group('batch', batchUnits)
    if (pixels !== null && frames !== null) this.fault('batch', 'The trainer has a batch in pixels and in frames; name one of them.')
    return typeof frames === 'number' ? { unit: 'frames', size: frames } : { unit: 'pixels', size: (pixels as number | null) ?? 65_536 }
  }

  private optimizer(learningRate: number | null): OptimizerSettings {
    const values = this.group('optimizer', optimizer, ['betas'])
    const section = this.section.optimizer
    const betas = isMapping(section) ? (section.betas ?? [0.9, 0.999]) : [0.9, 0.999]
    const isPair = Array.isArray(betas) && betas.length === 2 && betas.every((beta) => typeof beta === 'number' && beta >= 0 && beta < 1)
    if (!isPair) this.fault('optimizer.betas', `The trainer's optimizer has ${shown(betas)} as betas; two numbers of at least 0 and below 1 are expected.`)
    return {
      name: values.name as OptimizerSettings['name'],
      learningRate: learningRate ?? (values.lr as number),
      weightDecay: values.weight_decay as number,
      betas: isPair ? [betas[0] as number, betas[1] as number] : [0.9, 0.999],
      epsilon: values.eps as number,
      momentum: values.momentum as number,
    }
  }

  private scheduler(epochs: number): SchedulerSettings {
    const section = this.section.scheduler ?? null
    if (section === null) return { name: 'fixed' }
    const name = isMapping(section) ? section.name : section
    if (typeof name !== 'string' || !Object.hasOwn(schedulers, name)) {
      this.fault('scheduler', `The trainer has ${shown(name)} as its scheduler; ${Object.keys(schedulers).join(', ')} is expected.`)
      return { name: 'fixed' }
    }
    const kind = name as SchedulerSettings['name']
    const written = isMapping(section) ? Object.fromEntries(Object.entries(section).filter(([key]) => key !== 'name')) : {}
    const values = this.values("trainer's scheduler", schedulers[kind], written, 'scheduler')
    switch (kind) {
      case 'fixed':
        return { name: kind }
      case 'cosine':
        return { name: kind, epochs: (values.t_max as number | null) ?? Math.max(1, epochs), lowest: values.min_lr as number }
      case 'step':
        return { name: kind, every: values.step_size as number, factor: values.gamma as number }
      case 'exponential':
        return { name: kind, factor: values.gamma as number }
      case 'reduce_on_plateau':
        this.checkMonitor(values.monitor, 'scheduler.monitor')
        return {
          name: kind,
          monitor: values.monitor as string,
          mode: values.mode as 'min' | 'max',
          factor: values.factor as number,
          patience: values.patience as number,
          threshold: values.threshold as number,
          thresholdMode: values.threshold_mode as 'rel' | 'abs',
          cooldown: values.cooldown as number,
          lowest: values.min_lr as number,
          eps: values.eps as number,
        }
    }
  }

  private earlyStopping(): StoppingSettings | null {
    if ((this.section.early_stopping ?? null) === null) return null
    const values = this.group('early_stopping', stopping)
    this.checkMonitor(values.monitor, 'early_stopping.monitor')
    return {
      monitor: values.monitor as string,
      mode: values.mode as 'min' | 'max',
      patience: values.patience as number,
      minDelta: values.min_delta as number,
      checkFinite: values.check_finite as boolean,
      stoppingThreshold: values.stopping_threshold as number | null,
      divergenceThreshold: values.divergence_threshold as number | null,
    }
  }

  /** "<node>/<metric>" must name a node that reports numbers. */
  private checkMonitor(monitor: ParameterValue, key: string): void {
    if (typeof monitor !== 'string' || !monitor.includes('/')) return
    const [name] = monitor.split('/')
    if (name === 'val' || name === 'train' || this.nodes.some(({ written, type }) => written.name === name && (!type || type.measurement))) return
    this.fault(key, `The trainer watches ${monitor}, but no node named ${name} reports numbers; loss, val_loss or <node>/<metric> is expected.`)
  }

  /** A list of node names; null, when it is not stated. */
  private names(key: string): string[] | null {
    const written = this.section[key] ?? null
    if (written === null) return null
    if (!Array.isArray(written) || written.some((name) => typeof name !== 'string')) {
      this.fault(key, `The trainer has ${shown(written)} as ${key}; a list of node names is expected.`)
      return null
    }
    const names = written as string[]
    const available = this.nodes.map((node) => node.written.name)
    for (const [index, name] of names.entries()) {
      if (!available.includes(name)) this.fault(`${key}.${index}`, `The trainer names the node ${name} in ${key}, which the pipeline does not have${didYouMean(name, available) || `; it has ${available.join(', ')}.`}`)
    }
    return names.filter((name) => available.includes(name))
  }

  private losses(): string[] {
    const all = this.nodes.filter(({ type }) => type?.description.role === 'loss').map(({ written }) => written.name)
    const named = this.names('losses')
    const wrong = named?.find((name) => !all.includes(name) && this.nodes.some(({ written, type }) => written.name === name && type))
    if (wrong !== undefined) this.fault('losses', `The trainer names ${wrong} as a loss, but it is none; ${all.length === 0 ? 'the pipeline has no loss node' : `${all.join(', ')} can be named`}.`)
    const losses = named?.filter((name) => name !== wrong) ?? all
    const gradientPhase = this.section.type !== 'StatisticalTrainer' && this.section.epochs !== 0
    if (losses.length === 0 && gradientPhase && wrong === undefined && this.nodes.every(({ type }) => type)) {
      this.fault('', 'The trainer has no loss to minimise; add a loss node, or remove the trainer section to fit statistics alone.')
    }
    return losses
  }

  private checkUnfreeze(unfreeze: readonly string[]): void {
    for (const name of unfreeze) {
      const type = this.nodes.find(({ written }) => written.name === name)?.type
      if (type && !type.description.trainable) {
        this.fault('unfreeze', `The trainer unfreezes ${name}, but a ${type.description.type} has nothing that gradients train; take it out of the list.`)
      }
    }
  }
}
