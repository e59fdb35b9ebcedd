import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomSource } from '../../src/engine/nodes/random'
import { factsOf } from '../../src/engine/inference/fits'
import { resolvePipeline } from '../../src/engine/pipeline/check'
import { parsePipeline } from '../../src/engine/pipeline/document'
import { initialState } from '../../src/engine/pipeline/state'
import { compileArtifacts, writeModels } from '../../src/engine/training/artifacts'
import type { Batch } from '../../src/engine/training/batch'
import { frameBatches } from '../../src/engine/training/data'
import type { Frame } from '../../src/engine/training/frame'
import type { Learner } from '../../src/engine/training/learner'
import { openLearner } from '../../src/engine/training/learner'
import { fillPool } from '../../src/engine/training/pixel-pool'
import { streamOfPool } from '../../src/engine/training/pixel-stream'
import { imagesOfPool, pixelBatches } from '../../src/engine/training/pool-batches'
import { fitStatistics } from '../../src/engine/training/statistical'
import { everyBand, memoryCube } from '../inference/cubes'
import { deepSVDD, observed, sceneMask, scenePixels, SHAPE, temporaryFolder } from './scene'

const pixels = scenePixels()
pixels[70 * SHAPE[2]] = Number.NaN
const frame: Frame = { cube: memoryCube(SHAPE, pixels), targets: sceneMask().map((value) => (value > 0 ? 1 : 0)) }

async function placesOf(batch: Batch): Promise<{ pieces: number[]; firsts: number[]; anomalous: number }> {
  const found = { pieces: [] as number[], firsts: [] as number[], anomalous: 0 }
  for await (const { cube, targets, pixels: count } of batch.pieces()) {
    found.pieces.push(count)
    for (let pixel = 0; pixel < count; pixel += 1) found.firsts.push(cube.data[pixel * SHAPE[2]])
    found.anomalous += targets?.data.reduce((sum, value) => sum + value, 0) ?? 0
  }
  return found
}

describe('batches of pixels', () => {
  it('show every pixel once an epoch, in an order that the seed and the epoch decide', async () => {
    const pool = await fillPool([frame.cube], randomSource(1), { bytes: 1e6, readBytes: 1e6, usable: everyBand })
    const settings = { size: 100, seed: 4, shuffle: true, piecePixels: 30 }
    const data = pixelBatches(pool, [frame], settings)
    expect(data.batchesPerEpoch).toBe(4)
    const epoch = async (number: number, source = data) => Promise.all([...source.batches(number)].map(placesOf))
    const first = await epoch(1)
    expect(first.map(({ pieces }) => pieces)).toEqual([[30, 30, 30, 10], [30, 30, 30, 10], [30, 30, 30, 10], [30, 29]])
    const all = Array.from({ length: 360 }, (_, pixel) => pixels[pixel * SHAPE[2]]).filter(Number.isFinite).sort((a, b) => a - b)
    expect(first.flatMap(({ firsts }) => firsts).sort((a, b) => a - b)).toEqual(all)
    expect(first.reduce((sum, { anomalous }) => sum + anomalous, 0)).toBe(4)
    expect(await epoch(1)).toEqual(first)
    const [batch] = [...data.batches(1)]
    for (let walk = 0; walk < 3; walk += 1) expect(await placesOf(batch)).toEqual(first[0])
    expect((await epoch(2))[0].firsts).not.toEqual(first[0].firsts)
    expect((await epoch(1, pixelBatches(pool, [frame], { ...settings, seed: 5 })))[0].firsts).not.toEqual(first[0].firsts)
    expect((await epoch(3, pixelBatches(pool, [frame], { ...settings, shuffle: false })))[0].firsts[0]).toBe(pixels[0])
    expect(imagesOfPool(pool, [frame]).map(({ pixels: count }) => count)).toEqual([359])
  })

  it('of whole frames leave out what cannot be used, and fill pieces across frames', async () => {
    const data = frameBatches([frame, frame], { size: 2, seed: 1, shuffle: true }, { readBytes: 500, usable: everyBand, whole: false, piecePixels: 400 })
    const [batch] = [...data.batches(1)]
    expect(batch.single).toBe(false)
    expect((await placesOf(batch)).pieces).toEqual([400, 318])
    expect((await placesOf(batch)).anomalous).toBe(8)
    const whole = frameBatches([frame], { size: 1, seed: 1, shuffle: false }, { readBytes: 500, usable: everyBand, whole: true })
    await expect(placesOf([...whole.batches(1)][0])).rejects.toMatchObject({ code: 'bad-data', message: expect.stringContaining('line 3, sample 10') as string })
  })
})

describe('micro-batches', () => {
  let folder: string
  let learner: Learner
  beforeAll(async () => {
    folder = await temporaryFolder()
    const { text, path } = deepSVDD()
    const pipeline = resolvePipeline(parsePipeline(text, path), factsOf(frame.cube))
    const state = initialState(pipeline, 1)
    const pool = await fillPool([frame.cube], randomSource(1), { bytes: 1e6, readBytes: 1e6, usable: everyBand })
    await fitStatistics(pipeline, state, streamOfPool(pool, [frame], { readBytes: 1e6, usable: everyBand }), { seed: 1, device: 'cpu' }, observed())
    if (!pipeline.trainer) throw new Error('The document states a trainer.')
    const artifacts = compileArtifacts(pipeline, state, pipeline.trainer)
    expect(artifacts.additive).toBe(true)
    await writeModels(folder, artifacts)
    learner = await openLearner(folder, { ...artifacts, frozen: new Map(), optimizer: null, properties: { ints: {}, strings: {} } }, 'cpu')
  })
  afterAll(async () => {
    await learner.release()
    await rm(join(folder), { recursive: true })
  })

  it('come to the loss, gradients, centre and validation of the whole batch', async () => {
    const pool = await fillPool([frame.cube], randomSource(1), { bytes: 1e6, readBytes: 1e6, usable: everyBand })
    const start = learner.state.moving.get('center._tracked_center')
    if (!start) throw new Error('The centre moves.')
    // Away from the mean of these pixels, where it would stay.
    const center = { ...start, data: start.data.map((value) => 0.5 * value + 0.1) }
    const results = []
    for (const piecePixels of [1000, 359, 100, 7]) {
      learner.state.moving.set('center._tracked_center', center)
      const [batch] = [...pixelBatches(pool, [frame], { size: 1000, seed: 1, shuffle: false, piecePixels }).batches(1)]
      expect(batch.single).toBe(piecePixels >= 359)
      const step = await learner.differentiate(batch)
      const moved = learner.state.moving.get('center._tracked_center')?.data as Float32Array
      const { loss } = await learner.evaluate(batch, [], () => undefined)
      expect(learner.state.moving.get('center._tracked_center')?.data).toEqual(moved)
      results.push({ ...step, moved, validation: loss })
    }
    const [whole, ...cut] = results
    expect(whole.moved).not.toEqual(center.data)
    for (const one of cut) {
      expect(one.pixels).toBe(359)
      expect(Math.abs(one.loss / whole.loss - 1)).toBeLessThan(1e-6)
      expect(Math.abs(one.validation / whole.validation - 1)).toBeLessThan(1e-6)
      one.moved.forEach((value, index) => expect(Math.abs(value - whole.moved[index])).toBeLessThan(1e-6))
      for (const [name, gradient] of one.gradients) {
        const expected = whole.gradients.get(name) as Float64Array
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
        // The radius gathers one equal term a pixel, which the whole batch adds up in float32: an error of up to N / 2 units.
        const relative = name === 'loss.r_unconstrained' ? 359 * 2 ** -25 : 1e-6
        gradient.forEach((value, index) => expect(Math.abs(value - expected[index])).toBeLessThan(relative * largest))
      }
    }
  })
})
