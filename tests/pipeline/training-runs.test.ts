import { describe, expect, it } from 'vitest'
import { describePipeline } from '../../src/engine/pipeline/describe'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { withIncludedPipeline } from '../../src/engine/pipeline/included-pipeline'
import { FACTS, pipelineFrom, refusal } from './documents'

// Training runs as the reference writes them, in configs/trainrun: 0.5.0 nests the trainer, later ones are flat.

const PIPELINE = {
  metadata: { name: 'Inner' },
  nodes: [
    { name: 'data', class_name: 'cuvis_ai.node.data.LentilsAnomalyDataNode', hparams: { normal_class_ids: [0, 1] } },
    { name: 'z', class_name: 'cuvis_ai.anomaly.deep_svdd.ZScoreNormalizerGlobal', hparams: { num_channels: 8 } },
    { name: 'projection', class_name: 'cuvis_ai.anomaly.deep_svdd.DeepSVDDProjection', hparams: { in_channels: 8, hidden: 6, rep_dim: 3 } },
    { name: 'center', class_name: 'cuvis_ai.anomaly.deep_svdd.DeepSVDDCenterTracker', hparams: { rep_dim: 3 } },
    { name: 'loss', class_name: 'cuvis_ai.node.losses.DeepSVDDSoftBoundaryLoss', hparams: {} },
    { name: 'scores', class_name: 'cuvis_ai.anomaly.deep_svdd.DeepSVDDScores', hparams: { name: null, execution_stages: null } },
    { name: 'decider', class_name: 'cuvis_ai.deciders.binary_decider.QuantileBinaryDecider', hparams: { quantile: 0.9, threshold: 0.5 } },
    { name: 'metrics', class_name: 'cuvis_ai.node.metrics.AnomalyDetectionMetrics', hparams: {} },
  ],
  connections: [
    ['data.outputs.cube', 'z.inputs.data'], ['z.outputs.normalized', 'projection.inputs.data'], ['projection.outputs.embeddings', 'center.inputs.embeddings'],
    ['projection.outputs.embeddings', 'loss.inputs.embeddings'], ['center.outputs.center', 'loss.inputs.center'], ['projection.outputs.embeddings', 'scores.inputs.embeddings'],
    ['center.outputs.center', 'scores.inputs.center'], ['scores.outputs.scores', 'decider.inputs.logits'], ['decider.outputs.decisions', 'metrics.inputs.decisions'], ['data.outputs.mask', 'metrics.inputs.targets'],
  ].map(([source, target]) => ({ source, target })),
}

const trainer = {
  max_epochs: 7, accelerator: 'auto', devices: 1, precision: '32-true', gradient_clip_val: 0.5, gradient_clip_algorithm: 'value', accumulate_grad_batches: 2, enable_progress_bar: true,
  val_check_interval: 1.0, check_val_every_n_epoch: 2, log_every_n_steps: 10, enable_checkpointing: true,
  callbacks: {
    early_stopping: [{ monitor: 'metrics/iou', mode: 'max', patience: 4, min_delta: 0.001, verbose: true, check_finite: true }],
    checkpoint: { dirpath: 'x', monitor: 'metrics/iou', mode: 'max', save_top_k: 3, save_last: true, filename: 'y' },
    learning_rate_monitor: { logging_interval: 'epoch' },
  },
}
const others = { seed: 5, optimizer: { name: 'adamw', lr: 0.01, weight_decay: 0.1, betas: [0.8, 0.99] }, scheduler: { name: 'plateau', monitor: 'metrics/iou', mode: 'max', factor: 0.5, patience: 2, warmup_epochs: 0, t_max: null } }

function run(training: object, more: object = {}): string {
  return JSON.stringify({
    name: 'deep_svdd_run', pipeline: PIPELINE, data: { batch_size: 3, train_ids: [0], cu3s_file_path: 'a.cu3s' }, training, loss_nodes: ['loss'], metric_nodes: ['metrics'], freeze_nodes: [],
    unfreeze_nodes: ['z'], output_dir: 'outputs/a', tags: { run: 'x' }, ...more,
  })
}

describe('training runs of the reference', () => {
  it.each([['nested', { trainer, ...others }], ['flat', { ...trainer, ...others }]])('are read %s', (_how, training) => {
    expect(describePipeline(run(training), 'run.yaml', FACTS)).toMatchObject({ name: 'Inner', problems: [], epochs: 7 })
    expect(describePipeline(run(training), 'run.yaml', FACTS)).not.toHaveProperty('warnings')
    expect(pipelineFrom(run(training)).trainer).toMatchObject({
      epochs: 7, seed: 5, shuffle: false, batch: { unit: 'frames', size: 3 }, accumulate: 2, unfreeze: ['z'], losses: ['loss'], parameters: 'all', validation: { every: 2 },
      optimizer: { name: 'adamw', learningRate: 0.01, weightDecay: 0.1, betas: [0.8, 0.99] },
      scheduler: { name: 'reduce_on_plateau', monitor: 'metrics/iou', mode: 'max', factor: 0.5, patience: 2 },
      earlyStopping: { monitor: 'metrics/iou', mode: 'max', patience: 4, minDelta: 0.001, checkFinite: true },
    })
    expect(parsePipeline(run(training), 'run.yaml').extra).toMatchObject({ output_dir: 'outputs/a', tags: { run: 'x' }, metric_nodes: ['metrics'] })
  })

  it('have the defaults of the reference where they state nothing', () => {
    expect(pipelineFrom(run({}, { data: undefined, unfreeze_nodes: undefined })).trainer).toMatchObject({
      epochs: 100, seed: 42, accumulate: 1, batch: { unit: 'frames', size: 1 }, optimizer: { name: 'adamw', learningRate: 0.001, weightDecay: 0, betas: [0.9, 0.999], momentum: 0.9 }, scheduler: { name: 'fixed' }, earlyStopping: null, parameters: 'all',
    })
  })

  it.each([
    ['no callbacks', undefined, null, 'last'],
    ['callbacks of another kind', { early_stopping: [{ monitor: 'val_loss' }], learning_rate_monitor: {} }, null, 'last'],
    ['a checkpoint without a monitor, which keeps the latest', { checkpoint: { dirpath: 'x', save_last: true } }, null, 'last'],
    ['a checkpoint that keeps none', { checkpoint: { monitor: 'val_loss', save_top_k: 0 } }, null, 'last'],
    ['a checkpoint', { checkpoint: { monitor: 'metrics/iou', mode: 'max', save_top_k: 3, save_last: true } }, { monitor: 'metrics/iou', mode: 'max', keep: 3, last: true }, 'best'],
    ['a checkpoint in a list', { model_checkpoint: [{ monitor: 'val_loss', save_top_k: -1 }] }, { monitor: 'val_loss', mode: 'min', keep: 100, last: true }, 'best'],
  ])('keep the last epoch unless they have a checkpoint that watches a number: %s', (_what, callbacks, checkpoints, restore) => {
    for (const training of [{ callbacks }, { trainer: { callbacks } }]) expect(pipelineFrom(run(training)).trainer).toMatchObject({ checkpoints, restore })
  })

  it('say which of their settings are not followed', () => {
    const text = run({ trainer: { ...trainer, precision: '16-mixed', limit_train_batches: 3, callbacks: { swa: {}, early_stopping: [{ monitor: 'val_loss' }, { monitor: 'loss' }] } } }, { freeze_nodes: ['projection'], metric_nodes: ['metrics', 'gone'] })
    const { problems, warnings } = describePipeline(text, 'run.yaml', FACTS)
    expect(problems).toEqual([])
    expect(warnings?.map(({ message }) => message)).toEqual([
      'The training run states the text "16-mixed" as precision, which is not followed here.',
      'The training run states 3 as limit_train_batches, which is not followed here.',
      'The training run has the callback swa, which is not followed here.',
      'The training run has 2 callbacks early_stopping; only the first is followed here.',
      'The training run lists projection in freeze_nodes, which the reference implementation reads and never applies, and so it is here; a trainer section in the short dialect can freeze them.',
      'The training run lists gone in metric_nodes, which the pipeline does not have; every metric of the pipeline is measured.',
    ])
    expect(pipelineFrom(text).warnings).toHaveLength(6)
    expect(warnings?.[0].where).toBe('training.trainer.precision (line 1)')
  })

  it.each([
    ['a schedule that nobody has', { scheduler: { name: 'one_cycle' } }, /has the text "one_cycle" as its scheduler; fixed, cosine, step, exponential, reduce_on_plateau is expected\.$/],
    ['an optimizer that nobody has', { optimizer: { name: 'lion' } }, /has the text "lion" as name; "adamw" or "adam" or "sgd" is expected\.$/],
  ])('are refused with %s', (_what, training, message) => {
    expect(describePipeline(run(training), 'run.yaml', FACTS).problems.map((problem) => problem.message)).toEqual([expect.stringMatching(message)])
  })

  it('name a node to unfreeze that is there', () => {
    expect(describePipeline(run({}, { unfreeze_nodes: ['nope'] }), 'run.yaml', FACTS).problems[0].message).toMatch(/names the node nope in unfreeze, which the pipeline does not have/)
  })

  it('say where their pipeline is when Hydra chooses it', () => {
    const text = 'defaults:\n  - /pipeline@pipeline: anomaly/deep_svdd\n  - /data@data: lentils\n  - _self_\nname: run\ntraining: {seed: 1}\nunfreeze_nodes: [z]\n'
    const { problems } = parsePipeline(text, 'run.yaml')
    expect(problems.map(({ message, where }) => [message, where])).toEqual([['The pipeline of this training run is chosen by Hydra (/pipeline@pipeline: anomaly/deep_svdd) and stands in another file; write the path of that file as pipeline, or its nodes.', 'defaults (line 1)']])
    expect(parsePipeline('name: run\ntraining: {seed: 1}\n', 'run.yaml').problems.map(({ message }) => message)).toEqual(['This training run states no pipeline; write its nodes, or the path of its document, as pipeline.'])
  })
})

describe('a pipeline that a run names by its path', () => {
  const text = 'name: run\npipeline: ../pipeline/inner.yaml # the one of the tutorial\ntraining:\n  max_epochs: 3\n  optimizer: {name: lion}\nloss_nodes: [loss]\n'
  const files: Record<string, string> = { '/c/pipeline/inner.yaml': JSON.stringify(PIPELINE), '/c/pipeline/list.yaml': '[1]', '/c/pipeline/short.yaml': 'nodes: {a: Cube}' }
  const read = (path: string): Promise<string> => (path in files ? Promise.resolve(files[path]) : Promise.reject(new Error('gone')))

  it('is read from beside the run, and every other line keeps its number', async () => {
    const whole = await withIncludedPipeline(text, '/c/trainrun/run.yaml', read)
    const summary = describePipeline(whole, '/c/trainrun/run.yaml', FACTS)
    expect(summary).toMatchObject({ name: 'Inner', epochs: 3 })
    expect(summary.problems.map(({ message, where }) => [message, where])).toEqual([[expect.stringContaining('has the text "lion" as name'), 'training.optimizer.name (line 5)']])
    expect(whole.split('\n')).toHaveLength(text.split('\n').length)
    expect(whole).toContain('# the one of the tutorial')
  })

  it('is left alone in other documents', async () => {
    for (const other of ['nodes: {a: Cube}', JSON.stringify(PIPELINE), run({}), 'pipeline: anomaly/deep_svdd']) expect(await withIncludedPipeline(other, '/c/x.yaml', read)).toBe(other)
  })

  it.each([
    ['gone.yaml', /^The pipeline \.\.\/pipeline\/gone\.yaml of this training run, looked for at \/c\/pipeline\/gone\.yaml, cannot be read; correct the path\.$/],
    ['list.yaml', /^The file \/c\/pipeline\/list\.yaml of this training run is the list \[1\]; a pipeline in the repository dialect is expected\.$/],
    ['short.yaml', /is a mapping without a list of nodes/],
  ])('is refused when it is %s', async (name, message) => {
    const error = await refusal(() => withIncludedPipeline(text.replace('inner.yaml', name), '/c/trainrun/run.yaml', read))
    expect(error).toMatchObject({ code: 'bad-pipeline', where: 'pipeline (line 2)', path: '/c/trainrun/run.yaml' })
    expect(error.message).toMatch(message)
  })
})
