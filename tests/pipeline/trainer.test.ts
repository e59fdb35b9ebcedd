import { describe, expect, it } from 'vitest'
import { checkDocument } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { DEEP_SVDD } from './documents'

const graph = DEEP_SVDD.slice(0, DEEP_SVDD.indexOf('trainer:'))

function read(trainer: string) {
  const { trainer: settings, findings } = checkDocument(parsePipeline(`${graph}trainer: ${trainer}`, 'p.yaml'), null)
  return { settings, problems: findings.map(({ problem }) => problem) }
}

describe('the trainer section', () => {
  it('has defaults', () => {
    expect(read('{}')).toEqual({
      problems: [],
      settings: {
        epochs: 20, seed: 0, batch: { unit: 'pixels', size: 65_536 }, shuffle: true,
        optimizer: { name: 'adamw', learningRate: 0.001, weightDecay: 0.01, betas: [0.9, 0.999], epsilon: 1e-8, momentum: 0.9 },
        gradientClip: null, accumulate: 1, scheduler: { name: 'fixed' }, earlyStopping: null, checkpoints: null, restore: 'last', unfreeze: [], freeze: [], parameters: 'unfrozen', losses: ['loss'], validation: { every: 1 },
      },
    })
  })

  it('is missing when there is only a statistical phase', () => {
    expect(checkDocument(parsePipeline(graph, 'p.yaml'), null)).toMatchObject({ trainer: null, findings: [] })
    expect(read('{type: StatisticalTrainer, max_steps: 1000}')).toEqual({ settings: null, problems: [] })
  })

  it('reads every setting', () => {
    expect(read(`
  epochs: 7
  seed: 3
  batch: {frames: 2}
  shuffle: false
  optimizer: {name: sgd, lr: 0.1, weight_decay: 0, betas: [0.8, 0.9], momentum: 0.5, eps: 1e-6}
  gradient_clip: 1.5
  accumulate: 4
  scheduler: {name: reduce_on_plateau, monitor: metrics/iou, mode: max, factor: 0.5, patience: 2, threshold: 0.01, threshold_mode: abs, cooldown: 1, min_lr: 0, eps: 0}
  early_stopping: {monitor: val_loss, mode: min, patience: 5, min_delta: 0.1, check_finite: false, stopping_threshold: 0.5, divergence_threshold: 100}
  checkpoints: {monitor: metrics/iou, mode: max, keep: 3, last: false}
  restore: last
  unfreeze: [projection, encoder]
  freeze: [loss]
  parameters: all
  losses: [loss]
  validation: {every: 2}`)).toEqual({
      problems: [],
      settings: {
        epochs: 7, seed: 3, batch: { unit: 'frames', size: 2 }, shuffle: false,
        optimizer: { name: 'sgd', learningRate: 0.1, weightDecay: 0, betas: [0.8, 0.9], momentum: 0.5, epsilon: 1e-6 },
        gradientClip: { kind: 'norm', limit: 1.5 }, accumulate: 4,
        scheduler: { name: 'reduce_on_plateau', monitor: 'metrics/iou', mode: 'max', factor: 0.5, patience: 2, threshold: 0.01, thresholdMode: 'abs', cooldown: 1, lowest: 0, eps: 0 },
        earlyStopping: { monitor: 'val_loss', mode: 'min', patience: 5, minDelta: 0.1, checkFinite: false, stoppingThreshold: 0.5, divergenceThreshold: 100 },
        checkpoints: { monitor: 'metrics/iou', mode: 'max', keep: 3, last: false }, restore: 'last',
        unfreeze: ['projection', 'encoder'], freeze: ['loss'], parameters: 'all', losses: ['loss'], validation: { every: 2 },
      },
    })
  })

  it.each([
    ['{scheduler: cosine}', { name: 'cosine', epochs: 20, lowest: 1e-6 }],
    ['{epochs: 8, scheduler: {name: cosine, t_max: 4, min_lr: 1.0e-4}}', { name: 'cosine', epochs: 4, lowest: 1e-4 }],
    ['{scheduler: {name: step, step_size: 3}}', { name: 'step', every: 3, factor: 0.1 }],
    ['{scheduler: {name: exponential}}', { name: 'exponential', factor: 0.99 }],
    ['{scheduler: fixed}', { name: 'fixed' }],
    ['{scheduler: {name: constant}}', { name: 'fixed' }],
  ])('schedule %s', (trainer, expected) => {
    expect(read(trainer)).toMatchObject({ problems: [], settings: { scheduler: expected } })
  })

  it.each([
    ['{epoch: 3}', 'trainer.epoch', /^The trainer has no setting epoch; did you mean epochs\?$/],
    ['{epochs: many}', 'trainer.epochs', /^The trainer has the text "many" as epochs; an integer of at least 0 is expected\.$/],
    ['{epochs: -1}', 'trainer.epochs', /has -1 as epochs/],
    ['{type: MagicTrainer}', 'trainer.type', /^The trainer has the text "MagicTrainer" as its type; GradientTrainer or StatisticalTrainer is expected\.$/],
    ['{batch: 4096}', 'trainer.batch', /^The trainer has 4096 as batch; a mapping is expected\.$/],
    ['{batch: {pixels: 0}}', 'trainer.batch.pixels', /^The trainer's batch has 0 as pixels; an integer of at least 1 or null is expected\.$/],
    ['{batch: {pixels: 5, frames: 1}}', 'trainer.batch', /^The trainer has a batch in pixels and in frames; name one of them\.$/],
    ['{batch: {rows: 5}}', 'trainer.batch.rows', /^The trainer's batch has no parameter rows; it takes pixels, frames, tiles, size, overlap, place\.$/],
    ['{batch: {tiles: 2, size: [3]}}', 'trainer.batch.size', /has the list \[3\] as size; two numbers, lines and samples, are expected\.$/],
    ['{batch: {tiles: 2, size: [8, 4], overlap: 4}}', 'trainer.batch.overlap', /has 4 as overlap; less than the shorter side of a tile, 4, is expected\.$/],
    ['{batch: {pixels: 2, overlap: 4}}', 'trainer.batch.overlap', /^The trainer's batch has overlap, which belongs to tiles; name how many tiles make a batch\.$/],
    ['{gradient_clip: 0}', 'trainer.gradient_clip', /^The trainer has 0 as gradient_clip; a number above 0, \{norm: number\} or \{value: number\} is expected\.$/],
    ['{gradient_clip: {value: -1}}', 'trainer.gradient_clip.value', /has -1 as value; a number above 0 or null is expected\.$/],
    ['{gradient_clip: {norm: 1, value: 1}}', 'trainer.gradient_clip', /clips the gradient by norm and by value; name one of them\.$/],
    ['{checkpoints: {keep: 0}}', 'trainer.checkpoints.keep', /has 0 as keep; an integer from 1 to 100 is expected\.$/],
    ['{checkpoints: {monitor: nobody/iou}}', 'trainer.checkpoints.monitor', /no node named nobody reports numbers/],
    ['{restore: best}', 'trainer.restore', /^The trainer restores the best epoch, but keeps none; state checkpoints/],
    ['{early_stopping: {monitor: val_iou}}', 'trainer.early_stopping.monitor', /^The trainer watches val_iou, which no training reports; loss, train_loss, val_loss, auc or <node>\/<metric> is expected\.$/],
    ['{early_stopping: {monitor: val/scores}}', 'trainer.early_stopping.monitor', /^The trainer watches val\/scores, but no loss node is named scores/],
    ['{unfreeze: [projection], freeze: [projection]}', 'trainer.freeze', /^The trainer freezes and unfreezes projection; name it in one of the lists\.$/],
    ['{freeze: [nobody]}', 'trainer.freeze.0', /^The trainer names the node nobody in freeze, which the pipeline does not have/],
    ['{optimizer: adam}', 'trainer.optimizer', /^The trainer has the text "adam" as optimizer; a mapping is expected\.$/],
    ['{optimizer: {name: rmsprop}}', 'trainer.optimizer.name', /has the text "rmsprop" as name; "adamw" or "adam" or "sgd" is expected\.$/],
    ['{optimizer: {lr: 0}}', 'trainer.optimizer.lr', /has 0 as lr; a number above 0 is expected\.$/],
    ['{optimizer: {betas: [0.9]}}', 'trainer.optimizer.betas', /has the list \[0.9\] as betas; two numbers of at least 0 and below 1 are expected\.$/],
    ['{optimizer: {momentum: 1}}', 'trainer.optimizer.momentum', /has 1 as momentum; a number of at least 0 below 1 is expected\.$/],
    ['{scheduler: {name: onecycle}}', 'trainer.scheduler', /^The trainer has the text "onecycle" as its scheduler; fixed, cosine, step, exponential, reduce_on_plateau is expected\.$/],
    ['{scheduler: {name: toString}}', 'trainer.scheduler', /has the text "toString" as its scheduler/],
    ['{scheduler: {name: step, gamma: 0}}', 'trainer.scheduler.gamma', /^The trainer's scheduler has 0 as gamma/],
    ['{scheduler: {name: fixed, gamma: 1}}', 'trainer.scheduler.gamma', /has no parameter gamma; it takes none\.$/],
    ['{scheduler: {name: reduce_on_plateau, monitor: decider/iou}}', 'trainer.scheduler.monitor', /^The trainer watches decider\/iou, but no node named decider reports numbers/],
    ['{early_stopping: {monitor: nobody/iou}}', 'trainer.early_stopping.monitor', /no node named nobody reports numbers/],
    ['{early_stopping: {patience: -1}}', 'trainer.early_stopping.patience', /^The trainer's early_stopping has -1 as patience/],
    ['{unfreeze: projection}', 'trainer.unfreeze', /^The trainer has the text "projection" as unfreeze; a list of node names is expected\.$/],
    ['{unfreeze: [projektion]}', 'trainer.unfreeze.0', /^The trainer names the node projektion in unfreeze, which the pipeline does not have; did you mean projection\?$/],
    ['{unfreeze: [unit]}', 'trainer.unfreeze', /^The trainer unfreezes unit, but a PerPixelUnitNorm has nothing that gradients train/],
    ['{losses: [scores]}', 'trainer.losses', /^The trainer names scores as a loss, but it is none; loss can be named\.$/],
    ['{losses: []}', 'trainer', /^The trainer has no loss to minimise/],
    ['{validation: {every: 0}}', 'trainer.validation.every', /^The trainer's validation has 0 as every/],
  ])('%s', (trainer, key, message) => {
    const { problems } = read(trainer)
    expect(problems.map((problem) => problem.message)).toHaveLength(1)
    expect(problems[0].message).toMatch(message)
    expect(problems[0].where).toMatch(new RegExp(`^${key.replaceAll('.', '\\.')} \\(line \\d+\\)$`))
  })

  it('needs a loss to minimise', () => {
    const { problems } = { problems: checkDocument(parsePipeline('nodes: {cube: Cube, rx: RXGlobal}\nconnections: [[cube.cube, rx.data]]\ntrainer: {unfreeze: [rx]}', 'p.yaml'), null).findings.map(({ problem }) => problem) }
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatchObject({ where: 'trainer (line 3)' })
  })
})
