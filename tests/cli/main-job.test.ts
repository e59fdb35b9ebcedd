import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CubeDescription } from '../../src/shared/cube'
import type { ExportReport, FitReport, RunReport } from '../../src/shared/reports'
import { answer, built, cuvette, filesBelow, pipelines, refusal, sample } from './cuvette'

// fit, run and export on the sample: shapes of the documents, files, repeatability.

let folder: string
let fitted: string
let report: FitReport
const deepSvdd = join(pipelines, 'deep-svdd.yaml')
const fitTo = (out: string, seed: string, ...more: string[]) => answer<FitReport>(['fit', deepSvdd, '--data', sample, '--epochs', '2', '--seed', seed, '--device', 'cpu', '--out', out, ...more])

beforeAll(async () => {
  await built()
  folder = await mkdtemp(join(tmpdir(), 'cuvette-cli-'))
  fitted = join(folder, 'fitted')
  report = await fitTo(fitted, '1')
}, 240_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

describe('fit', () => {
  test('reports what the contract says', () => {
    expect(report).toMatchObject({ out: fitted, device: 'cpu', seed: 1, stopped: false })
    expect(report.deviceReason).not.toBe('')
    expect(report.seconds).toBeGreaterThan(0)
    expect(report.phases.statistical.nodes).toEqual(expect.arrayContaining(['encoder', 'center']))
    expect(report.phases.gradient?.epochs).toBe(2)
    expect(report.phases.gradient?.loss).toHaveLength(2)
    const [first, second] = report.phases.gradient?.loss as number[]
    expect(second).toBeLessThan(first)
    expect(report.metrics).toMatchObject({ auc: expect.any(Number) as number, averagePrecision: expect.any(Number) as number, threshold: expect.any(Number) as number })
    for (const key of ['precision', 'recall', 'f1', 'iou'] as const) expect(report.metrics?.[key]).toBeTypeOf('number')
  })

  test('writes a whole trained-pipeline folder and nothing else', async () => {
    const expected = ['model.onnx', 'pipeline.yaml', 'run.json', 'state.safetensors', 'training/checkpoint', 'training/eval_model.onnx', 'training/optimizer_model.onnx', 'training/training_model.onnx']
    expect([...report.files].sort()).toEqual(expected)
    expect(await filesBelow(fitted)).toEqual(expected.map((name) => join(fitted, name)))
  })

  test('the same seed gives the same state byte for byte, another seed another one', async () => {
    const [again, other] = [join(folder, 'again'), join(folder, 'other')]
    const repeated = await fitTo(again, '1')
    await fitTo(other, '2')
    const state = (out: string) => readFile(join(out, 'state.safetensors'))
    expect((await state(again)).equals(await state(fitted))).toBe(true)
    expect((await state(other)).equals(await state(fitted))).toBe(false)
    expect(repeated.phases.gradient?.loss).toEqual(report.phases.gradient?.loss)
    expect(repeated.metrics).toEqual(report.metrics)
  }, 120_000)

  test('starts from another trained pipeline, and says what was taken', async () => {
    const warm = join(folder, 'warm')
    const from = await answer<FitReport>(['fit', deepSvdd, '--data', sample, '--out', warm, '--from', fitted, '--epochs', '1', '--device', 'cpu'])
    expect(from.from).toMatchObject({ path: fitted, taken: ['encoder', 'projection', 'center', 'loss'], anew: [] })
    expect(from.phases.statistical.nodes).toEqual([])
    const said = await cuvette(['fit', deepSvdd, '--data', sample, '--out', warm, '--from', fitted, '--epochs', '1', '--device', 'cpu'])
    expect(said.stdout).toMatch(new RegExp(`from +${fitted}: encoder, projection, center, loss`))
    expect(said.stderr).toContain(`Starts from ${fitted}: encoder, projection, center, loss taken`)
    expect((await refusal(['fit', deepSvdd, '--data', sample, '--out', warm, '--from', join(folder, 'nowhere')])).code).toBe('missing-file')
  }, 120_000)

  test('scores test cubes with the chosen epoch, and needs no --data where the document names cubes', async () => {
    const text = await readFile(deepSvdd, 'utf8')
    const document = join(folder, 'with-data.yaml')
    await writeFile(document, `${text}  checkpoints: {monitor: val_loss}\ndata:\n  train: [${JSON.stringify(sample)}]\n`)
    const out = join(folder, 'tested')
    const tested = await answer<FitReport>(['fit', document, '--epochs', '2', '--seed', '1', '--device', 'cpu', '--test', sample, '--out', out])
    expect(tested.test?.metrics).toEqual(tested.metrics)
    expect(tested.checkpoints).toMatchObject({ monitor: 'val_loss', restored: 2, last: null })
    const neither = await cuvette(['fit', deepSvdd, '--out', join(folder, 'none')])
    expect(neither).toMatchObject({ code: 1, stderr: expect.stringContaining('name at least one with --data, or in the data section') as string })
  }, 120_000)

  test('tells a log about progress in whole lines, on stderr only', async () => {
    const finished = await cuvette(['fit', deepSvdd, '--data', sample, '--epochs', '1', '--device', 'cpu', '--out', join(folder, 'told')])
    expect(finished.code, finished.stderr).toBe(0)
    expect(finished.stdout).toMatch(/^Fitted in [\d.]+ s: .*told\n/)
    expect(finished.stdout).toMatch(/AUC 0\.\d{4}/)
    expect(finished.stdout).not.toMatch(/undefined|NaN|\[object/)
    expect(finished.stderr).toMatch(/epoch 1\/1 +loss [\d.]+/)
    expect(finished.stderr).not.toMatch(/[\u001b\r]/)
    expect(finished.stderr.split('\n').length).toBeLessThan(20)
  }, 60_000)
})

describe('report', () => {
  test('is written on request, by itself or with a fit, and renewed by the next fit', async () => {
    const page = join(folder, 'about.html')
    expect(await answer<{ out: string; notes: string[] }>(['report', fitted, '--out', page])).toEqual({ out: page, notes: [] })
    expect(await readFile(page, 'utf8')).toContain('training report</title>')
    const out = join(folder, 'reported')
    const told = await fitTo(out, '1', '--report')
    expect(told.files).toContain('report.html')
    await writeFile(join(out, 'report.html'), 'old')
    expect((await fitTo(out, '2')).files).toContain('report.html')
    expect(await readFile(join(out, 'report.html'), 'utf8')).toMatch(/Seed<\/b><\/td><td>2</)
    expect((await refusal(['report', join(folder, 'nowhere')])).code).toBe('missing-file')
  }, 120_000)
})

describe('run', () => {
  test('writes scores, decisions and metrics.json that say what the fit said', async () => {
    const out = join(folder, 'run')
    const { cubes, ...rest } = await answer<RunReport>(['run', fitted, '--data', sample, '--device', 'cpu', '--out', out])
    expect(rest).toMatchObject({ out, device: 'cpu' })
    expect(rest.peakMemoryMB).toBeGreaterThan(10)
    expect(cubes).toHaveLength(1)
    expect(cubes[0]).toMatchObject({ path: expect.stringContaining('farm') as string, shape: [200, 200, 61] })
    // 0.5 % of 40,000 pixels.
    expect(cubes[0].flagged).toBeGreaterThanOrEqual(200)
    expect(cubes[0].flagged).toBeLessThanOrEqual(201)
    expect(cubes[0].metrics?.auc).toBe(report.metrics?.auc)
    expect(await filesBelow(out)).toEqual([...cubes[0].files, 'metrics.json'].map((name) => join(out, name)).sort())
    const metrics = JSON.parse(await readFile(join(out, 'metrics.json'), 'utf8')) as { cubes: { metrics: object; threshold: number }[] }
    expect(metrics.cubes[0]).toMatchObject({ metrics: cubes[0].metrics, threshold: cubes[0].threshold })

    // Other tools open the rasters; so does info.
    const scores = await answer<CubeDescription>(['info', join(out, cubes[0].files.find((name) => /scores.*\.hdr$/.test(name)) as string)])
    expect(scores).toMatchObject({ format: 'ENVI', shape: [200, 200, 1], dtype: 'float32' })
    const decisions = await answer<CubeDescription>(['info', join(out, cubes[0].files.find((name) => /decisions.*\.hdr$/.test(name)) as string)])
    expect(decisions).toMatchObject({ shape: [200, 200, 1], dtype: 'uint8' })
  }, 60_000)

  test('writes several formats and lists of regions at once', async () => {
    const out = join(folder, 'run-everything')
    const { cubes: [scene] } = await answer<RunReport>(['run', fitted, '--data', sample, '--device', 'cpu', '--out', out, '--format', 'png,tiff', '--format', 'npy', '--regions', 'coco,csv', '--connectivity', '4', '--min-area', '3'])
    expect(scene.files).toEqual([
      'farm_scores.png', 'farm_decisions.png', 'farm_overlay.png', 'farm_scores.tif', 'farm_decisions.tif', 'farm_scores.npy', 'farm_decisions.npy', 'farm_regions.json', 'farm_regions.csv',
    ])
    const rows = (await readFile(join(out, 'farm_regions.csv'), 'utf8')).trimEnd().split('\r\n').slice(1).map((row) => Number(row.split(',')[5]))
    expect(rows.length).toBeGreaterThan(0)
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(3)
    const wrong = await cuvette(['run', fitted, '--data', sample, '--out', out, '--format', 'png,gif'])
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('Allowed choices are envi, npy, tiff, png') as string })
    expect((await refusal(['run', fitted, '--data', sample, '--out', out, '--images', 'rgb'])).message).toMatch(/has no node that makes a false-colour image/)
  }, 60_000)

  test('repeats byte for byte, whatever the memory budget', async () => {
    const outs = [join(folder, 'run-a'), join(folder, 'run-b')]
    await answer(['run', fitted, '--data', sample, '--device', 'cpu', '--out', outs[0]])
    await answer(['run', fitted, '--data', sample, '--device', 'cpu', '--out', outs[1], '--memory', '1'])
    const [a, b] = await Promise.all(outs.map(filesBelow))
    expect(a.length).toBe(b.length)
    for (const [index, file] of a.entries()) expect((await readFile(file)).equals(await readFile(b[index])), file).toBe(true)
  }, 60_000)

  test('a threshold of the user replaces the rule', async () => {
    const { cubes } = await answer<RunReport>(['run', fitted, '--data', sample, '--device', 'cpu', '--out', join(folder, 'run-t'), '--threshold', '0'])
    expect(cubes[0]).toMatchObject({ threshold: 0, flagged: 40000 })
  }, 60_000)

  test('npy on request, and a table for people', async () => {
    const finished = await cuvette(['run', fitted, '--data', sample, '--device', 'cpu', '--out', join(folder, 'run-npy'), '--format', 'npy'])
    expect(finished.code, finished.stderr).toBe(0)
    expect((await filesBelow(join(folder, 'run-npy'))).filter((name) => name.endsWith('.npy'))).toHaveLength(2)
    expect(finished.stdout).toMatch(/flagged +20\d of 40,000 pixels/)
    expect(finished.stdout).not.toMatch(/undefined|NaN|\[object/)
  }, 60_000)
})

describe('export', () => {
  test.each(['onnx', 'ort-training', 'folder'])('to %s, verified', async (to) => {
    const out = join(folder, `export-${to}`)
    const exported = await answer<ExportReport>(['export', fitted, '--to', to, '--out', out])
    expect(exported).toMatchObject({ out, to })
    expect(exported.verified.maxDifference).toBeLessThanOrEqual(exported.verified.tolerance)
    expect(await filesBelow(out)).toEqual(exported.files.map((name) => join(out, name)).sort())
    expect(exported.files.length).toBeGreaterThan(0)
  }, 60_000)
})

describe('what the templates reach on the sample', () => {
  // The story that resources/sample/README.md tells; wide enough for other processors.
  test.each([
    ['rx.yaml', 0.93, 0.94],
    ['deep-svdd.yaml', 0.94, 0.97],
  ])('%s', async (name, lowest, highest) => {
    const { metrics } = await answer<FitReport>(['fit', join(pipelines, name), '--data', sample, '--device', 'cpu', '--seed', '1', '--out', join(folder, name)])
    expect(metrics?.auc).toBeGreaterThan(lowest)
    expect(metrics?.auc).toBeLessThan(highest)
  }, 120_000)
})
