import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeNamedMask } from '../../src/engine/cube/named-mask'
import { openCube } from '../../src/engine/cube'
import { exportPipeline } from '../../src/engine/export/export'
import { runPipeline } from '../../src/engine/inference/run'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { inspectForFit } from '../../src/engine/training/inspect'
import type { FitRequest } from '../../src/shared/reports'
import { problemOf } from '../cube/support/temporary'
import { ANOMALIES, observed, request, scenePixels, SHAPE, temporaryFolder, writeScene } from './scene'

// Where a target comes from, what the fit keeps of it, and that the trained pipeline needs nothing else.

let folder: string
let cube: string
let out: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  out = join(folder, 'out')
})
afterEach(() => rm(folder, { recursive: true }))

const [LINES, SAMPLES, BANDS] = SHAPE
const pixels = scenePixels()
const spectrumAt = (pixel: number): number[] => Array.from(pixels.subarray(pixel * BANDS, (pixel + 1) * BANDS))
const meanAt = (places: readonly number[]): number[] => Array.from({ length: BANDS }, (_, band) => places.reduce((sum, pixel) => sum + pixels[pixel * BANDS + band], 0) / places.length)
/** What was planted, without noise. */
const PLANTED = Array.from({ length: BANDS }, (_, band) => 55 + (band % 2 === 0 ? 30 : -30))

interface Change {
  type?: 'MatchedFilter' | 'SpectralAngleMapper'
  config?: Record<string, unknown>
  before?: Record<string, { type: string; config?: Record<string, unknown> }>
  trainer?: Record<string, unknown>
  cube?: Record<string, unknown>
}

function pipeline(target: unknown, { type = 'MatchedFilter', config = {}, before = {}, trainer, cube: source = {} }: Change = {}): FitRequest['pipeline'] {
  const [name] = Object.keys(before)
  const port = type === 'MatchedFilter' ? 'data' : 'cube'
  const text = JSON.stringify({
    nodes: { cube: { type: 'Cube', config: source }, ...before, detector: { type, config: { ...(target !== undefined && { target }), ...(type === 'SpectralAngleMapper' && { best: 'negative_angle' }), ...config } }, decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.99 } } },
    connections: [...(name ? [['cube.cube', `${name}.data`], [`${name}.${name === 'bandpass' ? 'filtered' : 'normalized'}`, `detector.${port}`]] : [['cube.cube', `detector.${port}`]]), ['detector.best_scores', 'decider.logits']],
    ...(trainer && { trainer }),
  })
  return { text, path: join(folder, 'documents', 'pipeline.yaml') }
}

const fit = (target: unknown, change: Change = {}, more: Partial<FitRequest> = {}) => fitPipeline(request(pipeline(target, change), [cube], out, more), observed())
const kept = async (): Promise<number[]> => Array.from((await openTrainedPipeline(out)).state.get('detector.target')?.data as Float32Array)
const close = (values: readonly number[], digits = 4) => values.map((value) => expect.closeTo(value, digits) as number)

async function library(text: string, name = 'field.csv'): Promise<string> {
  await mkdir(join(folder, 'documents'), { recursive: true })
  await writeFile(join(folder, 'documents', name), text)
  return name
}

const table = (spectra: Record<string, number[]>, from = 450, step = 50): string =>
  `wavelength (nm),${Object.keys(spectra).join(',')}\n${Object.values(spectra)[0].map((_, at) => [from + step * at, ...Object.values(spectra).map((spectrum) => spectrum[at])].join(',')).join('\n')}\n`

describe('a target', () => {
  it.each(['MatchedFilter', 'SpectralAngleMapper'] as const)('%s finds what was planted, from an entry of a library', async (type) => {
    await library(table({ other: [1, 2, 3, 4, 5, 6], planted: PLANTED }))
    const report = await fit({ library: 'field.csv', entry: 'planted' }, { type })
    expect(report.metrics?.auc).toBe(1)
    expect(await kept()).toEqual(close(PLANTED))
    const { record } = await openTrainedPipeline(out)
    expect(record.targets).toEqual([{ node: 'detector', name: 'planted', target: { library: 'field.csv', entry: 'planted' }, file: { path: join(folder, 'documents', 'field.csv'), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string } }])

    // Neither the library nor the document is needed any more.
    await rename(join(folder, 'documents'), join(folder, 'elsewhere'))
    await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'run'), format: 'npy', device: 'cpu' }, observed())
    const scores = await openCube(join(folder, 'run', 'scene_scores.npy'), { mask: false })
    const values = await scores.readPixels({ line: 0, sample: 0, lines: LINES, samples: SAMPLES })
    await scores.close()
    const largest = Array.from(values.keys()).sort((a, b) => values[b] - values[a]).slice(0, ANOMALIES.length)
    expect(largest.sort((a, b) => a - b)).toEqual(ANOMALIES)
    const exported = await exportPipeline({ pipelineFolder: out, to: 'onnx', out: join(folder, 'exported') }, observed())
    expect(exported.verified.maxDifference).toBeLessThanOrEqual(exported.verified.tolerance)
  })

  it.each([
    ['a pixel', { pixel: [2, 5] }, () => spectrumAt(45)],
    ['a rectangle', { rectangle: [2, 5, 1, 2] }, () => meanAt([45, 46])],
    ['a polygon', { polygon: [[2, 5], [2, 7], [3, 7], [3, 5]] }, () => meanAt([45, 46])],
    ['a class by its id', { class: 2 }, () => meanAt(ANOMALIES)],
    ['a listed spectrum', { spectrum: PLANTED }, () => PLANTED],
  ] as [string, object, () => number[]][])('is %s', async (_, target, expected) => {
    const report = await fit(target)
    expect(await kept()).toEqual(close(expected()))
    expect(report.metrics?.auc).toBeGreaterThan(0.99)
  })

  it('is a class by its name', async () => {
    const named = join(folder, 'scene.mask.json')
    await writeNamedMask(named, join(folder, 'scene_mask.hdr'), [{ id: 2, name: 'Weed' }])
    await fit({ class: 'weed' }, {}, { masks: [named] })
    expect(await kept()).toEqual(close(meanAt(ANOMALIES)))
  })

  it('is one of several, which the identity tells apart', async () => {
    await fit({ left: { pixel: [0, 0] }, right: { pixel: [0, 19] } }, { type: 'SpectralAngleMapper' })
    const { pipeline: { nodes }, state } = await openTrainedPipeline(out)
    expect(nodes.find(({ name }) => name === 'detector')?.parameters.target).toEqual({ left: { pixel: [0, 0] }, right: { pixel: [0, 19] } })
    expect(state.get('detector.target')?.shape).toEqual([2, BANDS])
  })

  it('goes through the nodes before the detector, and past bands that are left out', async () => {
    await library(table({ planted: PLANTED }))
    const target = { library: 'field.csv', entry: 1 }
    await fit(target, { before: { bandpass: { type: 'BandpassByWavelength', config: { min_wavelength_nm: 500, max_wavelength_nm: 650 } } } })
    expect(await kept()).toEqual(close(PLANTED.slice(1, 5)))
    await fit(target, { cube: { drop_bands: [0, 3] } })
    expect(await kept()).toEqual(close([1, 2, 4, 5].map((band) => PLANTED[band])))
    await fit({ pixel: [2, 5] }, { before: { scaled: { type: 'ZScoreNormalizerGlobal' } } })
    const { state } = await openTrainedPipeline(out)
    const [mean, std] = [...state].filter(([name]) => name.startsWith('scaled.')).map(([, { data }]) => data as Float32Array)
    expect(await kept()).toEqual(close(spectrumAt(45).map((value, band) => (value - mean[band]) / std[band]), 3))
  })

  it('is multiplied by the scale that the cube states', async () => {
    const scaled = join(folder, 'scene.hdr')
    await writeFile(scaled, `${await readFile(scaled, 'utf8')}reflectance scale factor = 100\n`)
    await library(table({ planted: PLANTED.map((value) => value / 100) }))
    await fit({ library: 'field.csv', entry: 'planted' })
    expect(await kept()).toEqual(close(PLANTED))
    expect((await openTrainedPipeline(out)).record.targets).toMatchObject([{ name: 'planted', factor: 100 }])
  })

  it('is read anew when a fit starts from a trained pipeline', async () => {
    await fit({ pixel: [2, 5] })
    const second = join(folder, 'second')
    const report = await fitPipeline(request(pipeline({ pixel: [0, 0] }), [cube], second, { from: out }), observed())
    expect(report.from?.taken).toEqual(['detector'])
    expect(Array.from((await openTrainedPipeline(second)).state.get('detector.target')?.data as Float32Array)).toEqual(spectrumAt(0))
  })

  it('comes from the first of several cubes, and a class from all', async () => {
    const other = await writeScene(folder, 'other', scenePixels(5))
    await fitPipeline(request(pipeline({ a: { pixel: [2, 5] }, b: { class: 2 } }), [cube, other], out), observed())
    const values = await kept()
    expect(values.slice(0, BANDS)).toEqual(spectrumAt(45))
    const second = scenePixels(5)
    expect(values.slice(BANDS)).toEqual(close(Array.from({ length: BANDS }, (_, band) => ANOMALIES.reduce((sum, pixel) => sum + pixels[pixel * BANDS + band] + second[pixel * BANDS + band], 0) / (2 * ANOMALIES.length))))
  })
})

describe('a target that cannot be used', () => {
  const refused = async (target: unknown, change: Change = {}, more: Partial<FitRequest> = {}) => {
    const problem = await problemOf(() => fit(target, change, more))
    // Nothing is written before everything is checked.
    expect(await readFile(join(out, 'pipeline.yaml'), 'utf8').catch(() => null)).toBeNull()
    return problem
  }

  it.each([
    [undefined, 'bad-pipeline', 'The node detector (MatchedFilter) has nothing to look for; state a target, such as {library: minerals.sli, entry: Kaolinite} or {pixel: [line, sample]}.'],
    [{ pixel: [18, 0] }, 'bad-argument', 'The target pixel 18, 0 of the node detector (MatchedFilter): The pixel at line 18, sample 0 is outside {cube}, which has 18 lines and 20 samples, numbered from 0.'],
    [{ rectangle: [10, 10, 9, 2] }, 'bad-argument', 'The target rectangle of the node detector (MatchedFilter): The rectangle of 9 lines and 2 samples at line 10, sample 10 is outside {cube}, which has 18 lines and 20 samples, numbered from 0.'],
    [{ polygon: [[0, 0], [0, 21], [3, 3]] }, 'bad-argument', 'The target polygon of the node detector (MatchedFilter): The corner of the polygon at line 0, sample 21 is outside {cube}, which has 18 lines and 20 samples, numbered from 0.'],
    [{ polygon: [[0, 0], [0, 0.2], [0.2, 0]] }, 'bad-argument', 'The target polygon of the node detector (MatchedFilter): The polygon holds the centre of no pixel of {cube}; draw it larger.'],
    [{ class: 9 }, 'bad-data', 'The target class 9 of the node detector (MatchedFilter): The mask has no pixel of the class 9; it has the classes 0, 2.'],
    [{ spectrum: [1, 2] }, 'bad-pipeline', 'The target spectrum of the node detector (MatchedFilter): The spectrum has 2 numbers, but {cube} has 6 bands; list one number for each band.'],
    [{ library: 'none.csv', entry: 1 }, 'missing-file', 'The target entry 1 of the node detector (MatchedFilter): There is no file {documents}/none.csv; check the path.'],
    [{ library: 'field.csv', entry: 'soil' }, 'bad-argument', 'The target soil of the node detector (MatchedFilter): {documents}/field.csv holds no spectrum called "soil"; it holds grass.'],
    [{ library: 'field.csv', entry: 'grass' }, 'bad-data', 'The target grass of the node detector (MatchedFilter) cannot be used: the entry grass of field.csv says nothing of 2 of the bands: 4 (650 nm), 5 (700 nm); leave these bands out (drop_bands of the Cube node, or BandpassByWavelength), or choose another target.'],
  ] as [unknown, string, string][])('%j', async (target, code, message) => {
    await library(table({ grass: [1, 2, 3, 4] }))
    expect(await refused(target)).toMatchObject({ code, where: 'nodes.detector', message: message.replace('{cube}', cube).replace('{documents}', join(folder, 'documents')) })
  })

  it('is a class without a mask', async () => {
    expect((await refused({ class: 2 }, {}, { masks: [null] })).message).toContain('scene.img has no mask, so there is no class 2; name a mask, or another target.')
  })

  it('stands behind a node that looks at images, or that trains', async () => {
    const before = { smooth: { type: 'ZScoreNormalizer' } }
    expect((await refused({ pixel: [0, 0] }, { before })).message).toContain('but a node before it looks at whole images, which a single spectrum is not')
    const trained = { type: 'MatchedFilter' as const, before: { normalized: { type: 'ZScoreNormalizerGlobal' } }, trainer: { epochs: 1, unfreeze: ['normalized'] } }
    const text = JSON.parse(pipeline({ pixel: [0, 0] }, trained).text) as { nodes: Record<string, unknown>; connections: string[][] }
    text.nodes.loss = { type: 'DistinctnessLoss' }
    text.nodes.bands = { type: 'ConcreteBandSelector', config: { output_channels: 3 } }
    text.connections.push(['cube.cube', 'bands.data'], ['bands.selection_weights', 'loss.selection_weights'])
    const problem = await problemOf(() => fitPipeline(request({ text: JSON.stringify(text), path: join(folder, 'a.yaml') }, [cube], out), observed()))
    expect(problem.message).toContain('has targets, but normalized before it trains and would change what they look like')
  })

  it('lies in a library that may not be read', async () => {
    await library(table({ grass: PLANTED }))
    const other = await temporaryFolder()
    await writeFile(join(other, 'secret.csv'), table({ grass: PLANTED }))
    const problem = await refused({ library: join(other, 'secret.csv'), entry: 1 }, {}, { modelFolders: [folder] })
    expect(problem).toMatchObject({ code: 'not-granted', message: expect.stringContaining('names the spectral library') as string })
    await fit({ library: join(other, 'secret.csv'), entry: 1 }, {}, { modelFolders: [join(other, 'secret.csv')] })
    expect(await kept()).toEqual(close(PLANTED))
    await rm(other, { recursive: true })
  })

  it('is said before the fit, on its node', async () => {
    await library(table({ grass: [1, 2, 3, 4] }))
    const opened = await openCube(cube, { mask: false })
    const inspect = async (target: unknown) => {
      const { text, path } = pipeline(target)
      const { problems, nodes } = await inspectForFit(text, path, opened, null)
      expect(nodes.find(({ name }) => name === 'detector')?.problems).toEqual(problems)
      return problems.map(({ message }) => message)
    }
    expect(await inspect({ library: 'field.csv', entry: 'grass' })).toEqual([expect.stringContaining('says nothing of 2 of the bands')])
    expect(await inspect({ library: 'gone.csv', entry: 1 })).toEqual([expect.stringContaining('There is no file')])
    expect(await inspect({ rectangle: [10, 10, 9, 2] })).toEqual([expect.stringContaining('is outside')])
    expect(await inspect(undefined)).toEqual([expect.stringContaining('has nothing to look for')])
    expect(await inspect({ class: 77 })).toEqual([])
    expect(await inspect({ pixel: [1, 1] })).toEqual([])
    await opened.close()
  })
})
