import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { writeEnvi, writeNamedMask } from '../../src/engine/cube'
import { runPipeline } from '../../src/engine/inference/run'
import { fitPipeline } from '../../src/engine/training/fit'
import type { ClassCorrection } from '../../src/shared/cube'
import type { RunRecord } from '../../src/shared/reports'
import { ANOMALIES, deepSVDD, observed, request, rx, scenePixels, SHAPE, temporaryFolder, writeScene } from './scene'

vi.mock('../../src/engine/nodes/registry', async (original) => {
  const registry = await original<typeof import('../../src/engine/nodes/registry')>()
  const { imageNodes } = await import('./image-nodes')
  return { ...registry, nodeType: (name: string) => imageNodes.find(({ description }) => description.type === name) ?? registry.nodeType(name) }
})

const [lines, samples, bands] = SHAPE
const total = lines * samples
const IGNORED_LINE = 3

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene', scenePixels(), SHAPE, null)
})
afterAll(() => rm(folder, { recursive: true }))

/** Class 2 on the anomalies, class 7 on one line without any, 0 elsewhere. */
async function labels(name: string, classes: ClassCorrection[]): Promise<string> {
  const values = Uint8Array.from({ length: total }, (_, pixel) => (ANOMALIES.includes(pixel) ? 2 : Math.floor(pixel / samples) === IGNORED_LINE ? 7 : 0))
  const [data] = await writeEnvi(join(folder, `${name}.img`), { lines, samples, bands: 1, dataType: 'uint8', values })
  const path = join(folder, `${name}.mask.json`)
  await writeNamedMask(path, data, classes)
  return path
}

async function judged(name: string, classes: ClassCorrection[]): Promise<{ anomalous: number; normal: number; warnings: string[]; pixels: number; fitted: string }> {
  const mask = await labels(name, classes)
  const fitted = join(folder, name)
  const report = await fitPipeline(request(rx(), [cube], fitted, { masks: [mask] }), observed())
  const scored = await runPipeline({ pipelineFolder: fitted, data: [cube], masks: [mask], out: join(folder, `${name}-out`), format: 'envi', device: 'cpu' }, observed())
  const { truePositives, falseNegatives, trueNegatives, falsePositives } = scored.cubes[0].metrics!.confusion
  expect(report.metrics!.confusion).toEqual(scored.cubes[0].metrics!.confusion)
  return { anomalous: truePositives + falseNegatives, normal: trueNegatives + falsePositives, warnings: report.warnings, pixels: report.phases.statistical.pixels, fitted }
}

describe('the use of a class', () => {
  it('comes before the class ids of the Cube node', async () => {
    const { anomalous, normal } = await judged('plain', [])
    // Without a use: everything but class 0 is anomalous.
    expect([anomalous, normal]).toEqual([ANOMALIES.length + samples, total - ANOMALIES.length - samples])
    expect(await judged('normal', [{ id: 7, use: 'normal' }])).toMatchObject({ anomalous: ANOMALIES.length, normal: total - ANOMALIES.length })
    expect(await judged('turned', [{ id: 0, use: 'anomalous' }, { id: 2, use: 'normal' }])).toMatchObject({ anomalous: total - ANOMALIES.length, normal: ANOMALIES.length })
  })

  it('"ignore" leaves pixels out of the fit and of the judgement', async () => {
    const { anomalous, normal, warnings, pixels, fitted } = await judged('ignored', [{ id: 7, use: 'ignore' }])
    expect([anomalous, normal]).toEqual([ANOMALIES.length, total - ANOMALIES.length - samples])
    expect(pixels).toBe(total - samples)
    expect(warnings).toContain(`${samples} of ${total} training pixels belong to classes that are ignored and were left out.`)
    // The same weights as of a cube in which those pixels have no values.
    const spoilt = scenePixels().map((value, at) => (Math.floor(at / bands / samples) === IGNORED_LINE ? Number.NaN : value))
    const other = await writeScene(folder, 'spoilt', spoilt, SHAPE, null)
    await fitPipeline(request(rx(), [other], join(folder, 'spoilt')), observed())
    const weights = (name: string) => readFile(join(folder, name, 'state.safetensors'))
    expect(await weights('ignored')).toEqual(await weights('spoilt'))
    const record = JSON.parse(await readFile(join(fitted, 'run.json'), 'utf8')) as RunRecord
    expect(record.masks).toEqual([{ path: join(folder, 'ignored.mask.json'), variable: null, sha256: expect.stringMatching(/^[0-9a-f]{64}$/), classes: expect.stringMatching(/^[0-9a-f]{64}$/) }])
  })

  it.each([
    ['whole frames', { frames: 1 }, { frames: 1 }],
    ['tiles', { frames: 1 }, { tiles: 1, size: [lines, samples] }],
  ])('"ignore" leaves pixels out of losses, centers and metrics of %s, too', async (name, loose, images) => {
    const mask = await labels(`images-${name}`, [{ id: 7, use: 'ignore' }])
    const trained = async (behind: boolean, batch: Record<string, unknown>) => {
      const pipeline = deepSVDD({ batch, optimizer: { name: 'adamw', lr: 0.02 } }, ({ nodes, connections }) => {
        if (!behind) return
        nodes.extra = { type: 'Through' }
        connections.splice(0, 1, ['cube.cube', 'extra.data'], ['extra.out', 'encoder.data'])
      })
      const out = join(folder, `${name}-${behind}`)
      const report = await fitPipeline(request(pipeline, [cube], out, { masks: [mask] }), observed())
      return { epochs: (JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as RunRecord).epochs, report }
    }
    const [expected, found] = [await trained(false, loose), await trained(true, images)]
    expect(found.report.metrics!.confusion).toEqual(expected.report.metrics!.confusion)
    for (const [index, { loss, validationLoss, metrics }] of found.epochs.entries()) {
      const other = expected.epochs[index]
      expect(loss).toBeCloseTo(other.loss, 5)
      expect(validationLoss).toBeCloseTo(other.validationLoss!, 5)
      expect(metrics.auc).toBeCloseTo(other.metrics.auc, 5)
    }
  })

  it('"ignore" for every pixel of a tile leaves the tile out, and for every pixel of the validation is refused', async () => {
    const mask = await labels('lines', [{ id: 7, use: 'ignore' }])
    const all = await labels('all', [0, 2, 7].map((id) => ({ id, use: 'ignore' as const })))
    const pipeline = deepSVDD({ batch: { tiles: 2, size: [1, samples] } })
    const report = await fitPipeline(request(pipeline, [cube], join(folder, 'lines'), { masks: [mask] }), observed())
    expect(report.warnings).toContain(`1 of ${lines} tiles hold nothing but pixels of classes that are ignored and were left out of the training.`)
    const unjudged = fitPipeline(request(pipeline, [cube], join(folder, 'all'), { masks: [mask], validation: [cube], validationMasks: [all] }), observed())
    await expect(unjudged).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('Every pixel of the validation cubes') })
  })

  it('"ignore" for every class leaves nothing to fit on, and the sentence says so', async () => {
    const mask = await labels('nothing', [0, 2, 7].map((id) => ({ id, use: 'ignore' as const })))
    await expect(fitPipeline(request(rx(), [cube], join(folder, 'nothing'), { masks: [mask] }), observed())).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('a class that is ignored') })
  })
})

describe('the memory budget of a fit', () => {
  it('draws training pixels that fit into it, and says how many', async () => {
    const { warnings } = await fitPipeline(request(deepSVDD(), [cube], join(folder, 'small'), { memoryMB: 0.008 }), observed())
    const count = Math.floor(Math.floor((0.008 * 2 ** 20) / 2) / (4 * bands))
    expect(warnings).toContain(`Training draws from ${count} of ${total} valid pixels, as many as fit into 1 MB; statistics use all of them.`)
  })

  it('refuses a budget that is none', async () => {
    await expect(fitPipeline(request(rx(), [cube], join(folder, 'none'), { memoryMB: 0 }), observed())).rejects.toMatchObject({ code: 'bad-argument' })
  })
})
