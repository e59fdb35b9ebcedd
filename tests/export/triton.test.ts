import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { tritonName } from '../../src/engine/export/triton'
import { decodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { openSession } from '../../src/engine/onnx/session'
import { fitPipeline } from '../../src/engine/training/fit'
import type { ExportRequest } from '../../src/shared/reports'
import { fittedScene } from '../training/fitted-scene'
import { contents, deepSVDD, observed, request, scenePixels, SHAPE } from '../training/scene'
import type { PbtxtMessage } from './pbtxt'
import { parsePbtxt } from './pbtxt'

let folder: string
let cube: string
let fitted: string
let out: string
beforeAll(async () => {
  const pipeline = deepSVDD()
  ;({ folder, cube, fitted } = await fittedScene({ ...pipeline, text: pipeline.text.replace('{', '{"name":"Anlage 3: Körner",') }, { epochs: 1 }))
})
beforeEach(async () => {
  out = join(folder, 'repository')
  await rm(out, { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const exported = (more: Partial<ExportRequest> = {}) => exportPipeline({ pipelineFolder: fitted, to: 'triton', out, ...more }, observed())
const configOf = async (name: string): Promise<PbtxtMessage> => parsePbtxt(await readFile(join(out, name, 'config.pbtxt'), 'utf8'))

const TYPES: Record<string, string> = { float32: 'TYPE_FP32', bool: 'TYPE_BOOL' }

/** What a configuration must say of the tensors of a model, asked of ONNX Runtime. */
async function expectedTensors(path: string, batching: boolean): Promise<{ input: object[]; output: object[] }> {
  const session = await InferenceSession.create(path)
  const settings = new Set((decodeModelMessage(await readFile(path)).graph?.initializer ?? []).map(({ name }) => name))
  const tensors = (metadata: readonly InferenceSession.ValueMetadata[]): object[] => metadata.filter(({ name }) => !settings.has(name)).map((value) => {
    if (!value.isTensor) throw new Error(`${value.name} is no tensor`)
    const dims = value.shape.map((size) => (typeof size === 'number' && size > 0 ? size : -1))
    return { name: [value.name], data_type: [TYPES[value.type]], dims: batching ? dims.slice(1) : dims }
  })
  const found = { input: tensors(session.inputMetadata), output: tensors(session.outputMetadata) }
  await session.release()
  return found
}

describe('a model repository of Triton', () => {
  it('holds a configuration that fits its model, and batches requests', async () => {
    const report = await exported()
    expect(report).toMatchObject({ to: 'triton', files: ['Anlage_3_Ko_rner/config.pbtxt', 'Anlage_3_Ko_rner/1/model.onnx'], verified: { maxDifference: 0 } })
    expect(report.warnings).toBeUndefined()
    expect(Object.keys(await contents(out))).toEqual(['Anlage_3_Ko_rner/1/model.onnx', 'Anlage_3_Ko_rner/config.pbtxt'])
    const model = join(out, 'Anlage_3_Ko_rner', '1', 'model.onnx')
    expect((await readFile(model)).equals(await readFile(join(fitted, 'model.onnx')))).toBe(true)
    const config = await configOf('Anlage_3_Ko_rner')
    expect(config).toMatchObject({ name: ['Anlage_3_Ko_rner'], backend: ['onnxruntime'], default_model_filename: ['model.onnx'], max_batch_size: [8] })
    expect(config.dynamic_batching).toEqual([{ max_queue_delay_microseconds: [500] }])
    const { input, output } = await expectedTensors(model, true)
    expect(config.input).toEqual(input)
    expect(config.output).toEqual(output)
    expect(config.input).toEqual([{ name: ['cube'], data_type: ['TYPE_FP32'], dims: [-1, -1, 6] }])
    expect(config.output).toEqual([{ name: ['scores'], data_type: ['TYPE_FP32'], dims: [-1, -1, 1] }, { name: ['decisions'], data_type: ['TYPE_BOOL'], dims: [-1, -1, 1] }])
  })

  it('runs as configured: a batch gives each image what it gives alone', async () => {
    await exported()
    const session = await openSession(new Uint8Array(await readFile(join(out, 'Anlage_3_Ko_rner', '1', 'model.onnx'))), 'cpu')
    const images = [scenePixels(1), scenePixels(2).map((value) => 2 * value)]
    const both = new Float32Array(2 * images[0].length)
    images.forEach((image, index) => both.set(image, index * image.length))
    const { scores, decisions } = await session.run({ cube: { type: 'float32', shape: [2, ...SHAPE], data: both } })
    const count = SHAPE[0] * SHAPE[1]
    for (const [index, image] of images.entries()) {
      const alone = await session.run({ cube: { type: 'float32', shape: [1, ...SHAPE], data: image } })
      expect([...(decisions.data as Uint8Array).subarray(index * count, (index + 1) * count)]).toEqual([...(alone.decisions.data as Uint8Array)])
      expect([...(scores.data as Float32Array).subarray(index * count, (index + 1) * count)]).toEqual([...(alone.scores.data as Float32Array)])
    }
    await session.release()
  })

  it('leaves every request alone where the images of a batch influence one another', async () => {
    const batchwise = join(folder, 'batchwise')
    await fitPipeline(request(deepSVDD({}, ({ nodes }) => { nodes.decider.config = { quantile: 0.98, reduce_dims: [0, 1, 2, 3] } }), [cube], batchwise, { epochs: 1 }), observed())
    const report = await exported({ pipelineFolder: batchwise })
    expect(report.warnings).toEqual([expect.stringContaining('max_batch_size: 0') as string])
    const [{ name: [name] }] = [{ name: [report.files[0].split('/')[0]] }]
    const config = await configOf(name)
    expect(config.max_batch_size).toEqual([0])
    expect(config.dynamic_batching).toBeUndefined()
    expect(config.input).toEqual([{ name: ['cube'], data_type: ['TYPE_FP32'], dims: [-1, -1, -1, 6] }])
    expect(config).toMatchObject(await expectedTensors(join(out, name, '1', 'model.onnx'), false))
  })

  it('serves further ports, and a threshold that was tuned', async () => {
    await exported({ ports: ['encoder.normalized'], threshold: 0.5 })
    const config = await configOf('Anlage_3_Ko_rner')
    expect(config.output[2]).toEqual({ name: ['encoder.normalized'], data_type: ['TYPE_FP32'], dims: [-1, -1, 6] })
    const { output } = await expectedTensors(join(out, 'Anlage_3_Ko_rner', '1', 'model.onnx'), true)
    expect(config.output).toEqual(output)
  })

  it('takes its place beside other models, and never that of one', async () => {
    await mkdir(join(out, 'other'), { recursive: true })
    await writeFile(join(out, 'other', 'config.pbtxt'), 'name: "other"')
    await exported()
    expect((await readdir(out)).sort()).toEqual(['Anlage_3_Ko_rner', 'other'])
    await expect(exported()).rejects.toMatchObject({ code: 'cannot-write', message: expect.stringContaining('exists already') as string })
    expect((await readdir(out)).sort()).toEqual(['Anlage_3_Ko_rner', 'other'])
  })

  it('names models as Triton can', () => {
    expect(tritonName('deep-svdd')).toBe('deep-svdd')
    expect(tritonName('../evil name')).toBe('evil_name')
    expect(tritonName('…')).toBe('pipeline')
  })
})
