import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import { keepBest } from '../../src/engine/training/kept-epochs'
import type { KeptEpoch } from '../../src/engine/training/kept-epochs'
import { contents, deepSVDD, observed, request, rx, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

describe('the best epochs', () => {
  const after = (mode: 'min' | 'max', keep: number, values: (number | null)[]): number[] =>
    values.reduce<KeptEpoch[]>((kept, value, index) => keepBest({ monitor: 'val_loss', mode, keep, last: true }, kept, index + 1, value), []).map(({ epoch }) => epoch)

  it('are those with the best numbers, the earlier of two equal ones, and never one without a finite number', () => {
    expect(after('min', 2, [5, 3, 4, 6])).toEqual([2, 3])
    expect(after('max', 2, [5, 3, 4, 6])).toEqual([4, 1])
    expect(after('min', 1, [2, 2, 2])).toEqual([1])
    expect(after('min', 3, [Number.NaN, 2, null, 1, Infinity])).toEqual([4, 2])
  })
})

let folder: string
let cube: string
let out: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true }))

// The loss falls, so that the largest validation loss is that of the first epoch.
const first = (checkpoints: Record<string, unknown> = {}, trainer: Record<string, unknown> = {}) => deepSVDD({ checkpoints: { monitor: 'val_loss', mode: 'max', keep: 2, ...checkpoints }, ...trainer })
const stateOf = async (path: string) => (await contents(path))['state.safetensors']
const checkpointFiles = async () => Object.keys(await contents(join(out, 'training', 'checkpoints')))

describe('kept checkpoints', () => {
  it('make the best epoch the trained pipeline, artifacts included', async () => {
    const report = await fitPipeline(request(first(), [cube], out), observed())
    const { record, state } = await openTrainedPipeline(out)
    expect(record.epochs).toHaveLength(4)
    expect(record.checkpoints).toEqual({
      monitor: 'val_loss', mode: 'max', restored: 1, last: 'training/checkpoints/last',
      best: [1, 2].map((epoch) => ({ epoch, value: record.epochs[epoch - 1].validationLoss, file: `training/checkpoints/epoch-${epoch}` })),
    })
    expect(report.checkpoints).toEqual(record.checkpoints)
    expect(await checkpointFiles()).toEqual(['epoch-1', 'epoch-2', 'last'])
    expect(report.files).toEqual(expect.arrayContaining(['training/checkpoints/epoch-1', 'training/checkpoints/last']))

    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'short'), { epochs: 1 }), observed())
    expect(await stateOf(out)).toBe(await stateOf(join(folder, 'short')))
    const { trainable, moving, properties } = await readCheckpoint(join(out, 'training', 'checkpoint'))
    expect(properties.ints.epoch).toBe(1)
    for (const [name, { data }] of [...trainable, ...moving]) expect(state.get(name)?.data).toEqual(data)
    expect((await readCheckpoint(join(out, 'training', 'checkpoints', 'last'))).properties.ints.epoch).toBe(4)
  })

  it('are kept and nothing else where the last epoch is wanted', async () => {
    await fitPipeline(request(first({}, { restore: 'last' }), [cube], out), observed())
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'plain')), observed())
    expect(await stateOf(out)).toBe(await stateOf(join(folder, 'plain')))
    expect((await openTrainedPipeline(out)).record.checkpoints).toMatchObject({ restored: 4, last: null })
    expect(await checkpointFiles()).toEqual(['epoch-1', 'epoch-2'])
  })

  it('follow the training run of the reference: the last epoch, and the best only where it has a checkpoint that watches a number', async () => {
    const run = (callbacks?: object): { text: string; path: string } => {
      const { nodes, connections } = JSON.parse(deepSVDD().text) as { nodes: Record<string, { type: string; config?: object }>; connections: [string, string][] }
      const ends = ([from, to]: [string, string]) => ({ source: from.replace('.', '.outputs.'), target: to.replace('.', '.inputs.') })
      const pipeline = {
        metadata: { name: 'Run' },
        nodes: Object.entries(nodes).map(([name, { type, config }]) => ({ name, class_name: type === 'Cube' ? 'cuvis_ai.node.data.LentilsAnomalyDataNode' : `cuvis_ai.x.${type}`, hparams: type === 'Cube' ? { normal_class_ids: [0] } : { ...config, ...(type === 'ZScoreNormalizerGlobal' && { num_channels: 6 }) } })),
        connections: connections.map(ends),
      }
      return { path: 'run.yaml', text: JSON.stringify({ name: 'run', pipeline, training: { max_epochs: 3, seed: 3, optimizer: { name: 'adamw', lr: 0.005 }, ...(callbacks && { callbacks }) }, loss_nodes: ['loss'], unfreeze_nodes: [] }) }
    }
    // The loss falls, so that the first epoch is the "best" by its largest loss.
    const watched = { monitor: 'val_loss', mode: 'max', save_top_k: 1 }
    const plain = await fitPipeline(request(run(), [cube], out), observed())
    expect(plain.checkpoints).toBeUndefined()
    const last = await stateOf(out)
    const stopping = await fitPipeline(request(run({ early_stopping: [{ ...watched, patience: 3 }] }), [cube], out), observed())
    expect(stopping.checkpoints).toBeUndefined()
    expect(await stateOf(out)).toBe(last)
    const best = await fitPipeline(request(run({ checkpoint: watched }), [cube], out), observed())
    expect(best.checkpoints).toMatchObject({ restored: 1 })
    expect(await stateOf(out)).not.toBe(last)
    await fitPipeline(request(run(), [cube], join(folder, 'one'), { epochs: 1 }), observed())
    expect(await stateOf(out)).toBe(await stateOf(join(folder, 'one')))
  })

  it('let a stopped or finished training go on to the same bytes', async () => {
    const whole = join(folder, 'whole')
    const pipeline = () => first({ mode: 'min', keep: 1 })
    await fitPipeline(request(pipeline(), [cube], whole), observed())
    const expected = await contents(whole)
    for (const epoch of [1, 2, 3]) {
      await rm(out, { recursive: true, force: true })
      const stopped = await fitPipeline(request(pipeline(), [cube], out), stopAfterEpoch(epoch))
      expect(stopped.checkpoints?.restored).toBe(epoch)
      await fitPipeline(request(pipeline(), [cube], out, { resume: true, seed: undefined }), observed())
      const found = await contents(out)
      for (const name of Object.keys(expected)) if (name !== 'run.json') expect(found[name] === expected[name], `${name} after epoch ${epoch}`).toBe(true)
      expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort())
    }
  })

  it.each([true, false])('let a finished training go on although another epoch became the pipeline (last kept: %s)', async (last) => {
    await fitPipeline(request(first({ last }), [cube], out, { epochs: 3 }), observed())
    expect(await checkpointFiles()).toEqual(['epoch-1', 'epoch-2', ...(last ? ['last'] : [])])
    const told = observed()
    const resumed = await fitPipeline(request(first({ last }), [cube], out, { epochs: 5, resume: true }), told)
    // Without the last one it goes on from the epoch that was kept.
    expect(told.told.filter(({ kind }) => kind === 'epoch')).toHaveLength(last ? 2 : 4)
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'plain'), { epochs: 5 }), observed())
    expect(resumed.phases.gradient?.loss).toEqual((await openTrainedPipeline(join(folder, 'plain'))).record.epochs.map(({ loss }) => loss))
    expect((await openTrainedPipeline(out)).record.checkpoints).toMatchObject({ restored: 1 })
    await openTrainedPipeline(out)
  })

  it('stay out of exported artifacts, and leave with the pipeline', async () => {
    await fitPipeline(request(first(), [cube], out), observed())
    const { files } = await exportPipeline({ pipelineFolder: out, to: 'ort-training', out: join(folder, 'exported') }, observed())
    expect(files.sort()).toEqual(['README.md', 'checkpoint', 'eval_model.onnx', 'inputs.json', 'optimizer_model.onnx', 'training_model.onnx'])
    await exportPipeline({ pipelineFolder: out, to: 'folder', out: join(folder, 'copied') }, observed())
    await fitPipeline(request(rx(), [cube], out), observed())
    expect(Object.keys(await contents(out)).sort()).toEqual(['model.onnx', 'pipeline.yaml', 'run.json', 'state.safetensors'])
  })

  it('follow a metric, and say so when no epoch had its number', async () => {
    const report = await fitPipeline(request(first({ monitor: 'metrics/iou' }), [cube], out), observed())
    expect(report.checkpoints?.best).toHaveLength(2)
    const none = await fitPipeline(request(first({ monitor: 'metrics/nothing' }), [cube], join(folder, 'none')), observed()).catch((error: unknown) => error)
    expect(none).toMatchObject({ code: 'bad-pipeline', message: expect.stringMatching(/^The trainer watches metrics\/nothing, but metrics reports precision, recall, .*\.$/) as string })
  })
})
