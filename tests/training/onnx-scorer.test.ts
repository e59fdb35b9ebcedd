import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { runPipeline } from '../../src/engine/inference/run'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { randomSource } from '../../src/engine/nodes/random'
import { decodeSafetensors } from '../../src/engine/files/safetensors'
import { Graph } from '../../src/engine/onnx/graph'
import { encodeModel } from '../../src/engine/onnx/model'
import { fitPipeline } from '../../src/engine/training/fit'
import { scorerFile, SMALL_SCORER } from '../onnx/transformer-scorer'
import { contents, observed, request, temporaryFolder, writeScene } from './scene'

const SIZE = SMALL_SCORER.size
const BANDS = 8
const PLANTED = [1, 4, 6]

let folder: string
let cube: string
beforeEach(async () => {
  folder = await temporaryFolder()
  const random = randomSource(5, 'planted')
  const mask = Uint8Array.from({ length: SIZE * SIZE }, (_, pixel) => Number(Math.floor(pixel / SIZE) >= 6 && Math.floor(pixel / SIZE) < 10 && pixel % SIZE >= 4 && pixel % SIZE < 8))
  // Every band has bright pixels: the planted bands where the anomaly is, the others somewhere else.
  const pixels = new Float32Array(SIZE * SIZE * BANDS)
  for (let index = 0; index < pixels.length; index += 1) {
    const pixel = Math.floor(index / BANDS)
    const band = index % BANDS
    const shifted = (pixel + SIZE * 8 + 6 + band) % (SIZE * SIZE)
    const bright = mask[PLANTED.includes(band) ? pixel : shifted] === 1
    pixels[index] = (bright ? 0.9 : 0.3) + 0.05 * random.normal()
  }
  cube = await writeScene(folder, 'planted', pixels, [SIZE, SIZE, BANDS], mask)
  await mkdir(join(folder, 'documents'))
  await writeFile(join(folder, 'documents', 'scorer.onnx'), scorerFile())
})
afterEach(() => rm(folder, { recursive: true }))

function selector(trainer: Record<string, unknown> = {}, model = 'scorer.onnx'): { text: string; path: string } {
  return {
    path: join(folder, 'documents', 'selector.yaml'),
    text: JSON.stringify({
      nodes: {
        cube: { type: 'Cube' },
        selector: { type: 'ConcreteBandSelector', config: { output_channels: 3, max_epochs: 150, tau_start: 5, tau_end: 0.3 } },
        scorer: { type: 'OnnxModel', config: { model } },
        iou: { type: 'IoULoss', config: { normalize_method: 'minmax' } },
        distinctness: { type: 'DistinctnessLoss', config: { weight: 0.5 } },
        decider: { type: 'QuantileBinaryDecider', config: { quantile: 0.93 } },
        metrics: { type: 'AnomalyDetectionMetrics' },
      },
      connections: [
        ['cube.cube', 'selector.data'], ['selector.rgb', 'scorer.data'], ['scorer.scores', 'iou.predictions'], ['cube.mask', 'iou.targets'],
        ['selector.selection_weights', 'distinctness.selection_weights'], ['scorer.scores', 'decider.logits'],
        ['decider.decisions', 'metrics.decisions'], ['scorer.scores', 'metrics.logits'], ['cube.mask', 'metrics.targets'],
      ],
      trainer: { epochs: 150, batch: { frames: 1 }, optimizer: { name: 'adamw', lr: 0.1, weight_decay: 0 }, unfreeze: ['selector'], ...trainer },
    }),
  }
}

/** Band with the largest weight of each channel. */
async function chosenBands(out: string): Promise<number[]> {
  const { tensors } = decodeSafetensors(new Uint8Array(await readFile(join(out, 'state.safetensors'))), 'state')
  const [logits] = Object.values(tensors)
  const rows = Array.from({ length: logits.shape[0] }, (_, row) => Array.from((logits.data as Float32Array).subarray(row * BANDS, (row + 1) * BANDS)))
  return rows.map((row) => row.indexOf(Math.max(...row))).sort()
}

describe('training through a transformer scorer', () => {
  it('finds the planted bands, and the folder needs nothing outside of it', async () => {
    const out = join(folder, 'out')
    const report = await fitPipeline(request(selector(), [cube], out), observed())
    expect(await chosenBands(out)).toEqual(PLANTED)
    expect(report.metrics?.auc).toBeGreaterThan(0.99)
    expect(report.files).toContain('models/scorer.onnx')
    expect(Object.keys(await contents(out)).sort()).toEqual([...report.files].sort())

    await rm(join(folder, 'documents'), { recursive: true })
    const { pipeline } = await openTrainedPipeline(out)
    expect(pipeline.nodes.find(({ name }) => name === 'scorer')?.parameters.model).toBe('models/scorer.onnx')
    const run = await runPipeline({ pipelineFolder: out, data: [cube], masks: [], out: join(folder, 'run'), format: 'npy', device: 'cpu' }, observed())
    expect(run.cubes[0].metrics?.auc).toBeGreaterThan(0.99)
    const exported = await exportPipeline({ pipelineFolder: out, to: 'folder', out: join(folder, 'copy') }, observed())
    expect(exported.files).toContain('models/scorer.onnx')
    const onnx = await exportPipeline({ pipelineFolder: out, to: 'onnx', out: join(folder, 'whole.onnx') }, observed())
    expect(onnx.verified.maxDifference).toBeLessThan(1e-5)
  }, 30_000)

  it('resumes with the model that it was trained with, and with no other', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(selector({ epochs: 4 }), [cube], join(folder, 'whole')), observed())
    await fitPipeline(request(selector({ epochs: 2 }), [cube], out), observed())
    await fitPipeline(request(selector({ epochs: 2 }), [cube], out, { resume: true, epochs: 4 }), observed())
    expect(await readFile(join(out, 'state.safetensors'))).toEqual(await readFile(join(folder, 'whole', 'state.safetensors')))
    await writeFile(join(folder, 'documents', 'scorer.onnx'), scorerFile({ ...SMALL_SCORER, seed: 12 }))
    await expect(fitPipeline(request(selector({ epochs: 2 }), [cube], out, { resume: true, epochs: 5 }), observed())).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('was made with other nodes or settings') as string })
  }, 30_000)

  it('takes no model from outside of a trained folder', async () => {
    const out = join(folder, 'out')
    await fitPipeline(request(selector({ epochs: 1 }), [cube], out), observed())
    const text = (await readFile(join(out, 'pipeline.yaml'), 'utf8')).replace('models/scorer.onnx', '../documents/scorer.onnx')
    const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as { files: Record<string, { bytes: number; sha256: string }> }
    record.files['pipeline.yaml'] = { bytes: Buffer.byteLength(text), sha256: createHash('sha256').update(text).digest('hex') }
    await writeFile(join(out, 'pipeline.yaml'), text)
    await writeFile(join(out, 'run.json'), JSON.stringify(record))
    await expect(openTrainedPipeline(out)).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('names the file ../documents/scorer.onnx, which the trained pipeline does not list') as string })
  })
})

describe('what cannot be trained through is said before anything is read', () => {
  const refusal = async (bytes: Uint8Array | null): Promise<unknown> => {
    const path = join(folder, 'documents', 'other.onnx')
    if (bytes) await writeFile(path, bytes)
    const out = join(folder, 'refused')
    const context = observed()
    const error = await fitPipeline(request(selector({}, 'other.onnx'), [cube], out), context).then(() => null, (reason: unknown) => reason)
    expect(context.told.filter(({ kind }) => kind === 'stage')).toEqual([])
    expect(await contents(out)).toEqual({})
    return error
  }

  it('a missing file', async () => {
    expect(await refusal(null)).toMatchObject({ code: 'missing-file', message: expect.stringMatching(/^The node scorer \(OnnxModel\): There is no model at .*other\.onnx; export the scorer to ONNX/) as string })
  })

  it('a file that is no model', async () => {
    expect(await refusal(new TextEncoder().encode('no model at all'))).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('ONNX model') as string })
  })

  it('another number of channels', async () => {
    expect(await refusal(scorerFile({ ...SMALL_SCORER, channels: 4 }))).toMatchObject({ code: 'bad-pipeline', message: expect.stringContaining('takes 4 channels at its input image [batch, 4, 16, 16], but 3 arrive') as string })
  })

  it('operators without a gradient, every one of them with where it sits', async () => {
    const graph = new Graph()
    const image = graph.input('image', 'float32', ['batch', 3, 16, 16])
    const wrapped = graph.op('Mod', [image, graph.scalar(2)], { fmod: 1 }, { name: 'wrap' })
    const again = graph.op('Mod', [graph.op('Exp', [wrapped]), graph.scalar(3)], { fmod: 1 }, { name: 'again' })
    graph.output('scores', graph.op('ReduceMean', [again], { axes: [1], keepdims: 1 }))
    expect(await refusal(encodeModel(graph))).toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^2 operators have no gradient in this version.*Mod at scorer\/model\/wrap_1 .*Mod at scorer\/model\/again_3 /) as string,
    })
  })
})
