import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runPipeline } from '../../src/engine/inference/run'
import type { TrainedRecord } from '../../src/engine/inference/trained-pipeline'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitReport } from '../../src/shared/reports'
import { contents, deepSVDD, observed, request, rx, scenePixels, SHAPE, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

let folder: string
let cube: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
})
afterEach(() => rm(folder, { recursive: true }))

const file = (out: string, name: string): Promise<Buffer> => readFile(join(out, name))
const record = async (out: string): Promise<TrainedRecord> => JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as TrainedRecord

/** State, model and scores of a fit: what must repeat bit for bit. */
async function results(out: string): Promise<Record<string, Buffer>> {
  await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: `${out}-run`, format: 'npy', device: 'cpu' }, observed())
  return { state: await file(out, 'state.safetensors'), model: await file(out, 'model.onnx'), scores: await file(`${out}-run`, 'scene_scores.npy') }
}

describe('fitting a pipeline', () => {
  it('runs both phases, writes a folder that opens, and tells how it goes', async () => {
    const out = join(folder, 'new', 'fitted')
    const context = observed()
    const report = await fitPipeline(request(deepSVDD(), [cube], out), context)
    expect(report).toMatchObject({ out, device: 'cpu', seed: 3, stopped: false, warnings: [] })
    expect(report.phases.statistical).toMatchObject({ nodes: ['encoder', 'center'], pixels: 360 })
    expect(report.phases.gradient?.epochs).toBe(4)
    expect(report.phases.gradient?.loss[3]).toBeLessThan(report.phases.gradient?.loss[0] as number)
    expect(report.metrics?.auc).toBeGreaterThan(0.9)
    expect(Object.keys(await contents(out)).sort()).toEqual([...report.files].sort())

    const { state, pipeline } = await openTrainedPipeline(out)
    expect(pipeline.nodes.find(({ name }) => name === 'projection')?.parameters.in_channels).toBe(6)
    expect([...state.keys()].sort()).toContain('center._tracked_center')
    const { epochs, scenes, data, masks, wavelengths, metrics } = await record(out)
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
    expect(epochs[0].metrics).toMatchObject({ auc: expect.any(Number) as number, 'metrics/iou': expect.any(Number) as number })
    expect(scenes).toMatchObject([{ path: cube, unusable: 0, flagged: 8 }])
    expect(data[0]).toMatchObject({ path: cube, shape: SHAPE, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string })
    expect(masks).toHaveLength(1)
    expect(wavelengths).toHaveLength(6)
    expect(metrics).toEqual(report.metrics)

    const kinds = new Set(context.told.map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual(['device', 'epoch', 'stage'])
    const told = context.told.filter((progress) => progress.kind === 'epoch')
    expect(told.map(({ epochs: planned }) => planned)).toEqual([4, 4, 4, 4])
    expect(told[0].secondsLeft).toBeGreaterThan(0)
  })

  it('writes the resolved numbers into pipeline.yaml', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 1, seed: 9, learningRate: 0.002 }), observed())
    const { pipeline } = await openTrainedPipeline(out)
    expect(pipeline.trainer).toMatchObject({ epochs: 1, seed: 9, optimizer: { learningRate: 0.002 } })
    expect(await readFile(join(out, 'pipeline.yaml'), 'utf8')).toContain('num_channels: 6')
  })

  it('gives the same bytes for the same seed, and others for another', async () => {
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'a')), observed())
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'b')), observed())
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'c'), { seed: 4 }), observed())
    const first = await results(join(folder, 'a'))
    expect(await results(join(folder, 'b'))).toEqual(first)
    expect((await results(join(folder, 'c'))).state.equals(first.state)).toBe(false)
  })

  it.each(['plain', 'schedule and momentum'])('resumes from any epoch to the same bytes as an uninterrupted run (%s)', async (kind) => {
    const pipeline = kind === 'plain' ? deepSVDD() : deepSVDD({
      optimizer: { name: 'sgd', lr: 0.001, momentum: 0.9 }, gradient_clip: 1, accumulate: 3,
      scheduler: { name: 'reduce_on_plateau', monitor: 'metrics/iou', mode: 'max', patience: 0, factor: 0.5 }, early_stopping: { patience: 50 },
    })
    const whole = join(folder, 'whole')
    const report = await fitPipeline(request(pipeline, [cube], whole), observed())
    const expected = await results(whole)
    for (const epoch of [1, 2, 3]) {
      const out = join(folder, `from-${epoch}`)
      const stopped = await fitPipeline(request(pipeline, [cube], out), stopAfterEpoch(epoch))
      expect(stopped).toMatchObject({ stopped: true, phases: { gradient: { epochs: epoch } } })
      const resumed = await fitPipeline(request(pipeline, [cube], out, { resume: true, seed: undefined }), observed())
      expect(resumed).toMatchObject({ stopped: false, seed: 3, metrics: report.metrics, phases: { statistical: { nodes: ['encoder', 'center'], pixels: 360 } } })
      expect(resumed.phases.gradient?.loss).toEqual(report.phases.gradient?.loss)
      expect(await results(out)).toEqual(expected)
      expect(Object.keys(await contents(out)).sort()).toEqual([...report.files].sort())
    }
  })

  it('goes on with more epochs after it was finished', async () => {
    const [out, whole] = [join(folder, 'out'), join(folder, 'whole')]
    await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 2 }), observed())
    const more = await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 4, resume: true }), observed())
    expect(more.phases.gradient?.epochs).toBe(4)
    await fitPipeline(request(deepSVDD(), [cube], whole, { epochs: 4 }), observed())
    expect((await results(out)).state).toEqual((await results(whole)).state)
  })

  it('leaves a finished pipeline alone when going on is stopped before another epoch', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 2 }), observed())
    const before = await contents(out)
    const stop = observed((progress, context) => { if (progress.kind === 'stage' && progress.stage === 'train') context.abort() })
    await expect(fitPipeline(request(deepSVDD(), [cube], out, { epochs: 4, resume: true }), stop)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await contents(out)).toEqual(before)
  })

  it('keeps the state after the last finished epoch when it is stopped', async () => {
    const out = join(folder, 'out')
    const report = await fitPipeline(request(deepSVDD(), [cube], out), stopAfterEpoch(2))
    expect(report).toMatchObject({ stopped: true, metrics: null })
    const { record: { stopped, epochs, epochsPlanned }, state } = await openTrainedPipeline(out)
    expect({ stopped, epochs: epochs.length, epochsPlanned }).toEqual({ stopped: true, epochs: 2, epochsPlanned: 4 })
    const short = await fitPipeline(request(deepSVDD(), [cube], join(folder, 'short'), { epochs: 2 }), observed())
    expect(report.phases.gradient?.loss).toEqual(short.phases.gradient?.loss)
    expect((await openTrainedPipeline(join(folder, 'short'))).state).toEqual(state)
    // A stopped pipeline scores like any other.
    const { cubes: [scored] } = await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'run'), format: 'envi', device: 'cpu' }, observed())
    expect(scored.metrics?.auc).toBeGreaterThan(0.9)
  })

  it('leaves nothing behind when it is stopped before the first epoch', async () => {
    for (const stage of ['read', 'statistics', 'train']) {
      const out = join(folder, 'deep', 'out')
      const stop = observed((progress, context) => { if (progress.kind === 'stage' && progress.stage === stage) context.abort() })
      await expect(fitPipeline(request(deepSVDD(), [cube], out), stop)).rejects.toMatchObject({ code: 'cancelled' })
      expect(await contents(join(folder, 'deep'))).toEqual({})
    }
    const before = observed()
    before.abort()
    await expect(fitPipeline(request(deepSVDD(), [cube], join(folder, 'out')), before)).rejects.toMatchObject({ code: 'cancelled' })
    expect(Object.keys(await contents(folder))).toEqual(['scene.hdr', 'scene.img', 'scene_mask.hdr', 'scene_mask.img'])
  })

  it('keeps the last good epoch when the loss runs away, and says so', async () => {
    const out = join(folder, 'out')
    const wild = deepSVDD({ optimizer: { name: 'sgd', lr: 1e-3, momentum: 0 }, batch: { pixels: 360 }, epochs: 40, unfreeze: ['projection', 'encoder'] })
    const report = await fitPipeline(request(wild, [cube], out, { learningRate: 0.5 }), observed()).catch((error: Error) => error)
    if (report instanceof Error) throw report
    expect(report.stopped).toBe(true)
    expect(report.warnings[0]).toMatch(/^Training stopped in epoch \d+: the (loss|gradient|validation loss|state [a-z0-9_.]+) became (NaN|-?Infinity); lower the learning rate, or set a gradient clip\. The state after epoch \d+ was kept\.$/)
    const { state } = await openTrainedPipeline(out)
    for (const [name, { data }] of state) expect((data as Float32Array).every(Number.isFinite), name).toBe(true)
  })

  it('refuses when the loss runs away before anything was learned', async () => {
    const out = join(folder, 'out')
    const wild = deepSVDD({ optimizer: { name: 'sgd', lr: 1e30, momentum: 0 } })
    await expect(fitPipeline(request(wild, [cube], out), observed())).rejects.toMatchObject({ code: 'bad-data', message: expect.stringMatching(/^Training stopped in epoch 1: the .* became/) as string })
    expect(await contents(out)).toEqual({})
  })

  it('stops early and says why', async () => {
    const out = join(folder, 'out')
    const report = await fitPipeline(request(deepSVDD({ epochs: 30, early_stopping: { monitor: 'val_loss', patience: 1, min_delta: 1e9 } }), [cube], out), observed())
    expect(report.stopped).toBe(false)
    expect(report.phases.gradient?.epochs).toBe(2)
    expect(report.warnings).toEqual([expect.stringMatching(/^Training ended because val_loss did not improve on [\d.]+ for 1 epoch\.$/)])
  })

  it('fits statistics alone where there is no trainer', async () => {
    const out = join(folder, 'out')
    const report = await fitPipeline(request(rx(), [cube], out), observed())
    expect(report.phases).toMatchObject({ statistical: { nodes: ['rx'], pixels: 360 }, gradient: null })
    expect(report.files).toEqual(['pipeline.yaml', 'state.safetensors', 'model.onnx', 'run.json'])
    expect(report.metrics?.auc).toBeGreaterThan(0.99)
    expect((await record(out)).withoutTraining).toMatch(/no gradient phase/)
    await expect(fitPipeline(request(rx(), [cube], out, { resume: true }), observed())).rejects.toMatchObject({ code: 'bad-argument' })
  })

  it('takes several cubes, masks by name, validation cubes and whole frames', async () => {
    const second = await writeScene(folder, 'second', scenePixels(2))
    const held = await writeScene(folder, 'held', scenePixels(5))
    const masks = [join(folder, 'scene_mask.hdr'), join(folder, 'second_mask.hdr')]
    const pixels = await fitPipeline(request(deepSVDD(), [cube, second], join(folder, 'pixels'), { masks, validation: [held] }), observed())
    expect(pixels.phases.statistical.pixels).toBe(720)
    expect(pixels.metrics?.auc).toBeGreaterThan(0.9)
    expect((await record(join(folder, 'pixels'))).scenes).toHaveLength(2)

    const frames = await fitPipeline(request(deepSVDD({ batch: { frames: 1 }, epochs: 12 }), [cube, second], join(folder, 'frames'), { validation: [held] }), observed())
    expect(frames.metrics?.auc).toBeGreaterThan(0.9)
    const { properties, optimizer } = await readCheckpoint(join(folder, 'frames', 'training', 'checkpoint'))
    expect(properties.ints.epoch).toBe(12)
    expect(optimizer?.step).toBe(24)
  })

  it('leaves out pixels that cannot be used, and learns as if they were not there', async () => {
    const pixels = scenePixels()
    for (const pixel of [0, 7, 100]) pixels[pixel * SHAPE[2] + 3] = pixel === 7 ? Infinity : Number.NaN
    const holes = await writeScene(folder, 'holes', pixels)
    const report = await fitPipeline(request(deepSVDD(), [holes], join(folder, 'out')), observed())
    expect(report.warnings).toEqual([
      '3 of 360 training pixels lack a finite value in a band that is used and were left out.',
      `3 of 360 pixels of ${holes} lack a finite value in a band that is used; they have no score and are not flagged.`,
    ])
    expect(report.phases.statistical.pixels).toBe(357)
    const { state } = await openTrainedPipeline(join(folder, 'out'))
    const mean = state.get('encoder.zscore_mean')?.data as Float32Array
    const expected = Array.from({ length: 6 }, (_, band) => {
      const valid = Array.from({ length: 360 }, (__, pixel) => pixel).filter((pixel) => ![0, 7, 100].includes(pixel))
      return valid.reduce((sum, pixel) => sum + pixels[pixel * 6 + band], 0) / valid.length
    })
    mean.forEach((value, band) => expect(value / expected[band]).toBeCloseTo(1, 6))
  })

  it('does not care what stands in bands that a band-pass cuts off', async () => {
    const pixels = scenePixels().map((value, index) => ([0, 5].includes(index % SHAPE[2]) ? Number.NaN : value))
    const cut = await writeScene(folder, 'cut', pixels)
    const pipeline = deepSVDD({}, ({ nodes, connections }) => {
      nodes.bandpass = { type: 'BandpassByWavelength', config: { min_wavelength_nm: 500, max_wavelength_nm: 650 } }
      connections.splice(0, 1, ['cube.cube', 'bandpass.data'], ['cube.wavelengths', 'bandpass.wavelengths'], ['bandpass.filtered', 'encoder.data'])
    })
    const report = await fitPipeline(request(pipeline, [cut], join(folder, 'out')), observed())
    expect(report.warnings).toEqual([])
    expect(report.metrics?.auc).toBeGreaterThan(0.9)
    const { cubes: [scored] } = await runPipeline({ pipelineFolder: join(folder, 'out'), data: [cut], masks: [], out: join(folder, 'run'), format: 'npy', device: 'cpu' }, observed())
    expect(scored).toMatchObject({ warnings: [], metrics: report.metrics })
  })

  it('lives with a constant band', async () => {
    const pixels = scenePixels().map((value, index) => (index % SHAPE[2] === 2 ? 1234.5 : value))
    const flat = await writeScene(folder, 'flat', pixels)
    for (const pipeline of [deepSVDD(), rx()]) {
      const report: FitReport = await fitPipeline(request(pipeline, [flat], join(folder, pipeline.path)), observed())
      expect(report.metrics?.auc).toBeGreaterThan(0.9)
      for (const { data } of (await openTrainedPipeline(join(folder, pipeline.path))).state.values()) expect((data as Float32Array).every(Number.isFinite)).toBe(true)
    }
  })
})
