import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { runPipeline } from '../../src/engine/inference/run'
import { openSession } from '../../src/engine/onnx/session'
import { float32 } from '../../src/engine/onnx/tensor'
import { fitPipeline } from '../../src/engine/training/fit'
import { alone, ANOMALIES, observed, request, scenePixels, sceneMask, SHAPE, temporaryFolder, writeScene } from '../training/scene'

// Local RX from the document to the exported file: two materials with noise, and a few pixels of a third.

let folder: string
beforeAll(async () => { folder = await temporaryFolder() })
afterAll(() => rm(folder, { recursive: true }))

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(new Uint8Array(bytes).buffer)

describe('a pipeline with local RX', () => {
  it('is fitted, run and exported, with one set of scores', async () => {
    const [lines, samples, bands] = SHAPE
    const cube = await writeScene(folder, 'scene')
    const fitted = join(folder, 'fitted')
    const report = await fitPipeline(request(alone('RXLocal', { inner_window: 3, outer_window: 9 }), [cube], fitted), observed())
    expect(report.metrics?.auc).toBeGreaterThan(0.99)
    expect(report.files).toContain('model.onnx')

    const out = join(folder, 'run')
    const { cubes: [scene] } = await runPipeline({ pipelineFolder: fitted, data: [cube], masks: [], out, format: 'envi', device: 'cpu' }, observed())
    expect(scene.metrics).toEqual(report.metrics)
    const scores = floats(await readFile(join(out, scene.files[0])))
    const background = [...scores].filter((_, pixel) => !ANOMALIES.includes(pixel)).sort((a, b) => a - b)
    for (const pixel of ANOMALIES) expect(scores[pixel]).toBeGreaterThan(background[Math.floor(background.length * 0.99)])

    const exported = await exportPipeline({ pipelineFolder: fitted, to: 'onnx', out: join(folder, 'exported') }, observed())
    expect(exported.verified.maxDifference).toBe(0)
    const session = await openSession(await readFile(join(folder, 'exported', 'model.onnx')), 'cpu')
    const results = await session.run({ cube: float32([1, lines, samples, bands], scenePixels()) }).finally(() => session.release())
    expect(results.scores.data).toEqual(scores)
    expect(Array.from(results.decisions.data as Uint8Array).reduce((sum, decision) => sum + decision, 0)).toBe(scene.flagged)
  })

  it('gives no-data pixels no score and does not let them into the scores of their neighbours', async () => {
    const [lines, samples, bands] = SHAPE
    const pixels = scenePixels()
    const missing = [90, 91, 110, 130]
    for (const pixel of missing) pixels.fill(NaN, pixel * bands, (pixel + 1) * bands)
    const cube = await writeScene(folder, 'gaps', pixels, SHAPE, sceneMask())
    const fitted = join(folder, 'fitted-gaps')
    await fitPipeline(request(alone('RXLocal', { inner_window: 3, outer_window: 9 }), [cube], fitted), observed())
    const out = join(folder, 'run-gaps')
    const { cubes: [scene] } = await runPipeline({ pipelineFolder: fitted, data: [cube], masks: [], out, format: 'envi', device: 'cpu' }, observed())
    const scores = floats(await readFile(join(out, scene.files[0])))
    expect(scores.length).toBe(lines * samples)
    expect([...scores].flatMap((score, pixel) => (Number.isFinite(score) ? [] : [pixel]))).toEqual(missing)
    expect(scene.warnings).toContain(`4 of ${lines * samples} pixels of ${cube} lack a finite value in a band that is used; they have no score and are not flagged.`)
  })
})
