import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelMessage } from '../../src/engine/onnx/messages/schema'
import { decodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { fitPipeline } from '../../src/engine/training/fit'
import { contents, observed, request, stopAfterEpoch, temporaryFolder } from './scene'
import { templates, writeTemplateScene } from './templates'

let folder: string
let cube: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeTemplateScene(folder)
})
afterAll(() => rm(folder, { recursive: true }))

const training = templates.filter(({ trains }) => trains)

describe('every template that trains', () => {
  it('is there', () => {
    expect(training.map(({ name }) => name)).toEqual(expect.arrayContaining(['channel-mixer.yaml', 'concrete-bands.yaml', 'deep-svdd.yaml']))
  })

  it.each(training)('resumes to the bytes of an uninterrupted run, in files of the format: $name', { timeout: 120_000 }, async ({ name, pipeline }) => {
    const [whole, out] = [join(folder, `${name}-whole`), join(folder, `${name}-resumed`)]
    await fitPipeline(request(pipeline, [cube], whole, { epochs: 3 }), observed())
    await fitPipeline(request(pipeline, [cube], out, { epochs: 3 }), stopAfterEpoch(1))
    await fitPipeline(request(pipeline, [cube], out, { epochs: 3, resume: true, seed: undefined }), observed())
    const [expected, found] = [await contents(whole), await contents(out)]
    expect(Object.keys(found)).toEqual(Object.keys(expected))
    // run.json holds times.
    for (const file of Object.keys(expected)) if (file !== 'run.json') expect(found[file] === expected[file], file).toBe(true)

    const read = async (file: string): Promise<ModelMessage> => decodeModelMessage(await readFile(join(whole, file)))
    const models = { inference: await read('model.onnx'), training: await read('training/training_model.onnx'), evaluation: await read('training/eval_model.onnx'), optimizer: await read('training/optimizer_model.onnx') }
    for (const { ir_version: version, opset_import: opsets } of Object.values(models)) {
      expect(Number(version)).toBe(8)
      expect(opsets?.filter(({ domain = '' }) => domain === '').map(({ version: opset }) => Number(opset))).toEqual([17])
    }
    const foreign = ({ graph }: ModelMessage) => [...new Set(graph?.node?.flatMap(({ op_type: op, domain = '' }) => (domain === '' ? [] : [`${domain}.${op ?? ''}`])))]
    expect(Object.fromEntries(Object.entries(models).map(([model, message]) => [model, foreign(message)]))).toEqual({
      inference: [], training: ['com.microsoft.InPlaceAccumulatorV2'], evaluation: [], optimizer: ['com.microsoft.AdamWOptimizer'],
    })
    // Stock runtimes find the accumulator in the file.
    expect(models.training.functions?.map(({ domain, name: op }) => `${domain ?? ''}.${op ?? ''}`)).toEqual(['com.microsoft.InPlaceAccumulatorV2'])
  })
})
