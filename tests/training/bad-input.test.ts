import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import type { FitRequest } from '../../src/shared/reports'
import { contents, deepSVDD, observed, request, rx, scenePixels, sceneMask, SHAPE, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

/** Path endings whose writing fails as on a full disk, and how often it succeeds before. */
const fullDisk = vi.hoisted(() => ({ ending: null as string | null, after: 0 }))

vi.mock('../../src/engine/files/atomic', async (original) => {
  const real = await original<typeof import('../../src/engine/files/atomic')>()
  return {
    ...real,
    writeFileAtomic(path: string, content: Uint8Array | string) {
      if (fullDisk.ending === null || !path.endsWith(fullDisk.ending) || fullDisk.after-- > 0) return real.writeFileAtomic(path, content)
      // Half of the bytes reach the disk before it is full.
      return real.openAtomic(path).then(async (file) => {
        await file.write(content.slice(0, content.length / 2) as Uint8Array)
        await file.abort()
        throw real.cannotWrite(path, Object.assign(new Error('full'), { code: 'ENOSPC' }))
      })
    },
  }
})

let folder: string
let cube: string
let out: string
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  out = join(folder, 'out')
})
afterEach(async () => {
  fullDisk.ending = null
  fullDisk.after = 0
  await rm(folder, { recursive: true })
})

/** The one sentence of a fit that is refused; nothing may be left of it. */
async function refusal(asked: FitRequest): Promise<{ code: string; message: string; path?: string }> {
  const before = await contents(folder)
  const error = await fitPipeline(asked, observed()).then(() => null, (thrown: unknown) => thrown as { code: string; message: string; path?: string })
  if (!error) throw new Error('It was not refused.')
  expect(error.message).toMatch(/^[A-Z/].*\.$/s)
  expect(error.message).not.toContain('\n')
  expect(await contents(folder)).toEqual(before)
  expect(await stat(asked.out).then((found) => found.isDirectory(), () => false)).toBe(false)
  return error
}

describe('a fit that cannot be', () => {
  it('names what is wrong with the request', async () => {
    expect(await refusal(request(deepSVDD(), [], out))).toMatchObject({ code: 'bad-argument', message: 'No cube was named; name at least one with --data, or in the data section of the document.' })
    expect(await refusal(request(deepSVDD(), [cube], out, { epochs: 1.5 }))).toMatchObject({ code: 'bad-argument' })
    expect(await refusal(request(deepSVDD(), [cube], out, { seed: -1 }))).toMatchObject({ code: 'bad-argument' })
    expect(await refusal(request(deepSVDD(), [cube], out, { learningRate: 0 }))).toMatchObject({ code: 'bad-argument' })
    expect(await refusal(request(deepSVDD(), [cube], out, { masks: ['a', 'b'] }))).toMatchObject({ code: 'bad-argument', message: 'There are 1 cubes and 2 masks; name one mask for each cube, or none.' })
    expect(await refusal(request(deepSVDD(), [cube], out, { resume: true }))).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('There is no checkpoint') as string })
    expect(await refusal(request(deepSVDD(), [cube], out, { device: process.platform === 'win32' ? 'coreml' : 'dml' }))).toMatchObject({ code: 'device-unavailable' })
  })

  it('names a cube that is not there or has other bands', async () => {
    expect(await refusal(request(deepSVDD(), [join(folder, 'none.img')], out))).toMatchObject({ code: 'missing-file' })
    const other = await writeScene(folder, 'other', scenePixels(1, [4, 5, 3]), [4, 5, 3], null)
    expect(await refusal(request(deepSVDD(), [cube, other], out))).toMatchObject({ code: 'bad-data', message: `${other} has 3 bands, but ${cube} has 6; use cubes with the same bands.` })
    expect(await refusal(request(deepSVDD(), [cube], out, { validation: [other] }))).toMatchObject({ code: 'bad-data' })
  })

  it('names a mask of the wrong size', async () => {
    await writeScene(folder, 'small', scenePixels(1, [3, 4, 6]), [3, 4, 6], sceneMask([3, 4, 6]))
    const error = await refusal(request(deepSVDD(), [cube], out, { masks: [join(folder, 'small_mask.hdr')] }))
    expect(error).toMatchObject({ code: 'bad-mask', message: expect.stringContaining('3 lines x 4 samples') as string })
  })

  it('names what is wrong with the pipeline', async () => {
    expect(await refusal(request(deepSVDD({}, ({ nodes }) => { nodes.projection = { type: 'Mystery' } }), [cube], out))).toMatchObject({ code: 'bad-pipeline' })
    expect(await refusal(request(deepSVDD({}, ({ nodes }) => { nodes.encoder.config = { num_channels: 5 } }), [cube], out))).toMatchObject({ code: 'bad-pipeline', message: expect.stringContaining('expects 5 channels') as string })
    const frozen = deepSVDD({ unfreeze: [], losses: ['loss'] }, ({ nodes }) => { nodes.loss.config = { weight: 0 } })
    // The loss's own radius always trains, so this one is a training of the radius alone.
    await fitPipeline(request(frozen, [cube], out), observed())
    expect((await openTrainedPipeline(out)).record.epochs).toHaveLength(4)
  })

  it('says before any training that a watched number needs a mask', async () => {
    const bare = await writeScene(folder, 'bare', scenePixels(), SHAPE, null)
    const pipeline = deepSVDD({ scheduler: { name: 'reduce_on_plateau', monitor: 'metrics/iou', mode: 'max' } })
    expect(await refusal(request(pipeline, [bare], out))).toMatchObject({ code: 'bad-data', message: `The trainer watches metrics/iou, but ${bare} has no mask to compare with; name one, or watch val_loss.` })
  })

  it('says before any training that a loss needs a mask, of training and of validation cubes', async () => {
    const bare = await writeScene(folder, 'bare', scenePixels(), SHAPE, null)
    const compared = deepSVDD({}, ({ nodes, connections }) => {
      nodes.overlap = { type: 'IoULoss' }
      connections.push(['scores.scores', 'overlap.predictions'], ['cube.mask', 'overlap.targets'])
    })
    expect(await refusal(request(compared, [bare], out))).toMatchObject({ code: 'bad-data', message: `The loss overlap compares with a mask, but ${bare} has none; name one with --mask.` })
    expect(await refusal(request(compared, [cube], out, { validation: [bare] }))).toMatchObject({ code: 'bad-data', message: `The loss overlap compares with a mask, but ${bare} has none; name one with --val-mask.` })
    // A loss that is not listed needs none.
    const listed = { text: compared.text.replace('"trainer":{', '"trainer":{"losses":["loss"],'), path: compared.path }
    await fitPipeline(request(listed, [bare], out, { epochs: 1 }), observed())
  })

  it('names a cube without a single usable pixel', async () => {
    const empty = await writeScene(folder, 'empty', scenePixels().fill(Number.NaN))
    for (const pipeline of [deepSVDD(), rx()]) {
      expect(await refusal(request(pipeline, [empty], out))).toMatchObject({ code: 'bad-data', message: `No pixel of the training cubes has a finite value in every band that is used; check the no-data value and the bad bands of ${empty}.` })
    }
  })

  it('names a folder that cannot be written', async () => {
    const below = join(cube, 'out')
    expect(await refusal(request(deepSVDD(), [cube], below))).toMatchObject({ code: 'cannot-write', message: expect.stringContaining(below) as string })
  })

  it.each(['pipeline.yaml', 'state.safetensors', 'model.onnx', 'run.json'])('leaves nothing of a statistical fit when the disk is full at %s', async (ending) => {
    fullDisk.ending = ending
    expect(await refusal(request(rx(), [cube], out))).toMatchObject({ code: 'cannot-write', message: expect.stringContaining('the disk is full') as string })
  })

  it.each(['pipeline.yaml', 'state.safetensors', 'training_model.onnx', 'eval_model.onnx', 'optimizer_model.onnx', 'checkpoint'])('leaves nothing of a training when the disk is full at %s before an epoch is finished', async (ending) => {
    fullDisk.ending = ending
    expect(await refusal(request(deepSVDD(), [cube], out))).toMatchObject({ code: 'cannot-write', message: expect.stringContaining('the disk is full') as string })
  })

  it.each(['model.onnx', 'run.json'])('keeps what was trained when the disk is full at %s', async (ending) => {
    fullDisk.ending = join('out', ending)
    await expect(fitPipeline(request(deepSVDD(), [cube], out), observed())).rejects.toMatchObject({ code: 'cannot-write' })
    expect(Object.keys(await contents(out)).filter((name) => name.endsWith('.tmp'))).toEqual([])
    await expect(openTrainedPipeline(out)).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('was not finished') as string })
    fullDisk.ending = null
    const resumed = await fitPipeline(request(deepSVDD(), [cube], out, { resume: true }), observed())
    expect(resumed.phases.gradient?.epochs).toBe(4)
    await openTrainedPipeline(out)
  })

  it.each([['epoch-3', 0], ['epoch-4', 0], ['checkpoint', 3], ['last', 0]] as const)('goes on with kept epochs when the disk is full at %s', async (ending, after) => {
    const whole = join(folder, 'whole')
    const keeping = () => deepSVDD({ checkpoints: { monitor: 'val_loss', mode: ending === 'last' ? 'max' : 'min', keep: 2 } })
    await fitPipeline(request(keeping(), [cube], whole), observed())
    Object.assign(fullDisk, { ending, after })
    await expect(fitPipeline(request(keeping(), [cube], out), observed())).rejects.toMatchObject({ code: 'cannot-write' })
    fullDisk.ending = null
    await fitPipeline(request(keeping(), [cube], out, { resume: true }), observed())
    const [found, expected] = [await contents(out), await contents(whole)]
    expect(Object.keys(found).sort()).toEqual(Object.keys(expected).sort())
    for (const name of Object.keys(expected)) if (name !== 'run.json') expect(found[name] === expected[name], name).toBe(true)
  })

  it('keeps the last epoch when the disk fills up in the middle, and goes on from there', async () => {
    fullDisk.ending = 'checkpoint'
    // The first checkpoint and two epochs.
    fullDisk.after = 3
    await expect(fitPipeline(request(deepSVDD(), [cube], out), observed())).rejects.toMatchObject({ code: 'cannot-write' })
    fullDisk.ending = null
    await fitPipeline(request(deepSVDD(), [cube], out, { resume: true }), observed())
    await fitPipeline(request(deepSVDD(), [cube], join(folder, 'whole')), observed())
    expect((await readFile(join(out, 'state.safetensors'))).equals(await readFile(join(folder, 'whole', 'state.safetensors')))).toBe(true)
  })
})

describe('a fit over another one', () => {
  it('leaves the old pipeline alone until it is finished, and then takes its place', async () => {
    await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 1 }), observed())
    await writeFile(join(out, 'notes.txt'), 'mine')
    const old = await contents(out)
    const stop = observed((progress, context) => { if (progress.kind === 'stage' && progress.stage === 'train') context.abort() })
    await expect(fitPipeline(request(deepSVDD(), [cube], out, { epochs: 3 }), stop)).rejects.toMatchObject({ code: 'cancelled' })
    expect(await contents(out)).toEqual(old)

    fullDisk.ending = join('unfinished', 'model.onnx')
    await expect(fitPipeline(request(deepSVDD(), [cube], out, { epochs: 3 }), observed())).rejects.toMatchObject({ code: 'cannot-write' })
    fullDisk.ending = null
    expect((await openTrainedPipeline(out)).record.epochs).toHaveLength(1)

    const resumed = await fitPipeline(request(deepSVDD(), [cube], out, { resume: true }), observed())
    expect(resumed.phases.gradient?.epochs).toBe(3)
    expect((await openTrainedPipeline(out)).record.epochs).toHaveLength(3)
    expect(Object.keys(await contents(out)).sort()).toEqual([...Object.keys(old)].sort())

    // A pipeline without gradients leaves no artifacts of the one before.
    await fitPipeline(request(rx(), [cube], out), observed())
    expect(Object.keys(await contents(out)).sort()).toEqual(['model.onnx', 'notes.txt', 'pipeline.yaml', 'run.json', 'state.safetensors'])
    await openTrainedPipeline(out)
  })

  it('is finished by the next --resume when it was interrupted while it moved into place', async () => {
    await fitPipeline(request(deepSVDD(), [cube], out, { epochs: 1 }), observed())
    const next = join(folder, 'next')
    await fitPipeline(request(deepSVDD(), [cube], next, { epochs: 2 }), observed())
    // As a crash leaves it: some files moved, run.json not yet.
    const unfinished = join(out, 'unfinished')
    await mkdir(join(unfinished, 'training'), { recursive: true })
    for (const name of ['pipeline.yaml', 'state.safetensors']) await writeFile(join(out, name), await readFile(join(next, name)))
    for (const name of ['model.onnx', 'run.json', 'training/training_model.onnx', 'training/eval_model.onnx', 'training/optimizer_model.onnx', 'training/checkpoint']) {
      await writeFile(join(unfinished, name), await readFile(join(next, name)))
    }
    await expect(openTrainedPipeline(out)).rejects.toMatchObject({ code: 'bad-artifact', message: expect.stringContaining('continue it with "cuvette fit --resume"') as string })
    await fitPipeline(request(deepSVDD(), [cube], out, { resume: true, epochs: 2 }), observed())
    const { record, state } = await openTrainedPipeline(out)
    expect(record.epochs).toHaveLength(2)
    expect(state).toEqual((await openTrainedPipeline(next)).state)
  })
})

describe('--resume', () => {
  beforeEach(async () => {
    await fitPipeline(request(deepSVDD(), [cube], out), stopAfterEpoch(2))
  })

  const resume = (asked: Partial<FitRequest>, pipeline = deepSVDD(), data = [cube]) => fitPipeline(request(pipeline, data, out, { resume: true, ...asked }), observed())

  it('refuses another pipeline, other data, another seed or rate', async () => {
    const other = await writeScene(folder, 'other', scenePixels(8))
    const settings = { code: 'bad-argument', message: expect.stringContaining('was made with other nodes or settings') as string }
    await expect(resume({}, deepSVDD({ gradient_clip: 2 }))).rejects.toMatchObject(settings)
    await expect(resume({}, deepSVDD({}, ({ nodes }) => { nodes.loss.config = { nu: 0.2 } }))).rejects.toMatchObject(settings)
    await expect(resume({ seed: 77 })).rejects.toMatchObject(settings)
    await expect(resume({ learningRate: 0.1 })).rejects.toMatchObject(settings)
    await expect(resume({}, deepSVDD(), [other])).rejects.toMatchObject({ code: 'bad-argument', message: expect.stringContaining('was made with other cubes') as string })
    await openTrainedPipeline(out)
    await resume({})
  })

  it('refuses a damaged checkpoint or state with one sentence', async () => {
    const path = join(out, 'training', 'checkpoint')
    const whole = await readFile(path)
    for (const damage of [whole.subarray(0, 300), Buffer.from('nonsense'), Buffer.alloc(0)]) {
      await writeFile(path, damage)
      await expect(resume({})).rejects.toMatchObject({ code: 'bad-artifact', path })
    }
    await writeFile(path, whole)
    await writeFile(join(out, 'state.safetensors'), 'nonsense')
    await expect(resume({})).rejects.toMatchObject({ code: 'bad-artifact' })
  })
})
