import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeEnvi } from '../../src/engine/cube/writers/envi'
import { browseHandlers } from '../../src/engine/process/browse'
import type { EngineCalls } from '../../src/shared/engine-contract'
import { CuvetteError } from '../../src/shared/problem'
import type { FitReport, FitRequest } from '../../src/shared/reports'
import { fitPipeline } from '../../src/engine/training/fit'
import { scorerFile, SMALL_SCORER } from '../onnx/transformer-scorer'
import type { Bench, FakeContext, FakeHandlers } from './fake-host'
import { description, startBench, temporaryFolder, until } from './fake-host'

// Models that documents name, in checks and fits of the workbench. The engine answers checks and fits for real.

const SIZE = SMALL_SCORER.size
const BANDS = 6

const document = (model: string, more: Record<string, unknown> = {}): string => JSON.stringify({
  name: 'Scorer',
  nodes: {
    cube: { type: 'Cube' }, bands: { type: 'ConcreteBandSelector', config: { output_channels: 3, max_epochs: 1 } }, scorer: { type: 'OnnxModel', config: { model, ...more } },
    loss: { type: 'IoULoss' },
  },
  connections: [['cube.cube', 'bands.data'], ['bands.rgb', 'scorer.data'], ['scorer.scores', 'loss.predictions'], ['cube.mask', 'loss.targets']],
  trainer: { epochs: 1, unfreeze: ['bands'] },
})

interface ModelBench extends Bench {
  cubeId: string
  fits: FitRequest[]
  pipelines: string
}

async function startModelBench(models: (root: string) => Record<string, string>): Promise<ModelBench> {
  const root = await temporaryFolder()
  const pixels = Float32Array.from({ length: SIZE * SIZE * BANDS }, (_, index) => ((index * 37) % 101) / 101)
  const mask = Uint8Array.from({ length: SIZE * SIZE }, (_, pixel) => Number(pixel % 7 === 0))
  await mkdir(join(root, 'data'))
  const cube = join(root, 'data', 'scene.img')
  await writeEnvi(cube, { lines: SIZE, samples: SIZE, bands: BANDS, dataType: 'float32', values: pixels, header: {} })
  await writeEnvi(join(root, 'data', 'scene_mask.img'), { lines: SIZE, samples: SIZE, bands: 1, dataType: 'uint8', values: mask })
  const real = browseHandlers()
  const fits: FitRequest[] = []
  const shape: [number, number, number] = [SIZE, SIZE, BANDS]
  const handlers = {
    'cube.describe': ({ reference }: { reference: string }) => description(reference, reference === cube ? { shape, wavelengths: null } : {}),
    'pipeline.check': (args: EngineCalls['pipeline.check']['args'], { signal, progress }: FakeContext) => real['pipeline.check']!(args, { signal, onProgress: progress }),
    'pipeline.describe': (args: EngineCalls['pipeline.describe']['args'], { signal, progress }: FakeContext) => real['pipeline.describe']!(args, { signal, onProgress: progress }),
    fit: async (request: FitRequest, { signal, progress }: FakeContext): Promise<FitReport> => {
      fits.push(request)
      return await fitPipeline({ ...request, masks: [] }, { signal, onProgress: progress })
    },
    run: () => {
      throw new CuvetteError('bad-data', 'Scores are not looked at here.')
    },
  }
  const bench = await startBench({ root, handlers: handlers as unknown as FakeHandlers })
  const { folder } = (await bench.call('session.info', {})).project
  const pipelines = join(folder, 'pipelines')
  await mkdir(join(pipelines, 'models'), { recursive: true })
  await mkdir(join(root, 'elsewhere'), { recursive: true })
  for (const place of [pipelines, join(pipelines, 'models'), join(root, 'elsewhere')]) await writeFile(join(place, 'scorer.onnx'), scorerFile())
  for (const [name, text] of Object.entries(models(root))) await writeFile(join(pipelines, `${name}.yaml`), text)
  await bench.workbench.grantPaths([cube])
  return { ...bench, cubeId: (await bench.call('cubes.open', { path: cube })).id, fits, pipelines }
}

async function fitted(bench: ModelBench, pipelineId: string) {
  const { jobId } = await bench.call('runs.start', { pipelineId, cubeId: bench.cubeId, epochs: null, seed: 1, learningRate: null, device: 'cpu' })
  await until(() => bench.events.some((event) => event.name === 'job' && event.value.id === jobId && ['finished', 'failed', 'stopped'].includes(event.value.status)))
  return (await bench.call('runs.list', {})).find(({ pipelineId: id }) => id === pipelineId)!
}

describe('models of documents in the workbench', () => {
  it('are read by the live check beside the document, and what is wrong with them is said', async () => {
    const bench = await startModelBench(() => ({ beside: document('models/scorer.onnx') }))
    const { cubeId } = bench
    const check = async (text: string, pipelineId: string | null, cube: string | null = cubeId) => (await bench.call('pipelines.check', { text, cubeId: cube, pipelineId })).problems.map(({ message }) => message)
    expect(await check(document('models/scorer.onnx'), 'project:beside')).toEqual([])
    // A document that was not saved yet is one of the project.
    expect(await check(document('scorer.onnx'), null)).toEqual([])
    expect(await check(document('scorer.onnx'), null, null)).toEqual([])
    expect(await check(document('scorer.onnx', { output: 'gone' }), 'project:beside', null)).toEqual([expect.stringMatching(/The model .*scorer\.onnx has no output gone; it has scores\.$/)])
    await writeFile(join(bench.pipelines, 'four.onnx'), scorerFile({ ...SMALL_SCORER, channels: 4 }))
    expect(await check(document('four.onnx'), 'project:beside')).toEqual([expect.stringContaining('takes 4 channels at its input image [batch, 4, 16, 16], but 3 arrive')])
    expect(await check(document('none.onnx'), 'project:beside')).toEqual([expect.stringContaining(`There is no model at ${join(bench.pipelines, 'none.onnx')}`)])
  })

  it('are refused elsewhere by checks and fits alike, until the folder is opened', async () => {
    const bench = await startModelBench((root) => ({ outside: document(join(root, 'elsewhere', 'scorer.onnx')) }))
    const path = join(bench.root, 'elsewhere', 'scorer.onnx')
    const sentence = `The node scorer (OnnxModel) names the model ${path}, which lies neither beside the document in ${bench.pipelines} nor in a folder that was opened; put it beside the document, or open its folder.`
    const check = async () => (await bench.call('pipelines.check', { text: document(path), cubeId: bench.cubeId, pipelineId: 'project:outside' })).problems.map(({ message }) => message)
    expect(await check()).toEqual([sentence])
    expect(await fitted(bench, 'project:outside')).toMatchObject({ status: 'failed', problem: { code: 'not-granted', message: sentence } })
    await bench.workbench.grantPaths([join(bench.root, 'elsewhere')])
    expect(await check()).toEqual([])
    const { runId } = await bench.call('runs.resume', { runId: (await bench.call('runs.list', {}))[0].id })
    await until(() => bench.events.findLast((event) => event.name === 'run' && event.value.id === runId)?.value !== undefined && bench.fits.length === 2)
    await until(() => bench.events.some((event) => event.name === 'run' && event.value.id === runId && (event.value as { fit: FitReport | null }).fit !== null))
  })

  it('are read in fits beside the document, for templates beside theirs', async () => {
    const bench = await startModelBench(() => ({ beside: document('scorer.onnx') }))
    expect((await fitted(bench, 'project:beside')).fit).toMatchObject({ stopped: false })
    expect(bench.fits[0].pipeline.path).toBe(join(bench.pipelines, 'beside.yaml'))
    const templates = join(bench.root, 'resources', 'pipelines')
    await mkdir(join(bench.root, 'resources', 'models'))
    await copyFile(join(bench.pipelines, 'scorer.onnx'), join(bench.root, 'resources', 'models', 'scorer.onnx'))
    await writeFile(join(templates, 'scorer.yaml'), document('../models/scorer.onnx'))
    expect((await fitted(bench, 'template:scorer')).fit).toMatchObject({ stopped: false })
    expect(bench.fits[1].pipeline.path).toBe(join(templates, 'scorer.yaml'))
  })
})
