import type { ParameterDescription, ParameterValue } from '../../shared/nodes'
import { integer } from '../nodes/describe'
import type { AnalysedNode } from './analysis'
import type { PipelineDocument } from './document'
import { readParameters } from './parameters'
import { didYouMean } from './suggest'
import { wantingImages } from './locality'
import type { CheckpointSettings, GradientClip, OptimizerSettings, SchedulerSettings, StoppingSettings, TrainerOverrides, TrainerSettings } from './trainer'
import { KEYS, batchUnits, checkpoints, clipping, optimizer as optimizerKeys, plain, schedulers, stopping, tiling } from './trainer-keys'
import { isMapping, shown } from './yaml-source'

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

/** Watched numbers that every training reports. */
const PLAIN_MONITORS = ['loss', 'train_loss', 'val_loss', 'auc']

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
    const kept = this.checkpoints()
    const settings: TrainerSettings = {
      epochs,
      seed: overrides.seed ?? (values.seed as number),
      batch: this.batch(epochs > 0 && this.section.type !== 'StatisticalTrainer'),
      shuffle: values.shuffle as boolean,
      optimizer: this.optimizer(overrides.learningRate ?? null),
      gradientClip: this.gradientClip(),
      accumulate: values.accumulate as number,
      scheduler: this.scheduler(epochs),
      earlyStopping: this.earlyStopping(),
      checkpoints: kept,
      restore: (values.restore as TrainerSettings['restore'] | null) ?? (kept ? 'best' : 'last'),
      unfreeze: this.names('unfreeze') ?? [],
      freeze: this.names('freeze') ?? [],
      parameters: values.parameters as 'unfrozen' | 'all',
      losses: this.losses(),
      validation: { every: this.group('validation', [integer('every', 1, 'Epochs between two validations.', { minimum: 1 })]).every as number },
    }
    this.checkUnfreeze(settings)
    this.checkRestore(settings)
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

  /** `trains`: whether there is a gradient phase at all. */
  private batch(trains: boolean): TrainerSettings['batch'] {
    const { pixels, frames, tiles, ...tile } = this.group('batch', [...batchUnits, ...tiling])
    const stated = Object.entries({ pixels, frames, tiles }).filter(([, size]) => size !== null)
    if (stated.length > 1) this.fault('batch', `The trainer has a batch in ${stated.map(([unit]) => unit).join(' and in ')}; name one of them.`)
    if (typeof tiles === 'number') return this.tiles(tiles, tile)
    const size = isMapping(this.section.batch) ? tiling.find(({ name }) => name in (this.section.batch as object)) : undefined
    if (size) this.fault(`batch.${size.name}`, `The trainer's batch has ${size.name}, which belongs to tiles; name how many tiles make a batch.`)
    if (typeof frames === 'number') return { unit: 'frames', size: frames }
    const looking = wantingImages(
      this.nodes.flatMap(({ written, type, skipped, parameters, inputs, stages }) => (type && !skipped ? [{ name: written.name, written, type, parameters, inputs, stages: stages ?? undefined }] : [])),
      this.names('losses', true) ?? this.lossNodes(),
    )
    if (!looking) return { unit: 'pixels', size: (pixels as number | null) ?? 65_536 }
    if (pixels !== null && trains) this.fault('batch', `The node ${looking.written.name} (${looking.written.type}) looks at images, so loose pixels cannot train the pipeline; set the batch to {frames: 1} or {tiles: 8, size: [64, 64]}.`)
    return { unit: 'frames', size: 1 }
  }

  private tiles(count: number, { size, overlap, place }: Record<string, ParameterValue>): TrainerSettings['batch'] {
    const sides = size as number[]
    if (sides.length !== 2) this.fault('batch.size', `The trainer's batch has ${shown(sides)} as size; two numbers, lines and samples, are expected.`)
    const [lines, samples] = sides.length === 2 ? sides : [64, 64]
    if ((overlap as number) >= Math.min(lines, samples)) this.fault('batch.overlap', `The trainer's batch has ${String(overlap)} as overlap; less than the shorter side of a tile, ${Math.min(lines, samples)}, is expected.`)
    return { unit: 'tiles', size: count, lines, samples, overlap: Math.min(overlap as number, Math.min(lines, samples) - 1), place: place as 'grid' | 'random' }
  }

  /** A number is a norm. */
  private gradientClip(): GradientClip | null {
    const written = this.section.gradient_clip ?? null
    if (written === null) return null
    if (!isMapping(written)) {
      if (typeof written === 'number' && Number.isFinite(written) && written > 0) return { kind: 'norm', limit: written }
      this.fault('gradient_clip', `The trainer has ${shown(written)} as gradient_clip; a number above 0, {norm: number} or {value: number} is expected.`)
      return null
    }
    const { norm, value } = this.group('gradient_clip', clipping)
    if (norm !== null && value !== null) this.fault('gradient_clip', 'The trainer clips the gradient by norm and by value; name one of them.')
    if (typeof norm === 'number') return { kind: 'norm', limit: norm }
    return typeof value === 'number' ? { kind: 'value', limit: value } : null
  }

  private checkpoints(): CheckpointSettings | null {
    if ((this.section.checkpoints ?? null) === null) return null
    const values = this.group('checkpoints', checkpoints)
    this.checkMonitor(values.monitor, 'checkpoints.monitor')
    return { monitor: values.monitor as string, mode: values.mode as 'min' | 'max', keep: values.keep as number, last: values.last as boolean }
  }

  private checkRestore({ restore, checkpoints: kept }: TrainerSettings): void {
    if (restore === 'best' && !kept) this.fault('restore', 'The trainer restores the best epoch, but keeps none; state checkpoints with the number that decides, such as {monitor: val_loss}.')
  }

  private optimizer(learningRate: number | null): OptimizerSettings {
    const values = this.group('optimizer', optimizerKeys, ['betas'])
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
    const written = isMapping(section) ? section.name : section
    const name = written === 'constant' ? 'fixed' : written
    if (typeof name !== 'string' || !Object.hasOwn(schedulers, name)) {
      this.fault('scheduler', `The trainer has ${shown(name)} as its scheduler; ${Object.keys(schedulers).join(', ')} is expected.`)
      return { name: 'fixed' }
    }
    const kind = name as SchedulerSettings['name']
    const keys = isMapping(section) ? Object.fromEntries(Object.entries(section).filter(([key]) => key !== 'name')) : {}
    const values = this.values("trainer's scheduler", schedulers[kind], keys, 'scheduler')
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

  /** "<node>/<metric>" must name a node that reports numbers; "val/<node>" and "train/<node>" a loss. */
  private checkMonitor(monitor: ParameterValue, key: string): void {
    if (typeof monitor !== 'string' || PLAIN_MONITORS.includes(monitor)) return
    const [name, second] = monitor.split('/')
    if (!monitor.includes('/')) {
      this.fault(key, `The trainer watches ${monitor}, which no training reports; ${PLAIN_MONITORS.join(', ')} or <node>/<metric> is expected.`)
      return
    }
    const isStage = name === 'val' || name === 'train'
    if (isStage && this.nodes.some(({ written, type }) => written.name === second && (!type || type.description.role === 'loss'))) {
      const others = (this.names('losses', true) ?? this.lossNodes()).filter((loss) => loss !== second)
      if (others.length > 0) this.fault(key, `The trainer watches ${monitor}, one of several losses, of which only the sum is known; watch ${name === 'val' ? 'val_loss' : 'loss'}.`)
      return
    }
    if (!isStage && this.nodes.some(({ written, type }) => written.name === name && (!type || type.measurement))) return
    this.fault(key, isStage
      ? `The trainer watches ${monitor}, but no loss node is named ${second}; loss, val_loss or <node>/<metric> is expected.`
      : `The trainer watches ${monitor}, but no node named ${name} reports numbers; loss, val_loss or <node>/<metric> is expected.`)
  }

  /** A list of node names; null, when it is not stated. `quiet`: what is wrong with it is said elsewhere. */
  private names(key: string, quiet = false): string[] | null {
    const written = this.section[key] ?? null
    if (written === null) return null
    if (!Array.isArray(written) || written.some((name) => typeof name !== 'string')) {
      if (!quiet) this.fault(key, `The trainer has ${shown(written)} as ${key}; a list of node names is expected.`)
      return null
    }
    const names = written as string[]
    const available = this.nodes.map((node) => node.written.name)
    for (const [index, name] of names.entries()) {
      if (!quiet && !available.includes(name)) this.fault(`${key}.${index}`, `The trainer names the node ${name} in ${key}, which the pipeline does not have${didYouMean(name, available) || `; it has ${available.join(', ')}.`}`)
    }
    return names.filter((name) => available.includes(name))
  }

  private lossNodes(): string[] {
    return this.nodes.filter(({ type }) => type?.description.role === 'loss').map(({ written }) => written.name)
  }

  private losses(): string[] {
    const all = this.lossNodes()
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

  private checkUnfreeze({ unfreeze, freeze }: TrainerSettings): void {
    for (const name of unfreeze) {
      if (freeze.includes(name)) this.fault('freeze', `The trainer freezes and unfreezes ${name}; name it in one of the lists.`)
      const type = this.nodes.find(({ written }) => written.name === name)?.type
      if (type && !type.description.trainable) {
        this.fault('unfreeze', `The trainer unfreezes ${name}, but a ${type.description.type} has nothing that gradients train; take it out of the list.`)
      }
    }
  }
}
