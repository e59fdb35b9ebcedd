import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { exportPipeline } from '../../src/engine/export/export'
import { encodeModelMessage } from '../../src/engine/onnx/messages/schema'
import { decodeCheckpoint, readCheckpoint } from '../../src/engine/training/checkpoint'
import { fitPipeline } from '../../src/engine/training/fit'
import { trainArtifacts } from '../../src/engine/training/given-artifacts'
import type { ArtifactsRequest } from '../../src/shared/reports'
import { trainingRuntime } from '../onnx/training-runtime'
import { checkpointBytes, handmadeLogistic, handmadeSVDD, optimizerModel, trainingModel, writeHandmade } from './handmade-artifacts'
import type { Handmade } from './handmade-artifacts'
import { contents, deepSVDD, observed, request, sceneMask, scenePixels, SHAPE, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

const BANDS = SHAPE[2]
const PIXELS = SHAPE[0] * SHAPE[1]

let folder: string
let cube: string
let svdd: string
let logistic: string
let out: string
beforeAll(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  svdd = await writeHandmade(join(folder, 'svdd'), handmadeSVDD(BANDS))
  logistic = await writeHandmade(join(folder, 'logistic'), handmadeLogistic(BANDS))
})
beforeEach(async () => {
  out = join(folder, 'new', 'trained')
  await rm(join(folder, 'new'), { recursive: true, force: true })
})
afterAll(() => rm(folder, { recursive: true }))

const asked = (more: Partial<ArtifactsRequest> = {}): ArtifactsRequest => ({ artifacts: svdd, data: [cube], masks: [], validation: [], out, epochs: 3, seed: 5, batch: PIXELS, inputs: { radius_sq: 1.5 }, device: 'cpu', ...more })
const train = (more: Partial<ArtifactsRequest> = {}, context = observed()) => trainArtifacts(asked(more), context)

/** The same steps, each of all pixels, in the real training runtime. */
async function inTrainingRuntime(set: Handmade, artifacts: string, feeds: Record<string, [Float32Array, number[]]>, steps: number) {
  const ort = await trainingRuntime()
  const [trainModel, evalModel, optimizerModel, checkpointState] = await Promise.all(['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'].map(async (name) => new Uint8Array(await readFile(join(artifacts, name)))))
  const session = await ort.TrainingSession.create({ checkpointState, trainModel, evalModel, optimizerModel })
  expect([...session.trainingInputNames]).toEqual(set.inputs.map(([name]) => name))
  const given = Object.fromEntries(set.inputs.map(([name]) => [name, new ort.Tensor('float32', ...feeds[name])]))
  const losses: number[] = []
  for (let step = 0; step < steps; step += 1) {
    losses.push((await session.runTrainStep(given))[session.trainingOutputNames[0]].data[0])
    await session.runOptimizerStep()
    await session.lazyResetGrad()
  }
  const evaluated = (await session.runEvalStep(given))[session.trainingOutputNames[0]].data[0]
  const values = (await session.getContiguousParameters(true)).data.slice()
  await session.release()
  return { losses, evaluated, values }
}

const valuesOf = async (artifacts: string): Promise<number[]> => [...(await readCheckpoint(join(artifacts, 'checkpoint'))).trainable.values()].flatMap(({ data }) => [...data])

function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length)
  return Array.from(found).reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index])), 0)
}

describe('artifacts that were written by hand', () => {
  it.each([
    { name: 'Deep SVDD with a radius and a fixed center', set: handmadeSVDD(BANDS), feeds: { x: [scenePixels(), [PIXELS, BANDS]], radius_sq: [Float32Array.of(1.5), []] } as Record<string, [Float32Array, number[]]>, inputs: { radius_sq: 1.5 } as Record<string, number>, artifacts: () => svdd },
    { name: 'a regression against the mask', set: handmadeLogistic(BANDS), feeds: { features: [scenePixels(), [PIXELS, BANDS]], labels: [Float32Array.from(sceneMask(), (id) => (id === 0 ? 0 : 1)), [PIXELS, 1]] } as Record<string, [Float32Array, number[]]>, inputs: {}, artifacts: () => logistic },
  ])('train on a cube as in the training runtime: $name', async ({ set, feeds, inputs, artifacts }) => {
    const context = observed()
    const report = await train({ artifacts: artifacts(), inputs }, context)
    const { losses, evaluated, values } = await inTrainingRuntime(set, artifacts(), feeds, 3)
    expect(report).toMatchObject({ stopped: false, seed: 5, files: ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'] })
    report.phases.gradient?.loss.forEach((loss, epoch) => expect(Math.abs(loss / losses[epoch] - 1)).toBeLessThan(1e-5))
    expect(report.phases.gradient?.loss).toHaveLength(3)
    expect(losses[2]).toBeLessThan(losses[0])
    const records = context.told.flatMap((one) => (one.kind === 'epoch' ? [one.record] : []))
    expect(Math.abs((records[2].validationLoss ?? 0) / evaluated - 1)).toBeLessThan(1e-5)
    const found = await valuesOf(out)
    expect(largestDifference(found, values)).toBeLessThan(1e-5)
    expect(largestDifference(found, await valuesOf(artifacts()))).toBeGreaterThan(1e-3)
  })

  it.each([[0, 1], [1, 1], [1, 0]])('train as in the training runtime with adam_mode %d and correct_bias %d', async (mode, correct) => {
    const set = handmadeLogistic(BANDS)
    const artifacts = await writeHandmade(join(folder, `mode-${mode}-${correct}`), set)
    // Large enough to show where each of them goes.
    await writeFile(join(artifacts, 'optimizer_model.onnx'), encodeModelMessage(optimizerModel(mode, { epsilon: 0.05, weight_decay: 20 }, correct)))
    const report = await train({ artifacts, inputs: {} })
    const { losses, values } = await inTrainingRuntime(set, artifacts, { features: [scenePixels(), [PIXELS, BANDS]], labels: [Float32Array.from(sceneMask(), (id) => (id === 0 ? 0 : 1)), [PIXELS, 1]] }, 3)
    report.phases.gradient?.loss.forEach((loss, epoch) => expect(Math.abs(loss / losses[epoch] - 1)).toBeLessThan(1e-5))
    expect(largestDifference(await valuesOf(out), values)).toBeLessThan(1e-6)
  })

  it('keep what is not trained, and their own notes', async () => {
    await train()
    const [before, after] = [await readCheckpoint(join(svdd, 'checkpoint')), await readCheckpoint(join(out, 'checkpoint'))]
    expect(after.frozen).toEqual(before.frozen)
    expect(after.properties).toMatchObject({ floats: { best_score: 0.75 }, ints: { epoch: 3, seed: 5 } })
    expect(after.optimizer).toMatchObject({ step: 3, initialLearningRate: Math.fround(0.001) })
    for (const name of ['training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx']) expect((await readFile(join(out, name))).equals(await readFile(join(svdd, name)))).toBe(true)
  })

  it('go on in their folder, to the bytes of a training without a pause', async () => {
    const paused = join(folder, 'new', 'paused')
    await train({ batch: 100, epochs: 4 })
    await train({ batch: 100, epochs: 1, out: paused })
    expect((await train({ batch: 100, epochs: 3, artifacts: paused, out: paused, seed: undefined })).phases.gradient?.epochs).toBe(3)
    expect(await contents(paused)).toEqual(await contents(out))
  })

  it('stop at the end of an epoch, and go on from there', async () => {
    await train({ batch: 100, epochs: 3 })
    const stopped = join(folder, 'new', 'stopped')
    expect(await train({ batch: 100, epochs: 3, out: stopped }, stopAfterEpoch(2))).toMatchObject({ stopped: true, phases: { gradient: { epochs: 2 } } })
    await train({ batch: 100, epochs: 1, artifacts: stopped, out: stopped })
    expect(await contents(stopped)).toEqual(await contents(out))
  })

  it('leave nothing when they are stopped before an epoch is finished', async () => {
    const stop = observed((progress, context) => { if (progress.kind === 'stage' && progress.stage === 'train') context.abort() })
    await expect(train({}, stop)).rejects.toMatchObject({ code: 'cancelled' })
    expect(existsSync(join(folder, 'new'))).toBe(false)
  })
})

describe('artifacts that this application exported', () => {
  it('train on, and moving state with them', async () => {
    const fitted = join(folder, 'fitted')
    await fitPipeline(request(deepSVDD(), [cube], fitted, { epochs: 2 }), observed())
    const exported = join(folder, 'exported')
    await exportPipeline({ pipelineFolder: fitted, to: 'ort-training', out: exported }, observed())
    const report = await train({ artifacts: exported, inputs: {}, batch: 90, seed: undefined, epochs: 2 })
    expect(report).toMatchObject({ seed: 3, files: expect.arrayContaining(['inputs.json']) as string[] })
    // Two epochs of the document's own training are the same two: batches of 90 pixels in the same order.
    const whole = join(folder, 'whole')
    await fitPipeline(request(deepSVDD(), [cube], whole, { epochs: 4 }), observed())
    const [found, expected] = [await readCheckpoint(join(out, 'checkpoint')), await readCheckpoint(join(whole, 'training', 'checkpoint'))]
    expect(found.trainable).toEqual(expected.trainable)
    expect(found.moving).toEqual(expected.moving)
    expect(found.optimizer).toEqual(expected.optimizer)
  })

  it('take noise and temperatures from inputs.json', async () => {
    const selecting = deepSVDD({ unfreeze: ['bands', 'projection'], optimizer: { name: 'adamw', lr: 0.001 } }, ({ nodes, connections }) => {
      nodes.bands = { type: 'ConcreteBandSelector', config: { output_channels: 2, max_epochs: 4 } }
      connections.splice(1, 1, ['encoder.normalized', 'bands.data'], ['bands.rgb', 'projection.data'])
    })
    const fitted = join(folder, 'selecting')
    await fitPipeline(request(selecting, [cube], fitted, { epochs: 2 }), stopAfterEpoch(1))
    const exported = join(folder, 'exported-selecting')
    await exportPipeline({ pipelineFolder: fitted, to: 'ort-training', out: exported }, observed())
    await train({ artifacts: exported, inputs: {}, batch: 90, seed: undefined, epochs: 1 })
    await fitPipeline(request(selecting, [cube], fitted, { epochs: 2, resume: true, seed: undefined }), observed())
    const [found, expected] = [await readCheckpoint(join(out, 'checkpoint')), await readCheckpoint(join(fitted, 'training', 'checkpoint'))]
    expect(found.trainable).toEqual(expected.trainable)

    await rm(join(exported, 'inputs.json'))
    await expect(train({ artifacts: exported, inputs: {}, batch: 90, epochs: 1, out: join(folder, 'new', 'other') })).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringMatching(/^The models take bands\.u, float32 \[2, 6\], and nothing says what it is; give it with --input bands\.u=NUMBER/) as string })
  })
})

describe('bad artifacts', () => {
  const refusal = async (artifacts: string, more: Partial<ArtifactsRequest> = {}): Promise<{ code: string; message: string }> => {
    const error = (await train({ artifacts, ...more }).then(() => { throw new Error('nothing was refused') }, (found: unknown) => found)) as { code: string; message: string }
    expect(existsSync(join(folder, 'new'))).toBe(false)
    return error
  }
  const damaged = (change: Parameters<typeof writeHandmade>[2]) => writeHandmade(join(folder, 'damaged'), handmadeSVDD(BANDS), change)

  it.each([
    { what: 'a custom operator', change: { training: ({ graph }) => { (graph?.node ?? [])[2] = { op_type: 'FastRelu', domain: 'acme', input: ['h'], output: ['a'] } } }, message: 'it uses the custom operator acme.FastRelu; only standard operators and com.microsoft.InPlaceAccumulatorV2 are taken' },
    { what: 'the accumulator of an older version', change: { training: ({ graph }) => { for (const node of graph?.node ?? []) if (node.op_type === 'InPlaceAccumulatorV2') node.op_type = 'InPlaceAccumulator' } }, message: 'it holds no InPlaceAccumulatorV2, so it is no training model' },
    { what: 'a parameter without a gradient', change: { training: ({ graph }) => { if (graph) graph.node = graph.node?.filter(({ output }) => !output?.[0].startsWith('fc1.bias_grad')) } }, message: 'the checkpoint trains fc1.bias, and no InPlaceAccumulatorV2 takes fc1.bias_grad.accumulation.buffer' },
    { what: 'a custom operator in the evaluation model', change: { evaluation: ({ graph }) => { (graph?.node ?? [])[2].domain = 'com.microsoft' } }, message: 'it uses the custom operator com.microsoft.Relu' },
    { what: 'another shape than in the checkpoint', change: { training: ({ graph }) => { for (const { name, type } of graph?.input ?? []) if (name === 'fc1.bias' && type?.tensor_type?.shape?.dim) type.tensor_type.shape.dim[0].dim_value = 9 } }, message: 'it takes fc1.bias as [9], and the checkpoint has it as [8]' },
  ] as { what: string; change: Parameters<typeof writeHandmade>[2]; message: string }[])('are refused with a sentence: $what', async ({ change, message }) => {
    const error = await refusal(await damaged(change))
    expect(error.code).toBe('bad-artifact')
    expect(error.message).toContain(message)
    expect(error.message).toContain(join(folder, 'damaged'))
  })

  it('are refused when the bands of the cube are others', async () => {
    const other = await writeHandmade(join(folder, 'wide'), handmadeSVDD(BANDS + 1))
    expect((await refusal(other)).message).toContain('no input takes pixels of 6 bands, float32 [n, 6] or [B, H, W, 6] with free sizes; its inputs are x float32 [batch, 7]')
  })

  it('are refused with data outside of their folder, and taken with data inside', async () => {
    const outside = join(folder, 'weights.bin')
    await writeFile(outside, new Uint8Array(Float32Array.of(0.01).buffer))
    const move = (location: string) => ({ training: (message: ReturnType<typeof trainingModel>) => {
      const [scale] = message.graph?.initializer ?? []
      delete scale.raw_data
      Object.assign(scale, { data_location: 1, external_data: [{ key: 'location', value: location }] })
    } })
    for (const location of ['../weights.bin', outside]) expect((await refusal(await damaged(move(location)))).message).toContain(`keeps its data at ${location}, which is not in the folder of the model`)
    const beside = await damaged(move('weights.bin'))
    await writeFile(join(beside, 'weights.bin'), new Uint8Array(Float32Array.of(0.01).buffer))
    await train({ artifacts: beside })
    const inside = await valuesOf(out)
    await rm(join(folder, 'new'), { recursive: true })
    await train()
    expect(inside).toEqual(await valuesOf(out))
  })

  it('are refused when a file is missing, cut short or of another version', async () => {
    const set = handmadeSVDD(BANDS)
    const broken = await damaged({})
    const checkpoint = checkpointBytes(set)
    for (const version of [1, 3]) {
      await writeFile(join(broken, 'checkpoint'), checkpointBytes(set, version))
      expect((await refusal(broken)).message).toContain(`it has version ${version}, this Cuvette reads version 2`)
    }
    for (const length of [0, 6, 40, checkpoint.length >> 1, checkpoint.length - 8]) {
      await writeFile(join(broken, 'checkpoint'), checkpoint.subarray(0, length))
      expect((await refusal(broken)).code).toBe('bad-artifact')
    }
    await writeFile(join(broken, 'checkpoint'), checkpoint)
    const model = encodeModelMessage(trainingModel(set))
    for (const length of [0, 100, model.length - 1]) {
      await writeFile(join(broken, 'training_model.onnx'), model.subarray(0, length))
      expect((await refusal(broken)).code).toBe('bad-artifact')
    }
    await rm(join(broken, 'training_model.onnx'))
    expect(await refusal(broken)).toMatchObject({ code: 'missing-file', message: `The folder ${broken} holds no training artifacts: training_model.onnx is missing; expected are training_model.onnx, eval_model.onnx, optimizer_model.onnx, checkpoint.` })
    expect(decodeCheckpoint(checkpoint, '').trainable.size).toBe(3)
  })

  it('and bad requests get a sentence', async () => {
    expect(await refusal(svdd, { inputs: {} })).toMatchObject({ code: 'bad-argument', message: 'The models take radius_sq, float32 [], and nothing says what it is; give it with --input radius_sq=NUMBER, or in inputs.json beside them.' })
    expect((await refusal(svdd, { inputs: { radius_sq: 1, r: 2 } })).message).toContain('--input names r, which the models do not take; their further inputs are radius_sq.')
    const bare = await writeScene(folder, 'bare', scenePixels(), SHAPE, null)
    expect(await refusal(logistic, { inputs: {}, data: [bare] })).toMatchObject({ code: 'bad-data', message: expect.stringContaining('compare with a mask') as string })
    await writeFile(join(svdd, 'inputs.json'), '{"inputs": [{}]}')
    expect((await refusal(svdd)).message).toContain('lacks a proper "inputs.0.name"')
    await writeFile(join(svdd, 'inputs.json'), '{"inputs": [], "images": true}')
    expect(await refusal(svdd)).toMatchObject({ code: 'unsupported', message: expect.stringContaining('--artifacts draws loose pixels') as string })
    await rm(join(svdd, 'inputs.json'))
    expect((await refusal(svdd, { learningRate: 1e20 })).message).toContain('became')
    await expect(train({ out: folder })).rejects.toMatchObject({ code: 'cannot-write', message: `${folder} is not empty; name a new folder, or the folder of the artifacts to go on in it.` })
  })
})
