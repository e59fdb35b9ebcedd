import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSession } from '../../src/engine/onnx/session'
import { readModelFile } from '../../src/engine/onnx/reading/file'
import type { CubeDescription } from '../../src/shared/cube'
import type { ExportReport, FitReport } from '../../src/shared/reports'
import { handmadeSVDD, writeHandmade } from '../training/handmade-artifacts'
import { temporaryFolder } from '../training/scene'
import { answer, built, cuvette, documentOf, pipelines, sample } from './cuvette'

let folder: string
beforeAll(async () => {
  await built()
  folder = await temporaryFolder()
}, 180_000)
afterAll(() => rm(folder, { recursive: true }))

describe('cuvette fit --artifacts', () => {
  it('trains artifacts that were written by hand, and goes on in their folder', async () => {
    const { shape } = await answer<CubeDescription>(['info', sample])
    const artifacts = await writeHandmade(join(folder, 'by hand'), handmadeSVDD(shape[2]))
    const out = join(folder, 'trained')
    const words = ['--data', sample, '--epochs', '2', '--input', 'radius_sq=1.5', '--learning-rate', '0.002', '--device', 'cpu']
    const report = await answer<FitReport>(['fit', '--artifacts', artifacts, '--out', out, ...words])
    expect(report).toMatchObject({ out, seed: 0, stopped: false, metrics: null, files: ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'] })
    const [first, second] = report.phases.gradient?.loss ?? []
    expect(second).toBeLessThan(first)
    const again = await answer<FitReport>(['fit', '--artifacts', out, '--out', out, ...words])
    expect(again.phases.gradient?.loss[0]).toBeLessThan(second)
  })

  it.each([
    { words: [], sentence: 'Name a pipeline document, or a folder with --artifacts.' },
    { words: ['a.yaml', '--artifacts', 'b'], sentence: 'Name either a pipeline document or a folder with --artifacts.' },
    { words: ['--artifacts', 'b', '--data', sample], sentence: '--artifacts also needs --data and --epochs.' },
    { words: ['a.yaml', '--batch', '100'], sentence: '--batch and --input go with --artifacts; a pipeline document states its batch.' },
    { words: ['--artifacts', 'b', '--data', sample, '--epochs', '1', '--resume'], sentence: '--test, --test-mask, --from and --resume go with a pipeline document; artifacts go on from their checkpoint.' },
    { words: ['--artifacts', 'b', '--data', sample, '--epochs', '1', '--input', 'r'], sentence: expect.stringContaining('Expected NAME=NUMBER.') as string },
  ])('refuses wrong usage: $words', async ({ words, sentence }) => {
    const finished = await cuvette(['fit', '--out', join(folder, 'none'), '--json', ...words])
    expect(finished.code).toBe(2)
    expect(documentOf<{ error: { code: string; message: string } }>(finished).error).toEqual({ code: 'bad-argument', message: sentence })
  })
})

describe('cuvette export', () => {
  it('gives out ports, and a threshold that stays an input', async () => {
    const fitted = join(folder, 'rx')
    await answer<FitReport>(['fit', join(pipelines, 'rx.yaml'), '--data', sample, '--out', fitted, '--device', 'cpu'])
    const out = join(folder, 'rx.onnx')
    const report = await answer<ExportReport>(['export', fitted, '--to', 'onnx', '--out', out, '--threshold', '30', '--port', 'rx.scores'])
    expect(report.verified).toEqual({ maxDifference: 0, tolerance: 1e-4 })
    const session = await openSession(await readModelFile(out), 'cpu')
    expect([...session.outputNames]).toEqual(['scores', 'decisions', 'rx.scores'])
    expect(session.defaults.get('decider.threshold')?.data[0]).toBe(30)
    await session.release()
  })
})
