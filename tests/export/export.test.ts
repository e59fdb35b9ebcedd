import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setDecider } from '../../src/engine/export/decider'
import { exportPipeline } from '../../src/engine/export/export'
import { heldBackTile } from '../../src/engine/export/verify'
import { withThreshold } from '../../src/engine/export/tuned'
import { runPipeline } from '../../src/engine/inference/run'
import type { TrainedRecord } from '../../src/engine/inference/trained-pipeline'
import { openTrainedPipeline, sha256 } from '../../src/engine/inference/trained-pipeline'
import { decodeModelMessage, encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { openSession } from '../../src/engine/onnx/session'
import { readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import { endReplacing } from '../../src/engine/training/folder'
import type { ExportRequest } from '../../src/shared/reports'
import { fittedScene } from '../training/fitted-scene'
import { alone, contents, deepSVDD, observed, request, rx, scenePixels, SHAPE, writeScene } from '../training/scene'

let folder: string
let fitted: string
let cube: string
let out: string
beforeAll(async () => {
  ;({ folder, cube, fitted } = await fittedScene(deepSVDD(), { epochs: 2 }))
})
beforeEach(async () => {
  out = join(folder, 'new', 'place')
  await rm(join(folder, 'new'), { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const exported = (to: ExportRequest['to'], more: Partial<ExportRequest> = {}) => exportPipeline({ pipelineFolder: fitted, to, out, ...more }, observed())

describe('exporting a trained pipeline', () => {
  it('writes model.onnx that scores alone, and says what it is', async () => {
    const report = await exported('onnx')
    expect(report).toEqual({ out, to: 'onnx', files: ['model.onnx'], verified: { maxDifference: 0, tolerance: 1e-5 } })
    const bytes = await readFile(join(out, 'model.onnx'))
    expect(bytes.equals(await readFile(join(fitted, 'model.onnx')))).toBe(true)
    const session = await openSession(new Uint8Array(bytes), 'cpu')
    const { scores } = await session.run({ cube: { type: 'float32', shape: [1, ...SHAPE], data: scenePixels() } }, ['scores'])
    expect(scores.shape).toEqual([1, 18, 20, 1])
    await session.release()
    const metadata = Object.fromEntries((decodeModelMessage(bytes).metadata_props ?? []).map(({ key, value }) => [key, value]))
    expect(metadata).toMatchObject({ 'cuvette.tolerance': '0.00001', 'cuvette.bands': '6', 'cuvette.wavelength_unit': 'nm', 'cuvette.seed': '3' })
    expect(JSON.parse(metadata['cuvette.wavelengths'] as string)).toEqual([450, 500, 550, 600, 650, 700])
    expect(JSON.parse(metadata['cuvette.metrics'] as string)).toEqual((await openTrainedPipeline(fitted)).record.metrics)
    expect(Number(metadata['cuvette.threshold'])).toBe((await openTrainedPipeline(fitted)).record.scenes[0].threshold)
    expect(JSON.parse(metadata['cuvette.data'] as string)).toEqual([{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string }])
    expect(metadata['cuvette.nodes']).toContain('DeepSVDDProjection')
  })

  it('writes a model file under the name that was given, and replaces an older one', async () => {
    const file = join(folder, 'new', 'detector.onnx')
    for (let time = 0; time < 2; time += 1) expect((await exported('onnx', { out: file })).files).toEqual(['detector.onnx'])
    expect(await readdir(join(folder, 'new'))).toEqual(['detector.onnx'])
  })

  it('writes the training artifacts with a README', async () => {
    const report = await exported('ort-training')
    expect([...report.files].sort()).toEqual(['README.md', 'checkpoint', 'eval_model.onnx', 'inputs.json', 'optimizer_model.onnx', 'training_model.onnx'])
    expect(Object.keys(await contents(out)).sort()).toEqual([...report.files].sort())
    expect(report.verified.maxDifference).toBeLessThan(1e-5)
    const { state } = await openTrainedPipeline(fitted)
    for (const [name, tensor] of (await readCheckpoint(join(out, 'checkpoint'))).trainable) expect(tensor).toEqual(state.get(name))
    expect(await readFile(join(out, 'README.md'), 'utf8')).toContain('after 2 epochs with seed 3, on cubes of 6 bands')
  })

  it('puts a threshold that was tuned on the picture into document, model and record', async () => {
    await exported('folder', { threshold: 0.123 })
    const limit = Math.fround(0.123)
    const { pipeline, record, model } = await openTrainedPipeline(out)
    expect(pipeline.nodes.find(({ name }) => name === 'decider')?.parameters.threshold).toBe(limit)
    expect(record.chosenThreshold).toBe(limit)

    const session = await openSession(model, 'cpu')
    const feeds = { cube: { type: 'float32' as const, shape: [1, ...SHAPE], data: scenePixels() } }
    const { scores, decisions } = await session.run(feeds)
    const reached = [...(scores.data as Float32Array)].map((score) => (score >= limit ? 1 : 0))
    expect([...(decisions.data as Uint8Array)]).toEqual(reached)
    expect(new Set(reached).size).toBe(2)
    // It stays an input: another threshold needs no other file.
    const none = await session.run({ ...feeds, 'decider.threshold': { type: 'float32', shape: [], data: Float32Array.of(1e9) } }, ['decisions'])
    expect((none.decisions.data as Uint8Array).some((decision) => decision === 1)).toBe(false)
    await session.release()

    const metadata = Object.fromEntries((decodeModelMessage(model).metadata_props ?? []).map(({ key, value }) => [key, value]))
    expect(metadata['cuvette.threshold']).toBe(String(limit))
    expect(metadata).not.toHaveProperty(['cuvette.metrics'])
    expect(metadata['cuvette.seed']).toBe('3')

    const report = await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'new', 'run'), format: 'envi', device: 'cpu' }, observed())
    expect(report.cubes[0].threshold).toBe(limit)
    expect(report.cubes[0].flagged).toBe(reached.filter((decision) => decision === 1).length)
  })

  it('changes the decider of the pipeline in its own folder, and back', async () => {
    const pipeline = join(folder, 'new', 'pipeline')
    const before = await exported('folder', { out: pipeline }).then(() => openTrainedPipeline(pipeline))
    const run = (name: string) => runPipeline({ pipelineFolder: pipeline, data: [cube], masks: [], out: join(folder, 'new', name), format: 'envi', device: 'cpu' }, observed())
    const [first] = (await run('first')).cubes
    const scores = join(folder, 'new', 'first', first.files.find((file) => /scores.*hdr$/.test(file))!)
    const signal = new AbortController().signal
    const set = (parameters: Record<string, number | null>) => setDecider({ pipelineFolder: pipeline, parameters, scores, mask: null }, signal)
    const quantile = before.pipeline.nodes.find(({ name }) => name === 'decider')!.parameters.quantile as number

    const { threshold } = await set({ quantile: 0.5, threshold: null })
    const [second] = (await run('second')).cubes
    expect(second).toMatchObject({ threshold, flagged: 180 })
    expect(threshold).not.toBe(first.threshold)

    expect(await set({ threshold: 0.25 })).toEqual({ threshold: 0.25, metrics: null })
    expect((await openTrainedPipeline(pipeline)).record.chosenThreshold).toBe(0.25)
    expect((await run('third')).cubes[0].threshold).toBe(0.25)

    expect(await set({ threshold: null, quantile })).toMatchObject({ threshold: first.threshold })
    const after = await openTrainedPipeline(pipeline)
    expect(after.record).not.toHaveProperty('chosenThreshold')
    expect(after.state).toEqual(before.state)
    expect(existsSync(join(pipeline, 'unfinished'))).toBe(false)

    const whole = await contents(pipeline)
    await expect(set({ quantile: 2 })).rejects.toMatchObject({ code: 'bad-pipeline' })
    expect(await contents(pipeline)).toEqual(whole)
  })

  it('ends a change of the decider that was interrupted before it makes another', async () => {
    const pipeline = join(folder, 'new', 'pipeline')
    await exported('folder', { out: pipeline })
    const { rewritten } = withThreshold(await openTrainedPipeline(pipeline), 0.5)
    await mkdir(join(pipeline, 'unfinished'))
    for (const [name, bytes] of rewritten) await writeFile(join(pipeline, 'unfinished', name), bytes)
    // One file was moved into place, then the power went.
    await rename(join(pipeline, 'unfinished', 'model.onnx'), join(pipeline, 'model.onnx'))
    await expect(openTrainedPipeline(pipeline)).rejects.toMatchObject({ code: 'bad-artifact' })
    await endReplacing(pipeline)
    expect((await openTrainedPipeline(pipeline)).record.chosenThreshold).toBe(0.5)
  })

  it('refuses a threshold that is no number', async () => {
    await expect(exported('folder', { threshold: NaN })).rejects.toMatchObject({ code: 'bad-argument', message: 'The threshold is NaN; a finite number is expected.' })
    expect(existsSync(out)).toBe(false)
  })

  it('copies the whole folder, which opens and scores the same', async () => {
    const report = await exported('folder')
    expect(await contents(out)).toEqual(await contents(fitted))
    expect(Object.keys(await contents(out)).sort()).toEqual([...report.files].sort())
    const score = (pipelineFolder: string, name: string) => runPipeline({ pipelineFolder, data: [cube], masks: [], out: join(folder, name), format: 'npy', device: 'cpu' }, observed())
    await score(fitted, 'here')
    await score(out, 'there')
    expect((await readFile(join(folder, 'there', 'scene_scores.npy'))).equals(await readFile(join(folder, 'here', 'scene_scores.npy')))).toBe(true)
  })

  it('checks on random pixels when the training cube is gone', async () => {
    const hidden = join(folder, 'elsewhere.img')
    await rename(cube, hidden)
    try {
      expect((await exported('onnx')).verified.maxDifference).toBe(0)
    } finally {
      await rename(hidden, cube)
    }
  })

  it('exports pipelines without gradients, but not artifacts that they do not have', async () => {
    const statistics = join(folder, 'rx')
    await fitPipeline(request(rx(), [cube], statistics), observed())
    expect((await exported('onnx', { pipelineFolder: statistics })).verified.maxDifference).toBe(0)
    await rm(join(folder, 'new'), { recursive: true })
    await expect(exported('ort-training', { pipelineFolder: statistics })).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('has no training artifacts') as string })
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })

  it('checks a pipeline that looks at neighbours on a piece of the image, the last one that is whole', async () => {
    const shape: [number, number, number] = [130, 70, 3]
    const [, samples, bands] = shape
    const pixels = scenePixels(3, shape)
    pixels[pixels.length - 1] = NaN
    const image = await writeScene(folder, 'neighbours', pixels, shape)
    const local = join(folder, 'local')
    await fitPipeline(request(alone('RXLocal', { inner_window: 1, outer_window: 5 }), [image], local), observed())
    expect((await exported('onnx', { pipelineFolder: local })).verified.maxDifference).toBe(0)
    const tile = await heldBackTile(await openTrainedPipeline(local))
    expect(tile.shape).toEqual([1, 64, 64, bands])
    // Lines 66 to 129 hold the pixel without a value.
    for (const line of [0, 63]) expect(tile.pixels.slice(line * 64 * bands, (line + 1) * 64 * bands)).toEqual(pixels.slice(((2 + line) * samples + 6) * bands, (3 + line) * samples * bands))
    await rm(image)
    expect((await heldBackTile(await openTrainedPipeline(local))).shape).toEqual([1, 32, 32, bands])
  })

  it('refuses a folder that is in use, and one that cannot be written', async () => {
    await mkdir(out, { recursive: true })
    await writeFile(join(out, 'mine.txt'), 'x')
    for (const to of ['folder', 'ort-training'] as const) await expect(exported(to)).rejects.toMatchObject({ code: 'cannot-write', message: expect.stringContaining('exists already') as string })
    expect(Object.keys(await contents(out))).toEqual(['mine.txt'])
    await rm(join(out, 'mine.txt'))
    await exported('folder')
    await expect(exported('onnx', { out: join(cube, 'x') })).rejects.toMatchObject({ code: 'cannot-write' })
  })

  it('leaves nothing when it is stopped', async () => {
    const stop = observed((_progress, context) => context.abort())
    await expect(exportPipeline({ pipelineFolder: fitted, to: 'folder', out }, stop)).rejects.toMatchObject({ code: 'cancelled' })
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })

  it('refuses, and leaves nothing, when what is written does not score like the app', async () => {
    const forged = join(folder, 'forged')
    for (const name of ['model.onnx', 'training/eval_model.onnx']) {
      await rm(forged, { recursive: true, force: true })
      await exported('folder', { out: forged })
      const message = decodeModelMessage(await readFile(join(forged, name)))
      // Scores twice as large: every squared sum becomes a plain one of the absolute values.
      for (const node of message.graph?.node ?? []) if (node.op_type === 'ReduceSumSquare') node.op_type = 'ReduceL1'
      const bytes = encodeModelMessage(message)
      const record = JSON.parse(await readFile(join(forged, 'run.json'), 'utf8')) as TrainedRecord
      record.files[name] = { bytes: bytes.length, sha256: sha256(bytes) }
      await writeFile(join(forged, name), bytes)
      await writeFile(join(forged, 'run.json'), JSON.stringify(record))
      const to = name === 'model.onnx' ? 'onnx' : 'ort-training'
      await expect(exported(to, { pipelineFolder: forged })).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('differs from the scores of the app') as string })
      expect(existsSync(join(folder, 'new'))).toBe(false)
    }
  })
})
