import { cp, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeSafetensors, encodeSafetensors } from '../../src/engine/files/safetensors'
import { runPipeline } from '../../src/engine/inference/run'
import type { TrainedRecord } from '../../src/engine/inference/trained-pipeline'
import { openTrainedPipeline, sha256 } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { deepSVDD, observed, request, temporaryFolder, writeScene } from '../training/scene'

let folder: string
let whole: string
let out: string
beforeAll(async () => {
  folder = await temporaryFolder()
  whole = join(folder, 'whole')
  await fitPipeline(request(deepSVDD(), [await writeScene(folder, 'scene')], whole, { epochs: 1 }), observed())
})
beforeEach(async () => {
  out = join(folder, 'copy')
  await rm(out, { recursive: true, force: true })
  await cp(whole, out, { recursive: true })
})
afterAll(() => rm(folder, { recursive: true }))

/** The one sentence with which the folder is refused. */
async function refusal(): Promise<{ code: string; message: string }> {
  const error = await openTrainedPipeline(out).then(() => null, (thrown: unknown) => thrown as { code: string; message: string })
  if (!error) throw new Error('The damaged folder was opened.')
  expect(error.message).toMatch(/^[A-Z/].*\.$/s)
  expect(error.message).not.toContain('\n')
  await expect(runPipeline({ pipelineFolder: out, data: [join(folder, 'scene.img')], masks: [], out: join(folder, 'never'), format: 'envi', device: 'cpu' }, observed())).rejects.toMatchObject({ code: error.code })
  return error
}

/** Changes a file and its hash in run.json, as somebody who wants to be believed would. */
async function forge(name: string, bytes: Uint8Array): Promise<void> {
  await writeFile(join(out, name), bytes)
  await change((record) => { record.files[name] = { bytes: bytes.length, sha256: sha256(bytes) } })
}

async function change(edit: (record: TrainedRecord) => void): Promise<void> {
  const record = JSON.parse(await readFile(join(out, 'run.json'), 'utf8')) as TrainedRecord
  edit(record)
  await writeFile(join(out, 'run.json'), JSON.stringify(record))
}

const files = ['pipeline.yaml', 'state.safetensors', 'model.onnx', 'training/training_model.onnx', 'training/eval_model.onnx', 'training/optimizer_model.onnx', 'training/checkpoint']

describe('a trained-pipeline folder', () => {
  it('opens when it is whole, also somewhere else', async () => {
    expect((await openTrainedPipeline(out)).state.size).toBeGreaterThan(4)
  })

  it.each(files)('is refused when %s is missing, cut short or changed', async (name) => {
    const bytes = await readFile(join(out, name))
    await writeFile(join(out, name), bytes.subarray(0, bytes.length >> 1))
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: `The trained pipeline ${out} is damaged: ${name} has ${bytes.length >> 1} bytes, expected ${bytes.length}; restore it from a copy, or fit again.` })
    const flipped = Buffer.from(bytes)
    flipped[bytes.length - 1] ^= 1
    await writeFile(join(out, name), flipped)
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining(`${name} is not the file that the fit wrote`) as string })
    await unlink(join(out, name))
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining(`${name} is missing`) as string })
  })

  it('is refused when run.json is missing, no JSON, of another format or lists too little', async () => {
    await writeFile(join(out, 'run.json'), '{"format": 1')
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('run.json is not JSON') as string })
    await cp(join(whole, 'run.json'), join(out, 'run.json'))
    await change((record) => { delete record.files['model.onnx'] })
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('does not list model.onnx') as string })
    await change((record) => { Object.assign(record, { data: 'none' }) })
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('lacks a proper "data"') as string })
    await change((record) => { Object.assign(record, { format: 7 }) })
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('was written in format 7, this Cuvette reads format 1') as string })
    await change((record) => { Object.assign(record, { format: 1, data: [{ path: 'x', variable: null, shape: [1, 1, 6] }], files: { '../../etc/passwd': { bytes: 1, sha256: '' } } }) })
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('lies outside') as string })
    await unlink(join(out, 'run.json'))
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('holds a fit that was not finished') as string })
    await rm(join(out, 'training'), { recursive: true })
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('is no trained pipeline') as string })
    await rm(out, { recursive: true })
    expect(await refusal()).toMatchObject({ code: 'missing-file' })
  })

  it('is refused when the state does not fit the pipeline, however well its hash fits', async () => {
    const bytes = new Uint8Array(await readFile(join(out, 'state.safetensors')))
    const { tensors } = decodeSafetensors(bytes, 'state')
    const shorter = { ...tensors, 'center._tracked_center': { type: 'float32' as const, shape: [2], data: new Float32Array(2) } }
    await forge('state.safetensors', encodeSafetensors(shorter))
    expect(await refusal()).toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('center._tracked_center is float32 [2]; the pipeline expects float32 [4]') as string })
    await forge('state.safetensors', bytes.subarray(0, 100))
    expect(await refusal()).toMatchObject({ code: 'bad-artifact' })
    await forge('state.safetensors', bytes)
    await forge('model.onnx', new TextEncoder().encode('not a model at all'))
    await expect(runPipeline({ pipelineFolder: out, data: [join(folder, 'scene.img')], masks: [], out: join(folder, 'never'), format: 'envi', device: 'cpu' }, observed())).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})
