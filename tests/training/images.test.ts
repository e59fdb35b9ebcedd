import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openTrainedPipeline } from '../../src/engine/inference/trained-pipeline'
import { fitPipeline } from '../../src/engine/training/fit'
import { ANOMALIES, contents, deepSVDD, observed, request, scenePixels, SHAPE, stopAfterEpoch, temporaryFolder, writeScene } from './scene'

vi.mock('../../src/engine/nodes/registry', async (original) => {
  const registry = await original<typeof import('../../src/engine/nodes/registry')>()
  const { imageNodes } = await import('./image-nodes')
  return { ...registry, nodeType: (name: string) => imageNodes.find(({ description }) => description.type === name) ?? registry.nodeType(name) }
})

let folder: string
let cube: string
let second: string
const other = scenePixels(2).map((value) => value + 100)
beforeEach(async () => {
  folder = await temporaryFolder()
  cube = await writeScene(folder, 'scene')
  second = await writeScene(folder, 'second', other)
})
afterEach(() => rm(folder, { recursive: true }))

/** Deep SVDD with one more node right behind the cube. */
const behind = (type: string, trainer: Record<string, unknown> = {}) => deepSVDD({ batch: undefined, ...trainer }, ({ nodes, connections }) => {
  nodes.extra = { type }
  connections.splice(0, 1, ['cube.cube', 'extra.data'], ['extra.out', 'encoder.data'])
})
const statistics = { epochs: 0 }

async function stateOf(out: string): Promise<Map<string, Float32Array>> {
  return new Map([...(await openTrainedPipeline(out)).state].map(([name, { data }]) => [name, data as Float32Array]))
}

function meanOf(values: ArrayLike<number>, pixels: readonly number[]): number[] {
  return Array.from({ length: 6 }, (_, band) => pixels.reduce((sum, pixel) => sum + values[pixel * 6 + band], 0) / pixels.length)
}
const all = Array.from({ length: SHAPE[0] * SHAPE[1] }, (_, pixel) => pixel)

function expectNear(found: ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-4): void {
  expect(found).toHaveLength(expected.length)
  expected.forEach((value, index) => expect(Math.abs((found?.[index] ?? NaN) - value)).toBeLessThan(tolerance))
}

describe('statistics behind a node that looks at images', () => {
  it('see whole cubes, one after the other', async () => {
    const out = join(folder, 'out')
    const report = await fitPipeline(request(behind('Centred', statistics), [cube, second], out), observed())
    expect(report.phases.statistical).toMatchObject({ nodes: ['encoder', 'center'], pixels: 720 })
    // Each cube loses a mean of its own: as loose pixels, 100 would stay between them.
    expectNear((await stateOf(out)).get('encoder.zscore_mean'), [0, 0, 0, 0, 0, 0])
    const deviation = (values: Float32Array, band: number) => {
      const mean = meanOf(values, all)[band]
      return all.reduce((sum, pixel) => sum + (values[pixel * 6 + band] - mean) ** 2, 0)
    }
    expectNear((await stateOf(out)).get('encoder.zscore_std'), [0, 1, 2, 3, 4, 5].map((band) => Math.sqrt((deviation(scenePixels(), band) + deviation(other, band)) / 719)), 1e-3)
  })

  it('leave out pixels that cannot be used', async () => {
    const pixels = scenePixels()
    for (const pixel of [3, 70]) pixels[pixel * 6 + 1] = Number.NaN
    const holes = await writeScene(folder, 'holes', pixels)
    const out = join(folder, 'out')
    await fitPipeline(request(behind('Through', statistics), [holes], out), observed())
    expectNear((await stateOf(out)).get('encoder.zscore_mean'), meanOf(pixels, all.filter((pixel) => ![3, 70].includes(pixel))))
  })

  it('get the mask where they learn from it, as images and as loose pixels', async () => {
    for (const type of ['Through', null]) {
      const out = join(folder, `out-${type}`)
      const pipeline = deepSVDD(statistics, ({ nodes, connections }) => {
        nodes.supervised = { type: 'Supervised' }
        if (type) nodes.extra = { type }
        connections.splice(0, 1, ...(type ? [['cube.cube', 'extra.data'], ['extra.out', 'supervised.data']] as [string, string][] : [['cube.cube', 'supervised.data']] as [string, string][]), ['supervised.out', 'encoder.data'])
      })
      await fitPipeline(request(pipeline, [cube, second], out), observed())
      const expected = meanOf([...scenePixels(), ...other], [...ANOMALIES, ...ANOMALIES.map((pixel) => pixel + 360)])
      expectNear((await stateOf(out)).get('supervised.anomalous'), expected)
    }
  })

  it('are refused without the mask that they need', async () => {
    const bare = await writeScene(folder, 'bare', scenePixels(), SHAPE, null)
    await expect(fitPipeline(request(behind('Supervised'), [bare], join(folder, 'out')), observed())).rejects.toMatchObject({
      code: 'bad-data', message: `The node extra (Supervised) learns from the mask, but ${bare} has none; name one with --mask.`,
    })
  })
})

describe('training on images', () => {
  it.each([
    ['whole frames', {}],
    ['whole frames, two at once', { batch: { frames: 2 } }],
    ['tiles', { batch: { tiles: 4, size: [9, 10], overlap: 2 } }],
    ['random tiles, accumulated', { batch: { tiles: 3, size: [6, 8], place: 'random' }, accumulate: 2 }],
  ])('of %s learns, repeats, and resumes to the same bytes', async (_name, trainer) => {
    const pipeline = behind('Centred', { optimizer: { name: 'adamw', lr: 0.02 }, ...trainer })
    const whole = join(folder, 'whole')
    const report = await fitPipeline(request(pipeline, [cube, second], whole), observed())
    const losses = report.phases.gradient?.loss ?? []
    expect(losses).toHaveLength(4)
    expect(losses[3]).toBeLessThan(losses[0])
    const expected = (await contents(whole))['state.safetensors']
    const out = join(folder, 'resumed')
    await fitPipeline(request(pipeline, [cube, second], out), stopAfterEpoch(2))
    const resumed = await fitPipeline(request(pipeline, [cube, second], out, { resume: true, seed: undefined }), observed())
    expect(resumed.phases.gradient?.loss).toEqual(losses)
    expect((await contents(out))['state.safetensors']).toBe(expected)
  })

  it('refuses loose pixels', async () => {
    await expect(fitPipeline(request(behind('Centred', { batch: { pixels: 90 } }), [cube], join(folder, 'out')), observed())).rejects.toMatchObject({
      code: 'bad-pipeline', message: 'The node extra (Centred) looks at images, so loose pixels cannot train the pipeline; set the batch to {frames: 1} or {tiles: 8, size: [64, 64]}.',
    })
  })

  it('refuses frames with pixels that cannot be used before it starts, and leaves such tiles out', async () => {
    const pixels = scenePixels()
    pixels[70 * 6] = Number.NaN
    const holes = await writeScene(folder, 'holes', pixels)
    const out = join(folder, 'out')
    const whole = fitPipeline(request(behind('Through', {}), [holes], out), observed())
    await expect(whole).rejects.toMatchObject({ code: 'bad-data', where: 'line 3, sample 10', message: expect.stringContaining('set trainer.batch to {tiles: 8, size: [64, 64]}') as string })
    expect(Object.keys(await contents(out))).toEqual([])
    const report = await fitPipeline(request(behind('Through', { batch: { tiles: 2, size: [9, 10] } }), [holes], out), observed())
    expect(report.warnings).toContain('1 of 4 tiles hold pixels without a finite value and were left out of the training.')
    expect(report.phases.gradient?.epochs).toBe(4)
  })

  it('moves state with every batch and holds it in validation', async () => {
    const out = join(folder, 'out')
    // Nothing is learned, so that the batches stay what they are.
    const pipeline = behind('BatchCentred', { epochs: 2, batch: { frames: 1 }, shuffle: false, unfreeze: ['extra'], optimizer: { name: 'sgd', lr: 1e-12, momentum: 0, weight_decay: 0 } })
    await fitPipeline(request(pipeline, [cube, second], out), observed())
    let running = [0, 0, 0, 0, 0, 0]
    for (const pixels of [scenePixels(), other, scenePixels(), other]) running = running.map((value, band) => 0.75 * value + 0.25 * meanOf(pixels, all)[band])
    expectNear((await stateOf(out)).get('extra.running'), running, 1e-3)
    const loose = await fitPipeline(request(behind('BatchCentred', { batch: { pixels: 100 } }), [cube, second], join(folder, 'loose')), observed())
    expect(loose.phases.gradient?.epochs).toBe(4)
    await readFile(join(folder, 'loose', 'model.onnx'))
  })
})
