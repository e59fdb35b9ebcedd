import { existsSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { noteFinished } from '../../src/engine/export/note'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { decodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { openSession } from '../../src/engine/onnx/session'
import type { Tensor } from '../../src/engine/onnx/tensor'
import { float32 } from '../../src/engine/onnx/tensor'
import { fitPipeline } from '../../src/engine/training/fit'
import type { ExportRequest } from '../../src/shared/reports'
import { fittedScene } from '../training/fitted-scene'
import { deepSVDD, observed, request, rx, scenePixels, SHAPE, writeScene } from '../training/scene'

const [LINES, SAMPLES, BANDS] = SHAPE

let folder: string
let fitted: string
let cube: string
let out: string
beforeAll(async () => {
  ;({ folder, cube, fitted } = await fittedScene(deepSVDD(), { epochs: 1 }))
})
beforeEach(async () => {
  out = join(folder, 'new', 'model.onnx')
  await rm(join(folder, 'new'), { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const exported = (more: Partial<ExportRequest> = {}) => exportPipeline({ pipelineFolder: fitted, to: 'onnx', out, ...more }, observed())

async function metadataOf(file: string): Promise<Record<string, string>> {
  return Object.fromEntries((decodeModelMessage(await readFile(file)).metadata_props ?? []).map(({ key, value }) => [key, value])) as Record<string, string>
}

async function runFile(file: string, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await openSession(new Uint8Array(await readFile(file)), 'cpu')
  try {
    return await session.run(feeds)
  } finally {
    await session.release()
  }
}

describe('an exported model.onnx', () => {
  it('gives out the ports that were asked for, checked like the scores', async () => {
    const report = await exported({ ports: ['encoder.normalized', 'projection.embeddings'] })
    expect(report.verified).toEqual({ maxDifference: 0, tolerance: 1e-5 })
    const results = await runFile(out, { cube: float32([1, ...SHAPE], scenePixels()) })
    expect(Object.keys(results)).toEqual(['scores', 'decisions', 'encoder.normalized', 'projection.embeddings'])
    expect(results['projection.embeddings'].shape).toEqual([1, LINES, SAMPLES, 4])
    const { state } = await openTrainedPipeline(fitted)
    const [mean, deviation] = ['zscore_mean', 'zscore_std'].map((name) => state.get(`encoder.${name}`)?.data as Float32Array)
    const normalized = results['encoder.normalized'].data as Float32Array
    scenePixels().forEach((value, index) => expect(Math.abs(normalized[index] - (value - mean[index % BANDS]) / deviation[index % BANDS])).toBeLessThan(1e-5))
    // What the file says of its fit is kept.
    expect(await metadataOf(out)).toEqual(await metadataOf(join(fitted, 'model.onnx')))
  })

  it.each([
    { ports: ['projection.nothing'], message: 'The pipeline has no output projection.nothing; expected <node>.<port> of one of its nodes.' },
    { ports: ['encoder.normalized', 'encoder.normalized'], message: 'The port encoder.normalized is named twice; name each once.' },
    { ports: ['cube.mask'], message: 'The ports cube.mask also depend on targets, and an exported model is given a cube alone; name other ports.' },
    { ports: ['metrics.metrics'], message: 'The port metrics.metrics has no values that a graph could compute.' },
  ])('refuses the ports $ports', async ({ ports, message }) => {
    await expect(exported({ ports })).rejects.toMatchObject({ message })
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })

  it('refuses ports where no single model is written', async () => {
    await expect(exported({ to: 'folder', ports: ['encoder.normalized'] })).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('name them with --to onnx') as string })
  })

  it('takes any batch and size, and another quantile than that of the pipeline', async () => {
    await exported()
    const two = Float32Array.from([...scenePixels(8), ...scenePixels(9)])
    const wide = await runFile(out, { cube: float32([2, LINES / 2, 2 * SAMPLES, BANDS], two) })
    expect([wide.scores.shape, wide.decisions.shape]).toEqual([[2, LINES / 2, 2 * SAMPLES, 1], [2, LINES / 2, 2 * SAMPLES, 1]])
    const flagged = ({ decisions }: Record<string, Tensor>) => (decisions.data as Uint8Array).reduce((count, decision) => count + decision, 0)
    // The quantile is one of each image: of 360 pixels, 2 % and a half.
    expect(flagged(wide)).toBe(2 * 8)
    const half = await runFile(out, { cube: float32([2, LINES / 2, 2 * SAMPLES, BANDS], two), 'decider.quantile': float32([], [0.5]) })
    expect(flagged(half)).toBe(2 * 180)
    expect(half.scores).toEqual(wide.scores)
  })

  it('is noted in run.json with how far it differed, the last one of each kind', async () => {
    const first = await exported({ ports: ['encoder.normalized'] })
    await exported({ to: 'ort-training', out: join(folder, 'new', 'artifacts') })
    const second = await exported({ out: join(folder, 'new', 'again.onnx') })
    const { record } = await openTrainedPipeline(fitted)
    const shown = record.exports?.map(({ to, out: place, maxDifference, tolerance }) => ({ to, out: place, verified: { maxDifference, tolerance } }))
    expect(shown).toEqual([{ to: 'ort-training', out: join(folder, 'new', 'artifacts'), verified: first.verified }, { to: 'onnx', out: join(folder, 'new', 'again.onnx'), verified: second.verified }])
    const copy = join(folder, 'new', 'copy')
    await exported({ to: 'folder', out: copy })
    expect((await openTrainedPipeline(copy)).record.exports?.map(({ to }) => to)).toEqual(['ort-training', 'onnx', 'folder'])
  })

  it('says so where run.json cannot be written', async () => {
    const check = { to: 'onnx' as const, out, created: '', maxDifference: 0, tolerance: 1e-5 }
    const [sentence] = await noteFinished(join(folder, 'gone'), check)
    expect(sentence).toContain(`How the export was checked is not noted in ${join(folder, 'gone', 'run.json')}: ENOENT`)
  })

  it('names the bands that a selector takes', async () => {
    const selecting = deepSVDD({ unfreeze: ['bands', 'projection'] }, ({ nodes, connections }) => {
      nodes.bands = { type: 'ConcreteBandSelector', config: { output_channels: 2 } }
      connections.splice(1, 1, ['encoder.normalized', 'bands.data'], ['bands.rgb', 'projection.data'])
    })
    const selector = join(folder, 'selector')
    await fitPipeline(request(selecting, [cube], selector, { epochs: 3 }), observed())
    await exported({ pipelineFolder: selector })
    const { state } = await openTrainedPipeline(selector)
    const logits = state.get('bands.logits')?.data as Float32Array
    const chosen = [0, 1].map((row) => logits.subarray(row * BANDS, (row + 1) * BANDS)).map((row) => row.indexOf(Math.max(...row)))
    expect(JSON.parse((await metadataOf(out))['cuvette.selected_bands'])).toEqual({ bands: chosen })
  })

  it('leaves bad bands of the file out by itself, and counts selected bands as the file does', async () => {
    const selecting = deepSVDD({}, ({ nodes, connections }) => {
      nodes.cube = { type: 'Cube', config: { drop_bands: [0, 3] } }
      nodes.bands = { type: 'CIRSelector', config: {} }
      connections.splice(1, 1, ['encoder.normalized', 'projection.data'], ['cube.cube', 'bands.cube'], ['cube.wavelengths', 'bands.wavelengths'])
    })
    const dropping = join(folder, 'dropping')
    await fitPipeline(request(selecting, [cube], dropping, { epochs: 1 }), observed())
    const report = await exported({ pipelineFolder: dropping })
    expect(report.verified.maxDifference).toBe(0)
    const metadata = await metadataOf(out)
    expect(JSON.parse(metadata['cuvette.entering_bands'])).toEqual([1, 2, 4, 5])
    const pixels = scenePixels()
    const { scores } = await runFile(out, { cube: float32([1, ...SHAPE], pixels) })
    const other = pixels.map((value, index) => ([0, 3].includes(index % BANDS) ? 1e6 : value))
    expect((await runFile(out, { cube: float32([1, ...SHAPE], other) })).scores).toEqual(scores)
    // Of the bands at 500, 550, 650 and 700 nm those nearest to 860, 670 and 560 nm.
    expect(JSON.parse(metadata['cuvette.selected_bands'])).toEqual({ bands: [5, 4, 2] })
  })

  it('states a tolerance of its own where a whitening matrix divides by small variances', async () => {
    // Bands that repeat one another but for a deviation of about 1/600 of their values.
    const pixels = scenePixels(5)
    for (let pixel = 0; pixel < LINES * SAMPLES; pixel += 1) for (let band = 3; band < BANDS; band += 1) pixels[pixel * BANDS + band] = pixels[pixel * BANDS + band - 3] + 0.05 * (pixels[pixel * BANDS + band] - 55)
    const near = await writeScene(folder, 'near', pixels)
    const statistics = join(folder, 'rx')
    await fitPipeline(request(rx({ eps: 0 }), [near], statistics), observed())
    const report = await exported({ pipelineFolder: statistics })
    expect(report.verified).toEqual({ maxDifference: 0, tolerance: 1e-4 })
    expect((await metadataOf(out))['cuvette.tolerance']).toBe('0.0001')
    const { scores } = await runFile(out, { cube: float32([1, ...SHAPE], pixels) })
    distances(pixels).forEach((distance, pixel) => expect(Math.abs((scores.data as Float32Array)[pixel] - distance) / Math.max(1, distance)).toBeLessThan(1e-4))
  })
})

/** Squared Mahalanobis distances in float64, by Cholesky's factor of the covariance. */
function distances(pixels: Float32Array): number[] {
  const count = pixels.length / BANDS
  const rows = Array.from({ length: count }, (_, pixel) => Array.from(pixels.subarray(pixel * BANDS, (pixel + 1) * BANDS)))
  const mean = Array.from({ length: BANDS }, (_, band) => rows.reduce((sum, row) => sum + row[band], 0) / count)
  const centred = rows.map((row) => row.map((value, band) => value - mean[band]))
  const covariance = (i: number, j: number): number => centred.reduce((sum, row) => sum + row[i] * row[j], 0) / (count - 1)
  const factor: number[][] = []
  for (let i = 0; i < BANDS; i += 1) {
    factor.push([])
    for (let j = 0; j <= i; j += 1) {
      const rest = covariance(i, j) - factor[j].slice(0, j).reduce((sum, value, k) => sum + value * factor[i][k], 0)
      factor[i].push(i === j ? Math.sqrt(rest) : rest / factor[j][j])
    }
  }
  return centred.map((row) => {
    const solved: number[] = []
    for (let i = 0; i < BANDS; i += 1) solved.push((row[i] - solved.reduce((sum, value, k) => sum + value * factor[i][k], 0)) / factor[i][i])
    return solved.reduce((sum, value) => sum + value ** 2, 0)
  })
}
